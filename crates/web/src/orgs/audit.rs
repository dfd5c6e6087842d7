//! 组织操作记录 (A15): who did what, when, from what to what; narrowed by what it is about and by day.

use crate::{answer::Answer, error::Failure, form::Query, frame::Frame, page, visit::Visit};
use app::{
    clock::Date,
    orgs::{self, AUDIT_ABOUT, AuditAsk},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// 组织操作记录.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "orgs/audit.html")]
pub struct AuditPage {
    #[serde(skip)]
    frame: Frame,
    org_name: String,
    audit: orgs::Audit,
    /// Code of what is shown; empty for all.
    about: String,
    /// YYYY-MM-DD; empty for no bound.
    from: String,
    to: String,
    /// Address of the next page.
    next: Option<String>,
    #[serde(skip)]
    choices: Vec<(&'static str, &'static str)>,
    /// What the address keeps.
    #[serde(skip)]
    kept: String,
    #[serde(skip)]
    base: String,
}
page!(AuditPage);

/// What the address chooses.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Choice {
    about: String,
    /// YYYY-MM-DD: on this day or later.
    from: String,
    /// YYYY-MM-DD: on this day or earlier.
    to: String,
    /// Mark of the page.
    before: String,
}
impl Choice {
    fn ask(&self) -> AuditAsk<'_> {
        AuditAsk {
            about: &self.about,
            since: self.from.parse().ok(),
            until: self.to.parse().ok(),
            before: self.before.parse().ok(),
        }
    }
}

/// `GET /o/{org}/audit`.
pub async fn show(mut v: Visit, Query(q): Query<Choice>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let org = v.cx.org()?.clone();
    let audit = orgs::audit(&mut v.cx, &org, q.ask()).await?;
    // Only what was understood comes back.
    let known = AUDIT_ABOUT.iter().find(|(code, ..)| *code == q.about);
    let about = known.map_or(String::new(), |(code, ..)| (*code).to_owned());
    let day = |text: &str| text.parse::<Date>().map(|d| d.to_string()).unwrap_or_default();
    let (from, to) = (day(&q.from), day(&q.to));
    let kept = [("about", &about), ("from", &from), ("to", &to)];
    let kept = serde_html_form::to_string(kept).unwrap_or_default();
    let page = AuditPage {
        frame: v.frame("组织操作记录", "/audit").await?,
        org_name: org.short_name,
        next: audit.next.as_ref().map(|mark| format!("{base}/audit?{kept}&before={mark}")),
        audit,
        about,
        from,
        to,
        choices: AUDIT_ABOUT.iter().map(|(code, words, _)| (*code, *words)).collect(),
        kept,
        base,
    };
    v.show(page).await
}

/// `GET /o/{org}/audit.xlsx`.
pub async fn download(mut v: Visit, Query(q): Query<Choice>) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    let bytes = orgs::audit_workbook(&mut v.cx, &org, q.ask()).await?;
    let name = format!("组织操作记录-{}.xlsx", org.short_name);
    v.file(&name, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", bytes).await
}
