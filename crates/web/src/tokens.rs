//! 我的令牌: one's own personal tokens for programs; listed, made and ended.

use crate::{answer::Answer, error::Failure, form::Form, frame::Frame, page, visit::Visit};
use app::{Error, clock, users::tokens};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// 我的令牌.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "users/tokens.html")]
pub struct Tokens {
    #[serde(skip)]
    frame: Frame,
    list: Vec<TokenView>,
    /// A new token's secret, this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip)]
    form: TokenForm,
    #[serde(skip)]
    orgs: Vec<(String, String)>,
    default_days: i64,
    max_days: i64,
    #[serde(skip)]
    days_hint: String,
    /// Asked for with a token, which makes none.
    #[serde(skip)]
    signed_in: bool,
}
page!(Tokens);

/// One token.
#[derive(Serialize, JsonSchema)]
pub struct TokenView {
    pub id: String,
    pub label: String,
    /// `read` or `write`.
    pub scope: &'static str,
    /// 组织码 of the one organisation that it is good for.
    pub org: Option<String>,
    pub org_name: Option<String>,
    pub made: String,
    pub used: Option<String>,
    pub expires: String,
}

/// What a new token is for.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TokenForm {
    label: String,
    /// `read` (the default) or `write`.
    scope: String,
    /// 组织码; empty: all organisations of the person.
    org: String,
    /// Days that it lives; empty: as the policy says.
    days: String,
}
impl Default for TokenForm {
    fn default() -> Self {
        let empty = String::new();
        Self { label: empty.clone(), scope: "read".into(), org: empty.clone(), days: empty }
    }
}

async fn list_page(v: &mut Visit) -> Result<Tokens, Failure> {
    let view = |t: tokens::Token| TokenView {
        id: t.id.to_string(),
        label: t.label,
        scope: if t.writes { "write" } else { "read" },
        org: t.org,
        org_name: t.org_name,
        made: clock::show_time(t.created_at),
        used: t.used_at.map(clock::show_time),
        expires: clock::show_day(t.expires_at),
    };
    let list = tokens::mine(&mut v.cx).await?.into_iter().map(view).collect();
    let visitor = v.cx.visitor()?;
    let signed_in = visitor.session.is_some();
    let orgs =
        visitor.grants.iter().map(|g| (g.org.code.clone(), g.org.short_name.clone())).collect();
    let (default_days, max_days) = tokens::days();
    Ok(Tokens {
        frame: v.personal_frame("我的令牌").await?,
        list,
        token: None,
        form: TokenForm::default(),
        orgs,
        default_days,
        max_days,
        days_hint: format!("不填就是{default_days}天，最长{max_days}天"),
        signed_in,
    })
}

/// `GET /me/tokens`.
pub async fn list(mut v: Visit) -> Result<Answer, Failure> {
    let page = list_page(&mut v).await?;
    v.show(page).await
}

/// `POST /me/tokens`: the answer shows the secret, this once; it is kept nowhere.
pub async fn make(mut v: Visit, Form(f): Form<TokenForm>) -> Result<Answer, Failure> {
    let made = match wish(&f) {
        Ok(wish) => tokens::make_own(&mut v.cx, &wish).await,
        Err(e) => Err(e),
    };
    match made {
        Ok(secret) => {
            let mut page = list_page(&mut v).await?;
            page.token = Some(secret);
            v.done_showing(page).await
        }
        Err(Error::Invalid(errors)) => {
            let mut page = list_page(&mut v).await?;
            page.form = f;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(e) => Err(e.into()),
    }
}

fn wish(f: &TokenForm) -> app::Result<tokens::Wish> {
    let writes = match f.scope.as_str() {
        "" | "read" => false,
        "write" => true,
        _ => return Err(Error::field("scope", "E10", "请选择令牌能做什么。")),
    };
    let days = match f.days.trim() {
        "" => None,
        // What is no number is judged as a number out of bounds.
        days => Some(days.parse().unwrap_or(0)),
    };
    let org = Some(f.org.trim().to_owned()).filter(|code| !code.is_empty());
    Ok(tokens::Wish { label: f.label.clone(), writes, org, days })
}

/// Which token to end; none means all.
#[derive(Deserialize, JsonSchema)]
pub struct EndTokenForm {
    #[serde(default)]
    id: String,
}

/// `POST /me/tokens/end`.
pub async fn end(mut v: Visit, Form(f): Form<EndTokenForm>) -> Result<Answer, Failure> {
    let gone = || Error::field("id", "token", "没有找到这个令牌，它可能已经停用。请刷新列表再看。");
    let one = match f.id.trim() {
        "" => None,
        id => Some(id.parse::<i64>().map_err(|_| gone())?),
    };
    let ended = tokens::end_own(&mut v.cx, one).await?;
    if ended == 0 && one.is_some() {
        return Err(gone().into());
    }
    v.done("/me/tokens", format!("已停用{ended}个令牌，用它们的程序不能再进入。")).await
}
