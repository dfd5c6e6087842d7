//! 录入本级团干部 (A28), 团干部职务变更 with the timeline of posts (A29), 免去职务 with its effect.

use super::{At, natures, org_at, posts_of, query_at, wrong};
use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Query},
    frame::Frame,
    page,
    people::PostLine,
    visit::Visit,
};
use app::{
    Error, OrgRef,
    cadres::{
        self, EnteredCadre, NewCadre, PostForm,
        change::{self, Changing, REASONS},
    },
    clock,
    people::Entered,
    rules::person::RawCell,
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A cadre to be entered.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NewForm {
    name: String,
    id_number: String,
    mobile: String,
    post: String,
    post_since: String,
    post_nature: String,
    /// 是 or 否.
    in_party_committee: String,
}
impl NewForm {
    fn cadre(&self) -> NewCadre {
        NewCadre {
            name: self.name.clone(),
            id_number: RawCell::text(self.id_number.as_str()),
            mobile: self.mobile.clone(),
            post: PostForm {
                post: self.post.clone(),
                since: self.post_since.clone(),
                nature: self.post_nature.clone(),
                in_party_committee: self.in_party_committee.clone(),
            },
        }
    }
}

/// 录入本级团干部.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "cadres/new.html")]
pub struct New {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    org_name: String,
    is_branch: bool,
    #[serde(skip)]
    form: NewForm,
    posts: Vec<(&'static str, &'static str)>,
    natures: Vec<(&'static str, &'static str)>,
    #[serde(skip)]
    list: String,
}
page!(New);

async fn new_page(v: &mut Visit, form: NewForm) -> Result<New, Failure> {
    let org = v.cx.org()?.clone();
    let base = v.base()?;
    Ok(New {
        frame: v.frame("录入本级团干部", "/cadres").await?,
        list: format!("{base}/cadres"),
        base,
        is_branch: org.category.owns_members(),
        posts: posts_of(&org),
        natures: natures(),
        org_name: org.short_name,
        form,
    })
}

/// `GET /o/{org}/cadres/new`.
pub async fn new(mut v: Visit) -> Result<Answer, Failure> {
    let page = new_page(&mut v, NewForm::default()).await?;
    v.show(page).await
}

/// `POST /o/{org}/cadres/new`.
pub async fn enter(mut v: Visit, Form(form): Form<NewForm>) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    match change::enter(&mut v.cx, &org, &form.cadre()).await {
        Ok(EnteredCadre::Done { person, was_known, name, also }) => {
            let person = app::people::person::read(&mut v.cx, person).await?;
            let how = if was_known {
                "系统里已有此人,原来的团支部和其他职务不变。"
            } else {
                "本人首次登录时用证件号和初始密码激活账号。"
            };
            let data =
                serde_json::json!({ "code": person.code, "was_known": was_known, "also": also });
            let also = also.map(|post| format!("注意：此人同时是{post}。")).unwrap_or_default();
            let to = format!("{}/cadres", v.base()?);
            v.done_with(to, format!("已录入团干部{name}。{how}{also}"), data).await
        }
        Ok(EnteredCadre::OtherName) => {
            let mut page = new_page(&mut v, form).await?;
            if let Error::Invalid(errors) = Entered::other_name() {
                page.frame.errors = errors;
            }
            v.invalid_but_counted(page).await
        }
        Err(error) => {
            let errors = wrong(error)?;
            let mut page = new_page(&mut v, form).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
    }
}

/// A post as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ChangeForm {
    /// 组织码 of the organisation; empty for the own one.
    at: String,
    /// Version of the post that the page showed; 0 for none.
    version: i64,
    post: String,
    post_since: String,
    post_nature: String,
    /// 是 or 否.
    in_party_committee: String,
}

/// 团干部职务变更.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "cadres/posts.html")]
pub struct Posts {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    code: String,
    name: String,
    org_name: String,
    /// The post held there now; empty for none.
    post: String,
    admin: bool,
    form: ChangeForm,
    /// Why the post can't be ended by whoever looks.
    cannot_end: Option<String>,
    history: Vec<PostLine>,
    posts: Vec<(&'static str, &'static str)>,
    natures: Vec<(&'static str, &'static str)>,
    #[serde(skip)]
    at: String,
    #[serde(skip)]
    back: String,
}
page!(Posts);

