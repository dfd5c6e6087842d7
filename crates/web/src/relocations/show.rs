//! The page of one relocation: where it stands, in whose hands, until when, what it brings, what can
//! I do; and the decisions that are sent from it.

use super::{Going, going};
use crate::{
    answer::Answer,
    business::{ContactView, Starter, StepView, left, timeline, until, way_on},
    error::Failure,
    face::Face,
    form::Form,
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Error,
    business::machine::State,
    clock::show_time,
    relocations::{self, Effect, Relocation, Rights, Shown},
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A relocation as its page shows it.
#[derive(Serialize, JsonSchema)]
pub struct Detail {
    pub(crate) no: String,
    /// To be sent back with a decision.
    pub(crate) version: i64,
    pub(crate) state: State,
    pub(crate) state_name: &'static str,
    pub(crate) name: String,
    /// From the root down.
    pub(crate) org: Vec<String>,
    pub(crate) old_parent: String,
    pub(crate) old_path: Vec<String>,
    pub(crate) new_parent: String,
    pub(crate) new_path: Vec<String>,
    pub(crate) reason: String,
    pub(crate) starter: String,
    pub(crate) created: String,
    pub(crate) holder: Option<String>,
    pub(crate) holder_contact: Option<ContactView>,
    pub(crate) until: String,
    pub(crate) left: String,
    pub(crate) return_note: String,
    pub(crate) effect: Option<Effect>,
    pub(crate) going: Vec<Going>,
    /// What stands against it at present.
    pub(crate) against: String,
    pub(crate) steps: Vec<StepView>,
    pub(crate) rights: Rights,
    /// What a form that came back had said.
    pub(crate) note: String,
    #[serde(skip)]
    pub(crate) starting: Starter,
    #[serde(skip)]
    pub(crate) look: &'static str,
    #[serde(skip)]
    pub(crate) href: String,
    #[serde(skip)]
    pub(crate) place: String,
}

/// 组织迁移详情.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "relocations/show.html")]
pub struct Show {
    #[serde(skip)]
    frame: Frame,
    #[serde(flatten)]
    d: Detail,
}
page!(Show);

/// Everything that the detail of a relocation shows to whoever visits.
pub(crate) async fn detail(v: &mut Visit, no: &str, place: &str) -> Result<Detail, Failure> {
    let base = v.base()?;
    let shown = relocations::by_no(&mut v.cx, no).await?;
    let now = v.cx.now();
    let steps = steps(&shown);
    let rights = shown.rights;
    let r = shown.relocation;
    let again = format!("{base}/relocations/new?to={}", r.to.code);
    Ok(Detail {
        version: r.version,
        state: r.state,
        state_name: r.state.label(),
        look: r.state.look(),
        org: shown.org_names,
        old_path: shown.old_names,
        new_path: shown.new_names,
        holder: r.holder().map(|o| o.short_name.clone()),
        holder_contact: shown.holder_contact.map(Into::into),
        until: until(r.deadline),
        left: left(r.days_left(now)),
        going: shown.effect.as_ref().map(going).unwrap_or_default(),
        effect: shown.effect,
        against: shown.against.unwrap_or_default(),
        steps,
        rights,
        starting: Starter {
            again: rights.again.then_some(again),
            urge: rights.urge,
            urge_from: show_time(shown.urge_from),
            withdraw: rights.withdraw,
        },
        note: String::new(),
        href: format!("{base}/r/{}", r.no),
        place: place.to_owned(),
        old_parent: r.from.short_name.clone(),
        new_parent: r.to.short_name.clone(),
        reason: r.reason.clone(),
        starter: r.starter_name.clone(),
        created: show_time(r.created_at),
        return_note: r.return_note.clone().unwrap_or_default(),
        no: r.no.clone(),
        name: r.org.short_name,
    })
}

fn steps(shown: &Shown) -> Vec<StepView> {
    let r = &shown.relocation;
    let holder = r.holder().map_or("上级", |o| o.short_name.as_str());
    let now = (!r.state.ended()).then(|| (format!("等待 {holder} 审批"), r.deadline));
    let mut later = Vec::new();
    if r.state == State::PendingOld {
        later.push(format!("{} 审批", r.to.short_name));
    }
    later.push("迁移完成".to_owned());
    timeline(&shown.steps, now, &later)
}

async fn page(v: &mut Visit, no: &str, place: &str) -> Result<Show, Failure> {
    let d = detail(v, no, place).await?;
    Ok(Show { frame: v.frame("组织迁移详情", "/relocations").await?, d })
}

/// `GET /o/{org}/r/{no}`.
pub async fn show(mut v: Visit, Path((_, no)): Path<(String, String)>) -> Result<Answer, Failure> {
    let page = page(&mut v, &no, "").await?;
    v.show(page).await
}

/// A consent or a withdrawal.
#[derive(Deserialize, JsonSchema)]
pub struct Decision {
    /// The version that the page showed.
    version: i64,
    /// `inbox` and the query of its list: the next one comes afterwards.
    #[serde(default)]
    place: String,
}

/// A return.
#[derive(Deserialize, JsonSchema)]
pub struct ReturnForm {
    version: i64,
    #[serde(default)]
    note: String,
    #[serde(default)]
    place: String,
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
            format!("“{}”已迁到“{}”下面,迁移完成。", r.org.short_name, r.to.short_name)
        }
        State::PendingNew => format!("已同意,接下来由 {} 审批。", r.to.short_name),
        _ => "组织有变动,这笔迁移已自动退回。".to_owned(),
    };
    done(v, &r, said, &f.place).await
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
            done(v, &r, said, &f.place).await
        }
        Err(Error::Invalid(errors)) if v.face() != Face::Json => {
            let mut page = page(&mut v, &no, &f.place).await?;
            page.d.note = f.note;
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
    done(v, &r, "已撤销迁移申请,组织关系不变,可以重新申请。".to_owned(), "").await
}

/// `POST /o/{org}/r/{no}/reminder`.
pub async fn urge(mut v: Visit, Path((_, no)): Path<(String, String)>) -> Result<Answer, Failure> {
    let r = relocations::urge(&mut v.cx, &no).await?;
    done(v, &r, "已提醒对方尽快办理,24 小时后可以再次催办。".to_owned(), "").await
}

/// On to the next one in 操作中心, or back to the relocation's page.
async fn done(mut v: Visit, r: &Relocation, said: String, place: &str) -> Result<Answer, Failure> {
    let own = format!("{}/r/{}", v.base()?, r.no);
    let to = way_on(&mut v, place, &r.no, own).await?;
    let data = serde_json::json!({ "no": r.no, "state": r.state, "version": r.version });
    v.done_with(to, said, data).await
}
