//! 撤销与恢复 (A11, E19): the checklist of a direct child, the effect with counts and names, and the
//! list of what can still be brought back.

use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Query, tick},
    frame::{Crumb, Frame},
    page,
    visit::Visit,
};
use app::{
    Error, OrgRef,
    closings::{self, Ask, Back, Checklist, Restore},
    orgs,
    people::list::{self, Cursor, Filter},
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somebody who would be moved.
#[derive(Serialize, JsonSchema)]
pub struct Person {
    code: String,
    name: String,
    /// Masked.
    id_number: String,
    moving: bool,
}

/// 撤销下级组织.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "closings/close.html")]
pub struct Close {
    #[serde(skip)]
    frame: Frame,
    list: Checklist,
    /// How many steps are left.
    left: usize,
    /// Those who would be moved, a page of them.
    people: Vec<Person>,
    prev: Option<String>,
    next: Option<String>,
    #[serde(skip)]
    typed: String,
    #[serde(skip)]
    base: String,
    #[serde(skip)]
    superior: String,
}
page!(Close);

/// Which page of the people.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct At {
    at: String,
}

/// The child of an address, or what became of it.
async fn child(v: &mut Visit, code: &str) -> Result<OrgRef, Failure> {
    match orgs::by_code(&mut v.cx, code).await {
        Err(Error::NotFound) => Err(closings::trace(&mut v.cx, code).await.into()),
        found => Ok(found?),
    }
}

async fn close_page(v: &mut Visit, org: &OrgRef, at: &str) -> Result<Close, Failure> {
    let base = v.base()?;
    let list = closings::checklist(&mut v.cx, org).await?;
    let (mut people, mut prev, mut next) = (Vec::new(), None, None);
    if list.people > 0 {
        let found = list::members(&mut v.cx, org, &Filter::default(), Cursor::read(at), 50).await?;
        let href = |c: Option<Cursor>| {
            c.map(|c| format!("{base}/children/{}/close?at={}#people", org.code, c.text()))
        };
        (prev, next) = (href(found.prev), href(found.next));
        let person = |r: list::Row| Person {
            code: r.code,
            name: r.name,
            id_number: r.id_masked,
            moving: r.moving,
        };
        people = found.rows.into_iter().map(person).collect();
    }
    let mut frame = v.frame("撤销组织", "/children").await?;
    if let Some(last) = frame.crumbs.last_mut() {
        *last =
            Crumb { label: "管理下级组织".into(), href: Some(format!("{base}/children")) };
    }
    frame.crumbs.push(Crumb { label: format!("撤销 {}", org.short_name), href: None });
    Ok(Close {
        frame,
        left: list.left(),
        list,
        people,
        prev,
        next,
        typed: String::new(),
        superior: v.cx.org()?.short_name.clone(),
        base,
    })
}

/// `GET /o/{org}/children/{code}/close`.
pub async fn form(
    mut v: Visit,
    Path((_, code)): Path<(String, String)>,
    Query(at): Query<At>,
) -> Result<Answer, Failure> {
    let org = child(&mut v, &code).await?;
    let page = close_page(&mut v, &org, &at.at).await?;
    v.show(page).await
}

/// What the page showed and what was typed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CloseForm {
    /// How many people the page said would be moved.
    people: i64,
    /// 组织简称, typed; needed where there are people.
    typed: String,
}

/// `POST /o/{org}/children/{code}/closure`.
pub async fn close(
    mut v: Visit,
    Path((_, code)): Path<(String, String)>,
    Form(form): Form<CloseForm>,
) -> Result<Answer, Failure> {
    let base = v.base()?;
    let ask = Ask { people: form.people, typed: form.typed.clone() };
    let done = match closings::close(&mut v.cx, &code, &ask).await {
        Ok(done) => done,
        Err(Error::Invalid(errors)) => {
            // What was begun in this transaction is given up; the page is read in a new one.
            let mut v = v.pause().await?.resume().await?;
            let org = child(&mut v, &code).await?;
            let mut page = close_page(&mut v, &org, "").await?;
            page.typed = form.typed;
            page.frame.errors = errors;
            return v.invalid(page).await;
        }
        Err(e) => return Err(e.into()),
    };
    let went = if done.people > 0 {
        format!("{} 位团员已转入待接转团支部,请尽快办理转出。", done.people)
    } else {
        String::new()
    };
    let back =
        if done.restorable { "30 天内可以在“已撤销的组织”里恢复。" } else { "" };
    let flash = format!("已撤销“{}”。{went}{back}", done.name);
    let data = serde_json::to_value(&done).unwrap_or_default();
    v.done_with(format!("{base}/closed"), flash, data).await
}