async fn posts_page(
    v: &mut Visit,
    org: &OrgRef,
    now: Changing,
    typed: Option<ChangeForm>,
) -> Result<Posts, Failure> {
    let past = cadres::history(&mut v.cx, now.person).await?;
    let line = |p: cadres::Past| PostLine {
        org: p.org_name,
        post: p.post,
        since: p.since.unwrap_or_default(),
        nature: p.end_reason.unwrap_or_default(),
        admin: p.admin,
        ended: p.ended_at.map(clock::show_day),
    };
    let base = v.base()?;
    let held = now.held.as_ref();
    let form = typed.unwrap_or_else(|| ChangeForm {
        at: org.code.clone(),
        version: held.map_or(0, |h| h.version),
        post: held.map(|h| h.post.clone()).unwrap_or_default(),
        post_since: String::new(),
        post_nature: held.and_then(|h| h.nature.clone()).unwrap_or_default(),
        in_party_committee: match held.and_then(|h| h.in_party_committee) {
            Some(true) => "是".into(),
            Some(false) => "否".into(),
            None => String::new(),
        },
    });
    let at = query_at(&v.cx, org);
    Ok(Posts {
        frame: v.frame("团干部职务变更", "/cadres").await?,
        code: now.code.clone(),
        name: now.name.clone(),
        org_name: org.short_name.clone(),
        post: held.map(|h| h.post.clone()).unwrap_or_default(),
        admin: held.is_some_and(|h| h.slot.is_some()),
        form,
        cannot_end: now.cannot_end.map(|r| r.message),
        history: past.into_iter().map(line).collect(),
        posts: posts_of(org),
        natures: natures(),
        back: list_of(&base, v, org),
        at,
        base,
    })
}

fn list_of(base: &str, v: &Visit, org: &OrgRef) -> String {
    let at = query_at(&v.cx, org).replace("at=", "of=");
    format!("{base}/cadres{at}")
}

/// `GET /o/{org}/cadres/{pid}/posts`.
pub async fn posts(
    mut v: Visit,
    Path((_, pid)): Path<(String, String)>,
    Query(q): Query<At>,
) -> Result<Answer, Failure> {
    let org = org_at(&mut v.cx, &q.at).await?;
    let now = change::changing(&mut v.cx, &org, &pid).await?;
    let page = posts_page(&mut v, &org, now, None).await?;
    v.show(page).await
}

/// `POST /o/{org}/cadres/{pid}/posts`.
pub async fn set_post(
    mut v: Visit,
    Path((_, pid)): Path<(String, String)>,
    Form(form): Form<ChangeForm>,
) -> Result<Answer, Failure> {
    let org = org_at(&mut v.cx, &form.at).await?;
    let typed = PostForm {
        post: form.post.clone(),
        since: form.post_since.clone(),
        nature: form.post_nature.clone(),
        in_party_committee: form.in_party_committee.clone(),
    };
    match change::change(&mut v.cx, &org, &pid, form.version, &typed).await {
        Ok((name, post)) => {
            let to = list_of(&v.base()?, &v, &org);
            v.done(to, format!("{name}现任{}{post}。", org.short_name)).await
        }
        Err(error) => {
            let errors = wrong(error)?;
            let now = change::changing(&mut v.cx, &org, &pid).await?;
            let mut page = posts_page(&mut v, &org, now, Some(form)).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
    }
}

/// 免去职务: who, where, why.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RemovalForm {
    /// 组织码 of the organisation; empty for the own one.
    at: String,
    version: i64,
    /// 无职务, 离任, 调离 or 录入有误.
    reason: String,
}

/// 免去职务, with what goes with it.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "cadres/removal.html")]
pub struct Removal {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    code: String,
    name: String,
    org_name: String,
    post: String,
    admin: bool,
    is_secretary: bool,
    form: RemovalForm,
    cannot_end: Option<String>,
    reasons: Vec<(&'static str, &'static str, &'static str)>,
    #[serde(skip)]
    at: String,
    #[serde(skip)]
    back: String,
}
page!(Removal);

/// `GET /o/{org}/cadres/{pid}/removal`.
pub async fn removal(
    mut v: Visit,
    Path((_, pid)): Path<(String, String)>,
    Query(q): Query<At>,
) -> Result<Answer, Failure> {
    let org = org_at(&mut v.cx, &q.at).await?;
    let now = change::changing(&mut v.cx, &org, &pid).await?;
    let held = now.held.ok_or(Error::NotFound)?;
    let base = v.base()?;
    let page = Removal {
        frame: v.frame("免去职务", "/cadres").await?,
        code: now.code,
        name: now.name,
        org_name: org.short_name.clone(),
        admin: held.slot.is_some(),
        is_secretary: held.is_secretary(),
        form: RemovalForm { at: org.code.clone(), version: held.version, reason: "离任".into() },
        post: held.post,
        cannot_end: now.cannot_end.map(|r| r.message),
        reasons: REASONS.iter().map(|r| (*r, *r, "")).collect(),
        at: query_at(&v.cx, &org),
        back: list_of(&base, &v, &org),
        base,
    };
    v.show(page).await
}

/// `POST /o/{org}/cadres/{pid}/removal`.
pub async fn remove(
    mut v: Visit,
    Path((_, pid)): Path<(String, String)>,
    Form(form): Form<RemovalForm>,
) -> Result<Answer, Failure> {
    let org = org_at(&mut v.cx, &form.at).await?;
    let (name, seat) = change::remove(&mut v.cx, &org, &pid, form.version, &form.reason).await?;
    let with = if seat { ",管理员身份同时结束" } else { "" };
    let to = list_of(&v.base()?, &v, &org);
    v.done(to, format!("已免去{name}在{}的职务{with}。", org.short_name)).await
}
