//! The page of one relocation: where it stands, in whose hands, until when, what it brings, what can
//! I do; and the decisions that are sent from it.

use super::{Going, going};
use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::Form,
    frame::Frame,
    page,
    transfers::{left, show::StepView, until},
    visit::Visit,
};
use app::{
    Error,
    clock::show_time,
    relocations::{self, Effect, Relocation, Rights, Shown, machine::State, machine::Verb},
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// 组织迁移详情.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "relocations/show.html")]
pub struct Show {
    #[serde(skip)]
    frame: Frame,
    no: String,
    /// To be sent back with a decision.
    version: i64,
    state: State,
    state_name: &'static str,
    name: String,
    /// From the root down.
    org: Vec<String>,
    old_parent: String,
    old_path: Vec<String>,
    new_parent: String,
    new_path: Vec<String>,
    /// 组织码 of the new superior.
    to: String,
    reason: String,
    starter: String,
    created: String,
    holder: Option<String>,
    holder_phone: Option<String>,
    holder_names: Vec<String>,
    until: String,
    left: String,
    return_note: String,
    effect: Option<Effect>,
    going: Vec<Going>,
    /// What stands against it at present.
    against: String,
    steps: Vec<StepView>,
    rights: Rights,
    /// What a form that came back had said.
    note: String,
    #[serde(skip)]
    look: &'static str,
    #[serde(skip)]
    href: String,
    #[serde(skip)]
    base: String,
}
page!(Show);

async fn blank(v: &mut Visit, no: &str) -> Result<Show, Failure> {
    let base = v.base()?;
    let shown = relocations::by_no(&mut v.cx, no).await?;
    let frame = v.frame("组织迁移详情", "/relocations").await?;
    let now = v.cx.now();
    let steps = timeline(&shown);
    let r = shown.relocation;
    let contact = shown.holder_contact;
    Ok(Show {
        frame,
        version: r.version,
        state: r.state,
        state_name: r.state.label(),
        look: r.state.look(),
        org: shown.org_names,
        old_path: shown.old_names,
        new_path: shown.new_names,
        holder: r.holder().map(|o| o.short_name.clone()),
        holder_phone: contact.as_ref().and_then(|c| c.phone.clone()),
        holder_names: contact.map(|c| c.names).unwrap_or_default(),
        until: until(r.deadline),
        left: left(r.days_left(now)),
        going: shown.effect.as_ref().map(going).unwrap_or_default(),
        effect: shown.effect,
        against: shown.against.unwrap_or_default(),
        steps,
        rights: shown.rights,
        note: String::new(),
        href: format!("{base}/r/{}", r.no),
        base,
        name: r.org.short_name,
        old_parent: r.old_parent.short_name,
        new_parent: r.new_parent.short_name,
        to: r.new_parent.code,
        reason: r.reason,
        starter: r.starter_name,
        created: show_time(r.created_at),
        return_note: r.return_note.unwrap_or_default(),
        no: r.no,
    })
}

fn timeline(shown: &Shown) -> Vec<StepView> {
    let r = &shown.relocation;
    let mut steps: Vec<StepView> = shown
        .steps
        .iter()
        .map(|step| {
            let who = match &step.org {
                Some(org) => format!("{}({org})", step.actor),
                None => step.actor.clone(),
            };
            let bad = matches!(step.verb.as_str(), "return" | "expire" | "cancel");
            StepView {
                state: if bad { "bad" } else { "done" },
                at: show_time(step.at),
                title: Verb::did(&step.verb).to_owned(),
                detail: if step.note.is_empty() { who } else { format!("{who} · {}", step.note) },
            }
        })
        .collect();
    if r.state.ended() {
        return steps;
    }
    let mut later = |state, at: String, title: String| {
        steps.push(StepView { state, at, title, detail: String::new() });
    };
    let holder = r.holder().map_or("上级", |o| o.short_name.as_str());
    later("now", format!("{} 到期", until(r.deadline)), format!("等待 {holder} 审批"));
    if r.state == State::PendingOld {
        later("todo", String::new(), format!("{} 审批", r.new_parent.short_name));
    }
    later("todo", String::new(), "迁移完成".into());
    steps
}

/// `GET /o/{org}/r/{no}`.
pub async fn show(mut v: Visit, Path((_, no)): Path<(String, String)>) -> Result<Answer, Failure> {
    let page = blank(&mut v, &no).await?;
    v.show(page).await
}

/// A consent or a withdrawal.
#[derive(Deserialize, JsonSchema)]
pub struct Decision {
    /// The version that the page showed.
    version: i64,
}

/// A return.
#[derive(Deserialize, JsonSchema)]
pub struct ReturnForm {
    version: i64,
    #[serde(default)]
    note: String,
}

/// `POST /o/{org}/r/{no}/approval`.
pub async fn approve(
    mut v: Visit,
    Path((_, no)): Path<(String, String)>,
    Form(f): Form<Decision>,
) -> Result<Answer, Failure> {
    let r = relocations::approve(&mut v.cx, &no, f.version).await?;
    let said = match r.state {
        State::Done => {
            format!("“{}”已迁到“{}”下面,迁移完成。", r.org.short_name, r.new_parent.short_name)
        }
        State::PendingNew => format!("已同意,接下来由 {} 审批。", r.new_parent.short_name),
        _ => "组织有变动,这笔迁移已自动退回。".to_owned(),
    };
    done(v, &r, said).await
}

/// `POST /o/{org}/r/{no}/return`.
pub async fn give_back(
    mut v: Visit,
    Path((_, no)): Path<(String, String)>,
    Form(f): Form<ReturnForm>,
) -> Result<Answer, Failure> {
    match relocations::give_back(&mut v.cx, &no, f.version, &f.note).await {
        Ok(r) => {
            let said = format!("已退回“{}”的迁移申请,对方会看到原因。", r.org.short_name);
            done(v, &r, said).await
        }
        Err(Error::Invalid(errors)) if v.face() != Face::Json => {
            let mut page = blank(&mut v, &no).await?;
            page.note = f.note;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(e) => Err(e.into()),
    }
}

/// `POST /o/{org}/r/{no}/withdrawal`.
pub async fn withdraw(
    mut v: Visit,
    Path((_, no)): Path<(String, String)>,
    Form(f): Form<Decision>,
) -> Result<Answer, Failure> {
    let r = relocations::withdraw(&mut v.cx, &no, f.version).await?;
    done(v, &r, "已撤销迁移申请,组织关系不变,可以重新申请。".to_owned()).await
}

async fn done(v: Visit, r: &Relocation, said: String) -> Result<Answer, Failure> {
    let to = format!("{}/r/{}", v.base()?, r.no);
    let data = serde_json::json!({ "no": r.no, "state": r.state, "version": r.version });
    v.done_with(to, said, data).await
}
