//! 个人首页 (M1) and 个人资料 (M2): one's own pages.

use crate::{
    answer::Answer,
    error::Failure,
    form::Form,
    frame::Frame,
    page,
    people::{Edit, EditForm, Fact, PostLine, facts, post_lines},
    visit::Visit,
};
use app::{
    Error, clock,
    people::{
        edit::{self, Editor},
        profile,
    },
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::Serialize;

/// Something that needs the visitor.
#[derive(Serialize, JsonSchema)]
pub struct Task {
    name: String,
    note: String,
    href: String,
    button: &'static str,
}

/// Whom to ask.
#[derive(Serialize, JsonSchema)]
pub struct ContactCard {
    org: String,
    names: String,
    phone: Option<String>,
    email: Option<String>,
}

/// An organisation that the visitor manages.
#[derive(Serialize, JsonSchema)]
pub struct Managed {
    code: String,
    name: String,
    role: &'static str,
}

/// 个人首页.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "me/home.html")]
pub struct Home {
    #[serde(skip)]
    frame: Frame,
    name: String,
    branch: Option<String>,
    way: Vec<String>,
    tasks: Vec<Task>,
    contacts: Vec<ContactCard>,
    managed: Vec<Managed>,
    /// Rights that rest because nobody used them.
    resting: Vec<RestingView>,
}
page!(Home);

/// A right that rests.
#[derive(Serialize, JsonSchema)]
pub struct RestingView {
    code: String,
    name: String,
    since: String,
    /// She may take it up again herself.
    own_way: bool,
}

/// `POST /me/seats/{code}/resumption`.
pub async fn resume(mut v: Visit, Path(code): Path<String>) -> Result<Answer, Failure> {
    let org = app::cadres::idle::resume_own(&mut v.cx, &code).await?;
    let to = format!("/o/{}", org.code);
    v.done(to, format!("已恢复你在{}的管理员身份。", org.short_name)).await
}

/// 登录还有多久. Asking is using: the sign-in does not end for want of use.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "me/session.html")]
pub struct Session {
    #[serde(skip)]
    frame: Frame,
    /// Minutes without a visit after which the sign-in ends.
    idle_minutes: i64,
    /// Minutes until it ends however busy one is.
    ends_in_minutes: i64,
}
page!(Session);

/// `GET /me/session`.
pub async fn session(mut v: Visit) -> Result<Answer, Failure> {
    let now = v.cx.now();
    let ends = app::users::sessions::ends_at(&mut v.cx).await?;
    let left = ends.map_or(0, |at| (at - now).max(0) / app::clock::MINUTE);
    let page = Session {
        frame: v.personal_frame("登录还有多久").await?,
        idle_minutes: crate::frame::idle_minutes(),
        ends_in_minutes: left,
    };
    v.show(page).await
}

/// `GET /me`.
pub async fn home(mut v: Visit) -> Result<Answer, Failure> {
    let home = profile::home(&mut v.cx).await?;
    let managed = v.cx.visitor()?.grants.iter().map(|g| Managed {
        code: g.org.code.clone(),
        name: g.org.short_name.clone(),
        role: app::access::role_name(g.role),
    });
    let managed = managed.collect();
    let resting = app::cadres::idle::mine(&mut v.cx).await?;
    let rest = |r: app::cadres::idle::Resting| RestingView {
        code: r.org_code,
        name: r.org_name,
        since: clock::show_day(r.since),
        own_way: r.own_way,
    };
    let person = &home.person;
    let mut tasks = Vec::new();
    if !person.missing.is_empty() {
        let lacks: Vec<&str> = person.missing.iter().map(|c| c.label()).collect();
        tasks.push(Task {
            name: format!("个人资料还缺 {} 项", lacks.len()),
            note: lacks.join("、"),
            href: "/me/profile/edit".into(),
            button: "去补齐",
        });
    }
    if person.membership.as_ref().is_some_and(|m| m.moving) {
        tasks.push(Task {
            name: "组织关系转接进行中".into(),
            note: "办到哪一步、在谁手里,点开可以看到。".into(),
            href: "/me/transfers".into(),
            button: "看进度",
        });
    }
    let card = |c: &profile::ContactCard| ContactCard {
        org: c.org.clone(),
        names: c.names.join("、"),
        phone: c.phone.clone(),
        email: c.email.clone(),
    };
    let page = Home {
        frame: v.personal_frame("个人首页").await?,
        name: person.name.clone(),
        branch: person.membership.as_ref().map(|m| m.org.short_name.clone()),
        way: home.way.iter().map(|o| o.short_name.clone()).collect(),
        contacts: home.contacts.iter().map(card).collect(),
        tasks,
        managed,
        resting: resting.into_iter().map(rest).collect(),
    };
    v.show(page).await
}

/// 个人资料.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "me/profile.html")]
pub struct Profile {
    #[serde(skip)]
    frame: Frame,
    facts: Vec<Fact>,
    filled: usize,
    needed: usize,
    missing: Vec<&'static str>,
    check: &'static str,
    #[serde(skip)]
    check_kind: &'static str,
    check_says: &'static str,
    branch: Option<String>,
    entered: String,
    posts: Vec<PostLine>,
}
page!(Profile);

/// `GET /me/profile`.
pub async fn show(mut v: Visit) -> Result<Answer, Failure> {
    let person = profile::own(&mut v.cx).await?;
    let needed = edit::needed(&v.cx, &person).len();
    let page = Profile {
        frame: v.personal_frame("个人资料").await?,
        facts: facts(&person),
        needed,
        filled: needed.saturating_sub(person.missing.len()),
        missing: person.missing.iter().map(|c| c.label()).collect(),
        check: person.check.label(),
        check_kind: crate::members::check_kind(person.check),
        check_says: person.check.says(),
        branch: person.membership.as_ref().map(|m| m.org.short_name.clone()),
        entered: person
            .membership
            .as_ref()
            .map(|m| clock::show_day(m.entered_at))
            .unwrap_or_default(),
        posts: post_lines(&person),
    };
    v.show(page).await
}

async fn edit_page(v: &mut Visit) -> Result<Edit, Failure> {
    let person = profile::own(&mut v.cx).await?;
    let frame = v.personal_frame("修改个人资料").await?;
    let action = "/me/profile/edit".into();
    Ok(Edit::of(frame, &person, Editor::Own, action, "/me/profile".into()))
}

/// `GET /me/profile/edit`.
pub async fn edit(mut v: Visit) -> Result<Answer, Failure> {
    let page = edit_page(&mut v).await?;
    v.show(page).await
}

/// `POST /me/profile/edit`.
pub async fn save(mut v: Visit, Form(form): Form<EditForm>) -> Result<Answer, Failure> {
    match profile::edit_own(&mut v.cx, &form.changes()).await {
        Ok(()) => v.done("/me/profile", "资料已保存。").await,
        Err(Error::Invalid(errors)) => {
            let mut page = edit_page(&mut v).await?;
            page.retype(&form);
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(e) => Err(e.into()),
    }
}