/// 已撤销的组织.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "closings/list.html")]
pub struct List {
    #[serde(skip)]
    frame: Frame,
    rows: Vec<closings::Closing>,
    next: Option<String>,
    #[serde(skip)]
    base: String,
    days: i64,
}
page!(List);

/// Which page of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    after: String,
}

/// `GET /o/{org}/closed`.
pub async fn list(mut v: Visit, Query(q): Query<After>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let page = closings::list(&mut v.cx, Some(q.after.as_str())).await?;
    let mut frame = v.frame("已撤销的组织", "/children").await?;
    under_children(&mut frame, &base, "已撤销的组织");
    let page = List {
        frame,
        next: page.next.map(|mark| format!("{base}/closed?after={mark}")),
        rows: page.rows,
        days: app::rules::Rules::builtin().policy.retention.deleted_days,
        base,
    };
    v.show(page).await
}

fn under_children(frame: &mut Frame, base: &str, label: &str) {
    if let Some(last) = frame.crumbs.last_mut() {
        *last =
            Crumb { label: "管理下级组织".into(), href: Some(format!("{base}/children")) };
    }
    frame.crumbs.push(Crumb { label: label.into(), href: None });
}

/// 恢复组织.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "closings/restore.html")]
pub struct RestorePage {
    #[serde(skip)]
    frame: Frame,
    back: Back,
    #[serde(skip)]
    form: RestoreForm,
    #[serde(skip)]
    base: String,
}
page!(RestorePage);

/// How it is to come back.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RestoreForm {
    /// Another 组织简称; empty for the old one.
    short_name: String,
    /// Whether those who still wait in the holding branch come back.
    #[serde(deserialize_with = "tick")]
    people: bool,
}

async fn restore_page(
    v: &mut Visit,
    code: &str,
    form: RestoreForm,
) -> Result<RestorePage, Failure> {
    let base = v.base()?;
    let back = closings::preview(&mut v.cx, code).await?;
    let mut frame = v.frame("恢复组织", "/children").await?;
    under_children(&mut frame, &base, "已撤销的组织");
    if let Some(last) = frame.crumbs.last_mut() {
        last.href = Some(format!("{base}/closed"));
    }
    frame.crumbs.push(Crumb { label: format!("恢复 {}", back.closing.name), href: None });
    Ok(RestorePage { frame, back, form, base })
}

/// `GET /o/{org}/closed/{code}`.
pub async fn preview(
    mut v: Visit,
    Path((_, code)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let form = RestoreForm { short_name: String::new(), people: true };
    let page = restore_page(&mut v, &code, form).await?;
    v.show(page).await
}

/// `POST /o/{org}/closed/{code}/restoration`.
pub async fn restore(
    mut v: Visit,
    Path((_, code)): Path<(String, String)>,
    Form(form): Form<RestoreForm>,
) -> Result<Answer, Failure> {
    let base = v.base()?;
    let how = Restore { short_name: form.short_name.clone(), people: form.people };
    match closings::restore(&mut v.cx, &code, &how).await {
        Ok((org, came)) => {
            let with = if came > 0 {
                format!("{came} 位团员已一起回来。")
            } else {
                String::new()
            };
            let flash = format!("已恢复“{}”。{with}职务和管理员需要重新任命。", org.short_name);
            let data = serde_json::json!({ "code": org.code, "people": came });
            v.done_with(format!("{base}/orgs/{}", org.code), flash, data).await
        }
        Err(Error::Invalid(errors)) => {
            let mut v = v.pause().await?.resume().await?;
            let mut page = restore_page(&mut v, &code, form).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(e) => Err(e.into()),
    }
}
