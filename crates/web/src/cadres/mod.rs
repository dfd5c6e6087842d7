//! 团干部管理: the list, entering and changing posts, the 书记, 换届, 管理员变更, 观察员 (A14, A27 to A30,
//! A32). Most pages are for the organisation acted for or, with `at`, for one of its direct children.

/// 管理员变更 and the yearly confirmation.
pub mod admins;
/// 录入本级团干部, 团干部职务变更, 免去职务.
pub mod change;
/// 换届.
pub mod election;
/// 团干部列表.
pub mod list;
/// 观察员管理.
pub mod observers;
/// 书记信息.
pub mod secretary;
/// 延期换届.
pub mod term;

use crate::{error::Failure, visit::Visit};
use app::{Action, Cx, Error, FieldError, OrgRef, cadres, rules::Rules};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which organisation a page is about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct At {
    /// 组织码 of a direct child; empty for the organisation acted for.
    pub at: String,
}

/// The organisation of `at`, if it may be seen.
async fn org_at(cx: &mut Cx, code: &str) -> Result<OrgRef, Error> {
    let own = cx.org()?.clone();
    let code = app::orgs::code::digits(code).unwrap_or_default();
    if code.is_empty() || code == own.code {
        return Ok(own);
    }
    let org = app::orgs::by_code(cx, &code).await?;
    if cx.may(Action::SeeCadres, &org.path) { Ok(org) } else { Err(Error::NotFound) }
}

/// `?at=…` for the address of a page about `org`; nothing for the own organisation.
fn query_at(cx: &Cx, org: &OrgRef) -> String {
    match cx.org() {
        Ok(own) if own.id != org.id => format!("?at={}", org.code),
        _ => String::new(),
    }
}

/// The organisation acted for and its direct children as choices; two hundred at most.
async fn places(cx: &mut Cx) -> Result<Vec<(String, String)>, Error> {
    let own = cx.org()?.clone();
    let mut all = vec![(own.code.clone(), format!("{}(本级)", own.short_name))];
    if !own.category.owns_members() {
        let rows = app::orgs::children(cx, &own, None, 200).await?.rows;
        all.extend(rows.into_iter().map(|c| (c.code, c.short_name)));
    }
    Ok(all)
}

/// What is wrong with a form that is shown again; anything else is no matter of its fields.
fn wrong(error: Error) -> Result<Vec<FieldError>, Failure> {
    match error {
        Error::Invalid(errors) => Ok(errors),
        other => Err(other.into()),
    }
}

/// The posts of an organisation as a select offers them.
fn posts_of(org: &OrgRef) -> Vec<(&'static str, &'static str)> {
    let posts = Rules::builtin().tree.posts_of(org.category);
    posts.map(|p| (p.name.as_str(), p.name.as_str())).collect()
}

fn natures() -> Vec<(&'static str, &'static str)> {
    crate::members::offered(&Rules::builtin().codes.post_nature)
}

/// 任期, as pages say it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Term {
    pub elected_on: String,
    pub ends: String,
    pub years: i64,
    pub days_left: i64,
    /// Whether the superior has put the election off.
    pub put_off: bool,
    /// `ok`, `warn` or `err`.
    pub kind: &'static str,
    /// 还有 3 天 and the like.
    pub says: String,
}

/// The term of an organisation; `None` where none is known.
pub(crate) async fn term_of(v: &mut Visit, org: &OrgRef) -> Result<Option<Term>, Failure> {
    let term = cadres::term_of(&mut v.cx, org).await?;
    let shown = |t: cadres::Term| Term {
        kind: if t.is_over() {
            "err"
        } else if t.ends_soon() {
            "warn"
        } else {
            "ok"
        },
        says: if t.is_over() {
            format!("已过期 {} 天", -t.days_left)
        } else {
            format!("还有 {} 天", t.days_left)
        },
        elected_on: t.elected_on.to_string(),
        ends: t.ends.to_string(),
        years: t.years,
        days_left: t.days_left,
        put_off: t.put_off.is_some(),
    };
    Ok(term.map(shown))
}
