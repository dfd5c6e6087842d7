//! The page of one transfer (A41, M7): where it stands, in whose hands, until when, what can I do;
//! and the decisions that are sent from it. The same detail stands on the right of 操作中心.

use crate::{
    answer::Answer,
    business::{ContactView, Starter, StepView, left, timeline, until, way_on},
    error::Failure,
    face::Face,
    form::{Form, Query},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Error, FieldError, OrgRef,
    business::machine::{State, Variant},
    clock::show_time,
    people::Person,
    rules::{Column, Rules},
    transfers::{self, Rights, Shown, Transfer},
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somebody's data as an approver sees them (102), masked.
#[derive(Serialize, JsonSchema)]
pub struct PersonView {
    pub code: String,
    pub sex: &'static str,
    pub birth: String,
    pub id_masked: String,
    pub mobile: String,
    pub emergency_name: String,
    pub emergency_phone: String,
    /// Branch and month of admission.
    pub joined: String,
    pub check: &'static str,
    pub complete: bool,
    /// The rest is shown once the source has agreed.
    pub limited: bool,
    /// Her page, when whoever looks may open it.
    #[serde(skip)]
    pub href: Option<String>,
}

/// A label with its value.
#[derive(Serialize, JsonSchema)]
pub struct Pair {
    pub label: &'static str,
    pub value: String,
}
/// A branch that can be allocated.
#[derive(Clone, Serialize, JsonSchema)]
pub struct BranchView {
    pub code: String,
    pub name: String,
}
/// A transfer as its page shows it.
#[derive(Serialize, JsonSchema)]
pub struct Detail {
    pub no: String,
    /// To be sent back with a decision.
    pub version: i64,
    pub state: State,
    pub state_name: &'static str,
    pub variant: Variant,
    pub person_name: String,
    pub person: Option<PersonView>,
    /// From the root down.
    pub from: Vec<String>,
    pub to: Vec<String>,
    pub branch: Option<String>,
    pub reason: String,
    pub fields: Vec<Pair>,
    pub remark: String,
    pub starter: String,
    pub started_org: String,
    pub created: String,
    /// In whose hands it is.
    pub holder: Option<String>,
    pub holder_contact: Option<ContactView>,
    pub source_contact: Option<ContactView>,
    /// Administrators of the source with their masked numbers, for whoever decides.
    pub source_admins: Vec<Callee>,
    /// The last day of the present step.
    pub until: String,
    pub left: String,
    pub returned: String,
    pub return_hint: String,
    pub steps: Vec<StepView>,
    pub rights: Rights,
    pub branches: Vec<BranchView>,
    /// 组织码 of the branch that is suggested.
    pub suggested: String,
    #[serde(skip)]
    pub return_reasons: Vec<(&'static str, &'static str, &'static str)>,
    #[serde(skip)]
    pub(crate) starting: Starter,
    /// Until when one's own decision may be taken back.
    /// What ends in her branch with it.
    pub effects: Vec<String>,
    /// Whether she may take it back herself.
    pub own_withdraw: bool,
    #[serde(skip)]
    pub undo_until: String,
    /// To whom it can be passed on.
    #[serde(skip)]
    pub colleagues: Vec<(String, String)>,
    #[serde(skip)]
    pub look: &'static str,
    /// Address of the transfer, `/o/{org}/t/{no}` or `/me/t/{no}`.
    #[serde(skip)]
    pub href: String,
    #[serde(skip)]
    pub base: String,
    /// `inbox` and the query of its list when the next one comes after a decision.
    #[serde(skip)]
    pub place: String,
    #[serde(skip)]
    pub chosen: Chosen,
}

/// What a form that came back had chosen.
#[derive(Default)]
pub struct Chosen {
    pub reason: String,
    pub note: String,
    pub pass_to: String,
    pub pass_note: String,
    pub why: String,
}

/// Somebody who can be called.
#[derive(Serialize, JsonSchema)]
pub struct Callee {
    pub label: String,
    /// The mobile number.
    pub value: String,
}

/// 原组织管理员电话: in full, for whoever decides.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "transfers/contact.html")]
pub struct Contact {
    #[serde(skip)]
    frame: Frame,
    no: String,
    admins: Vec<Callee>,
    #[serde(skip)]
    base: String,
}
page!(Contact);

/// `POST /o/{org}/t/{no}/contact`: each number that is shown is written into the book.
pub async fn contact(
    mut v: Visit,
    Path((_, no)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let base = v.base()?;
    let found = transfers::call_source(&mut v.cx, &no).await?;
    let frame = v.frame("原组织管理员电话", "/inbox").await?;
    let admins = found.into_iter().map(callee).collect();
    v.done_showing(Contact { frame, no, admins, base }).await
}

impl Detail {
    /// Whether the branch is the suggested one.
    pub(crate) fn suggests(&self, branch: &BranchView) -> bool {
        self.suggested == branch.code
    }
    /// Where a branch is looked for when the list is too long; it comes back as `to`.
    pub(crate) fn picker(&self) -> String {
        let back = match crate::inbox::query_of(&self.place) {
            Some(_) => format!("{}/inbox?item={}", self.base, self.no),
            None => self.href.clone(),
        };
        let org = self.base.rsplit('/').next().unwrap_or_default();
        let query = [
            ("for", "allocation"),
            ("of", self.no.as_str()),
            ("kind", "branch"),
            ("under", org),
            ("back", &back),
        ];
        format!("{}/picker?{}", self.base, serde_html_form::to_string(query).unwrap_or_default())
    }
    /// Whether the decision carries an allocation.
    pub(crate) fn allocates(&self) -> bool {
        self.rights.allocate
    }
    /// Whether the target has asked for the person (转入).
    pub(crate) fn is_in(&self) -> bool {
        self.variant.comes_from_target()
    }
    /// What is asked before the key sends the decision: whom it is about, from where, to where.
    pub(crate) fn confirmation(&self) -> String {
        let last = |path: &[String]| path.last().cloned().unwrap_or_default();
        let (from, to) = (last(&self.from), last(&self.to));
        format!("{}：{}，从{from}转到{to}", self.approve_label(), self.person_name)
    }
    /// What the button of the decision says.
    pub(crate) fn approve_label(&self) -> &'static str {
        match (self.rights.approve, self.allocates(), self.is_in()) {
            (false, ..) => "分配",
            (true, true, _) => "同意并分配",
            (true, false, false) => "同意转入",
            (true, false, true) => "同意转出",
        }
    }
}

/// Everything that the detail of a transfer shows to whoever visits.
pub(crate) async fn detail(
    v: &mut Visit,
    no: &str,
    place: &str,
    picked: &str,
) -> Result<Detail, Failure> {
    let shown = transfers::by_no(&mut v.cx, no).await?;
    let acting = v.cx.org().cloned().ok();
    let base = acting.as_ref().map_or("/me".to_owned(), |org| format!("/o/{}", org.code));
    let mut branches = Vec::new();
    if shown.rights.allocate {
        let wanted = shown.suggested.as_deref().filter(|_| picked.is_empty()).unwrap_or(picked);
        branches = branches_for(v, &shown.transfer, wanted).await?;
    }
    let now = v.cx.now();
    let holder = shown.holder.clone();
    let open = acting.as_ref().and_then(|_| {
        // The card is where the person is now: in the new branch once the transfer is done.
        let home = match &shown.branch {
            Some(branch) if shown.transfer.state == State::Done => &branch.path,
            _ => &shown.transfer.from.path,
        };
        let may = v.cx.may(app::Action::SeeMembers, home);
        may.then(|| format!("{base}/people/{}", shown.transfer.person_code))
    });
    let steps = steps(&shown, holder.as_deref());
    let limited = shown.limited;
    let own = acting.is_none();
    let colleagues = match shown.rights.pass_on {
        true => transfers::colleagues(&mut v.cx).await?,
        false => Vec::new(),
    };
    let t = shown.transfer;
    let picked_here = branches.iter().any(|b| b.code == picked);
    Ok(Detail {
        href: format!("{base}/t/{}", t.no),
        state_name: t.state.label(),
        look: t.state.look(),
        until: until(t.deadline),
        left: left(t.days_left(now)),
        person: shown.person.map(|p| person_view(&p, open, limited)),
        from: shown.from_names,
        to: shown.to_names,
        branch: shown.branch.map(|b: OrgRef| b.short_name),
        reason: shown.reason_name,
        fields: shown.fields.into_iter().map(|(label, value)| Pair { label, value }).collect(),
        holder,
        holder_contact: shown.holder_contact.map(Into::into),
        source_contact: shown.source_contact.map(Into::into),
        source_admins: shown.source_admins.into_iter().map(callee).collect(),
        returned: [shown.return_reason, t.return_note.as_deref()]
            .into_iter()
            .flatten()
            .filter(|s| !s.is_empty())
            .collect::<Vec<_>>()
            .join(":"),
        return_hint: shown.return_hint.unwrap_or_default().to_owned(),
        steps,
        rights: shown.rights,
        suggested: if picked_here { picked.into() } else { shown.suggested.unwrap_or_default() },
        branches,
        return_reasons: Rules::builtin()
            .transfer
            .return_reasons
            .iter()
            .filter(|r| r.listed)
            .map(|r| (r.code.as_str(), r.name.as_str(), ""))
            .collect(),
        starting: Starter {
            again: shown.rights.again.then(|| {
                let way = if t.variant.comes_from_target() { "in" } else { "out" };
                format!("{base}/transfers/{way}/new?again={}", t.no)
            }),
            urge: shown.rights.urge,
            urge_from: match shown.rights.withdraw
                && !own
                && t.waits_for != acting.map(|org| org.id)
            {
                true => show_time(shown.urge_from),
                false => String::new(),
            },
            withdraw: shown.rights.withdraw && !own,
        },
        effects: shown.effects,
        own_withdraw: own && shown.rights.withdraw,
        undo_until: shown.undo_until.map(show_time).unwrap_or_default(),
        colleagues: colleagues.into_iter().map(|c| (c.choice, c.label)).collect(),
        created: show_time(t.created_at),
        no: t.no.clone(),
        version: t.version,
        state: t.state,
        variant: t.variant,
        remark: t.remark.clone(),
        starter: t.starter_name.clone(),
        started_org: t.started_org.short_name.clone(),
        person_name: t.person_name,
        base,
        place: place.to_owned(),
        chosen: Chosen::default(),
    })
}

fn callee(c: app::people::profile::Callee) -> Callee {
    Callee { label: c.name, value: c.mobile.unwrap_or_else(|| "未填写".into()) }
}

/// The target's branches, and the one that was picked elsewhere on the page.
pub(super) async fn branches_for(
    v: &mut Visit,
    t: &Transfer,
    picked: &str,
) -> Result<Vec<BranchView>, Failure> {
    let found = transfers::branches_of(&mut v.cx, &t.to).await?;
    let mut branches: Vec<BranchView> = found
        .into_iter()
        .filter(|(code, _)| *code != t.from.code)
        .map(|(code, name)| BranchView { code, name })
        .collect();
    if !picked.is_empty() && branches.iter().all(|b| b.code != picked) {
        match app::orgs::by_code(&mut v.cx, picked).await {
            Ok(org) => {
                let one = std::slice::from_ref(&org);
                if transfers::against_branches(&mut v.cx, &t.no, one).await? == [None] {
                    branches.push(BranchView { code: org.code, name: org.short_name });
                }
            }
            Err(Error::NotFound) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(branches)
}

/// `limited`: whoever looks has asked for her and is not given her yet.
fn person_view(person: &Person, href: Option<String>, limited: bool) -> PersonView {
    let shown = |column| {
        let open = !limited || column == Column::IdNumber;
        person.shown(column).filter(|_| open).unwrap_or_default()
    };
    PersonView {
        code: person.code.clone(),
        sex: match person.sex {
            app::pii::Sex::Male => "男",
            app::pii::Sex::Female => "女",
        },
        birth: person.birth_ym.clone(),
        id_masked: shown(Column::IdNumber),
        mobile: shown(Column::Mobile),
        emergency_name: shown(Column::EmergencyName),
        emergency_phone: shown(Column::EmergencyPhone),
        joined: shown(Column::Joined),
        check: if limited { "" } else { person.check.label() },
        complete: !limited && person.complete(),
        limited,
        href,
    }
}

fn steps(shown: &Shown, holder: Option<&str>) -> Vec<StepView> {
    let t = &shown.transfer;
    let what = if t.state == State::PendingAlloc { "分配团支部" } else { "审批" };
    let now = (!t.state.ended())
        .then(|| (format!("等待 {} {what}", holder.unwrap_or("对方")), t.deadline));
    // A committee does not take people in itself: what it has to do after the approval is told
    // from the beginning.
    let allocation = t.variant.allocates() && t.state != State::PendingAlloc;
    let later = allocation.then(|| format!("由{}分配团支部", t.to.short_name));
    let later: Vec<String> = later.into_iter().chain(["转接完成".to_owned()]).collect();
    timeline(&shown.steps, now, &later)
}

/// 转接详情.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "transfers/show.html")]
pub struct Show {
    #[serde(skip)]
    frame: Frame,
    #[serde(flatten)]
    d: Detail,
}
page!(Show);

/// What the address may bring back from the picker.
#[derive(Deserialize, JsonSchema)]
pub struct Picked {
    /// 组织码 of a branch.
    #[serde(default)]
    to: String,
}

/// `GET /o/{org}/t/{no}`.
pub async fn show(
    mut v: Visit,
    Path((_, no)): Path<(String, String)>,
    Query(q): Query<Picked>,
) -> Result<Answer, Failure> {
    let d = detail(&mut v, &no, "", &q.to).await?;
    let frame = v.frame("转接详情", "/transfers").await?;
    v.show(Show { frame, d }).await
}

/// `GET /me/t/{no}`.
pub async fn show_mine(mut v: Visit, Path(no): Path<String>) -> Result<Answer, Failure> {
    let d = detail(&mut v, &no, "", "").await?;
    let frame = v.personal_frame("转接详情").await?;
    v.show(Show { frame, d }).await
}

/// Said with a decision.
const UNDO: &str = "10 分钟内可以撤销。";

/// An approval, or an allocation.
#[derive(Deserialize, JsonSchema)]
pub struct Decision {
    /// The version that the page showed.
    version: i64,
    /// 组织码 of the branch; may be left out when approving only.
    #[serde(default)]
    branch: String,
    /// `inbox` and the query of its list: the next one comes afterwards.
    #[serde(default)]
    place: String,
}

/// A return.
#[derive(Deserialize, JsonSchema)]
pub struct ReturnForm {
    version: i64,
    /// Code of a return reason.
    #[serde(default)]
    reason: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    place: String,
}

/// A withdrawal.
#[derive(Deserialize, JsonSchema)]
pub struct Withdrawal {
    version: i64,
}

/// `POST /o/{org}/t/{no}/approval`.
pub async fn approve(
    mut v: Visit,
    Path((_, no)): Path<(String, String)>,
    Form(f): Form<Decision>,
) -> Result<Answer, Failure> {
    match transfers::approve(&mut v.cx, &no, f.version, Some(&f.branch)).await {
        Ok(t) => {
            let said = match t.state {
                State::Done => {
                    format!("已同意{}转到{}，已经完成。{UNDO}", t.person_name, t.to.short_name)
                }
                State::PendingAlloc if t.variant.comes_from_target() => format!(
                    "已同意{}转到{}，由对方分配团支部。{UNDO}",
                    t.person_name, t.to.short_name
                ),
                State::PendingAlloc => format!(
                    "已同意{}转到{}，请尽快分配团支部。{UNDO}",
                    t.person_name, t.to.short_name
                ),
                _ => format!("{} 已不再接收转入,这条申请已自动退回。", t.to.short_name),
            };
            done(v, &t, said, &f.place).await
        }
        Err(e) => back(v, &no, e, (&f.place, &f.branch), Chosen::default()).await,
    }
}

/// `POST /o/{org}/t/{no}/allocation`.
pub async fn allocate(
    mut v: Visit,
    Path((_, no)): Path<(String, String)>,
    Form(f): Form<Decision>,
) -> Result<Answer, Failure> {
    match transfers::allocate(&mut v.cx, &no, f.version, &f.branch).await {
        Ok(t) => {
            let said = format!("已为 {} 分配团支部,转接完成。{UNDO}", t.person_name);
            done(v, &t, said, &f.place).await
        }
        Err(e) => back(v, &no, e, (&f.place, &f.branch), Chosen::default()).await,
    }
}

/// `POST /o/{org}/t/{no}/return`.
pub async fn give_back(
    mut v: Visit,
    Path((_, no)): Path<(String, String)>,
    Form(f): Form<ReturnForm>,
) -> Result<Answer, Failure> {
    match transfers::give_back(&mut v.cx, &no, f.version, &f.reason, &f.note).await {
        Ok(t) => {
            let said = format!("已退回 {} 的申请,对方会看到退回原因。", t.person_name);
            done(v, &t, said, &f.place).await
        }
        Err(e) => {
            let chosen = Chosen { reason: f.reason, note: f.note, ..Chosen::default() };
            back(v, &no, e, (&f.place, ""), chosen).await
        }
    }
}

/// `POST /o/{org}/t/{no}/withdrawal`.
pub async fn withdraw(
    mut v: Visit,
    Path((_, no)): Path<(String, String)>,
    Form(f): Form<Withdrawal>,
) -> Result<Answer, Failure> {
    let t = transfers::withdraw(&mut v.cx, &no, f.version).await?;
    let said = format!("已撤销 {} 的转接,组织关系不变,可以重新发起。", t.person_name);
    done(v, &t, said, "").await
}

/// A withdrawal by the person herself.
#[derive(Deserialize, JsonSchema)]
pub struct OwnWithdrawal {
    version: i64,
    /// Why; the starter reads it.
    #[serde(default)]
    why: String,
}

/// `POST /me/t/{no}/withdrawal`.
pub async fn withdraw_own(
    mut v: Visit,
    Path(no): Path<String>,
    Form(f): Form<OwnWithdrawal>,
) -> Result<Answer, Failure> {
    match transfers::withdraw_own(&mut v.cx, &no, f.version, &f.why).await {
        Ok(t) => {
            let said = "已撤回，组织关系不变。发起方会收到消息和你写的原因。";
            v.done(t.own_href(), said).await
        }
        Err(Error::Invalid(errors)) if v.face() != Face::Json => {
            let mut d = detail(&mut v, &no, "", "").await?;
            d.chosen.why = f.why;
            let mut frame = v.personal_frame("转接详情").await?;
            frame.errors = errors;
            v.invalid(Show { frame, d }).await
        }
        Err(e) => Err(e.into()),
    }
}

/// `POST /o/{org}/t/{no}/reminder`.
pub async fn urge(mut v: Visit, Path((_, no)): Path<(String, String)>) -> Result<Answer, Failure> {
    let t = transfers::urge(&mut v.cx, &no).await?;
    done(v, &t, "已提醒对方尽快办理,24 小时后可以再次催办。".to_owned(), "").await
}

/// Taking one's own decision back.
#[derive(Deserialize, JsonSchema)]
pub struct Undoing {
    /// The version that the decision led to.
    version: i64,
}

/// `POST /o/{org}/t/{no}/undo`.
pub async fn undo(
    mut v: Visit,
    Path((_, no)): Path<(String, String)>,
    Form(f): Form<Undoing>,
) -> Result<Answer, Failure> {
    let t = transfers::undo(&mut v.cx, &no, f.version).await?;
    let said = format!("已撤销对 {} 的审批,恢复到审批前,可以重新办理。", t.person_name);
    done(v, &t, said, "").await
}

/// 转交.
#[derive(Deserialize, JsonSchema)]
pub struct Passing {
    /// Code of an administrator of the same organisation, or `superior`.
    #[serde(default)]
    to: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    place: String,
}

/// `POST /o/{org}/t/{no}/handover`.
pub async fn pass_on(
    mut v: Visit,
    Path((_, no)): Path<(String, String)>,
    Form(f): Form<Passing>,
) -> Result<Answer, Failure> {
    match transfers::pass_on(&mut v.cx, &no, &f.to, &f.message).await {
        Ok((t, name)) => {
            let said = format!("已请 {name} 办理 {} 的转接;仍在待办里,期限不变。", t.person_name);
            done(v, &t, said, "").await
        }
        Err(e) => {
            let chosen = Chosen { pass_to: f.to, pass_note: f.message, ..Chosen::default() };
            back(v, &no, e, (&f.place, ""), chosen).await
        }
    }
}

/// On to the next one in 操作中心, or back to the transfer's page.
async fn done(mut v: Visit, t: &Transfer, said: String, place: &str) -> Result<Answer, Failure> {
    let own = format!("{}/t/{}", v.base()?, t.no);
    let to = way_on(&mut v, place, &t.no, own).await?;
    let data = serde_json::json!({ "no": t.no, "state": t.state, "version": t.version });
    v.done_with(to, said, data).await
}

/// The page once more, with what is wrong at its place; anything but wrong fields goes its own way.
async fn back(
    mut v: Visit,
    no: &str,
    error: Error,
    (place, branch): (&str, &str),
    chosen: Chosen,
) -> Result<Answer, Failure> {
    let errors: Vec<FieldError> = match error {
        Error::Invalid(errors) if v.face() != Face::Json => errors,
        other => return Err(other.into()),
    };
    let mut d = detail(&mut v, no, place, branch).await?;
    d.chosen = chosen;
    let mut frame = v.frame("转接详情", "/transfers").await?;
    frame.errors = errors;
    v.invalid(Show { frame, d }).await
}
