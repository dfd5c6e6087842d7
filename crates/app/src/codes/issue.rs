//! Issuing (row 26), reissuing and voiding. A few at once in the page's transaction, many as a job
//! in pieces; every piece stores its hashes and its part of the sealed sheet together, so that a
//! job begun anew goes on where the last piece ended.

use super::{CodeId, State, sheet, sql};
use crate::{
    Action, Cx, Error, OrgRef, Permit, Refusal, Result, Who, act,
    clock::end_of_day_after,
    events::Event,
    files::{self, About, FileId},
    jobs::{self, Job, JobId, Turn},
    orgs::{self, Category, OrgId},
    people::PersonId,
    rules::Rules,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sql::Target;

/// Codes that one piece of a job makes.
const PIECE: i64 = 1000;

/// What came of issuing.
#[derive(Debug)]
pub struct Issued {
    /// The sheet with the plain codes.
    pub sheet: FileId,
    /// How many were made; the job makes the others.
    pub count: usize,
    /// How many older codes these replace.
    pub replaced: u64,
    /// Organisations that have all their administrators, by name.
    pub full: Vec<String>,
    /// The job that makes them, when they are many.
    pub job: Option<JobId>,
}

/// Many codes on their way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    parent: i64,
    maker: i64,
    sheet: i64,
}
impl Order {
    /// One such job of an organisation waits or runs at a time.
    pub(crate) fn unique_key(&self) -> String {
        format!("issue_codes:{}", self.parent)
    }
    /// The sheet that it fills.
    pub(crate) fn sheet(&self) -> FileId {
        FileId(self.sheet)
    }
}

/// Issues a code for each of these direct children of the organisation acted for; a waiting code
/// is replaced and void. Refused `codes_full` when none of them has a seat left (row 28).
pub async fn issue(cx: &mut Cx, codes: &[String]) -> Result<Issued> {
    let parent = cx.org()?.clone();
    let targets = chosen(cx, &parent, codes).await?;
    let (targets, gone) = held(cx, targets).await?;
    if targets.is_empty()
        && let Some(gone) = gone
    {
        return Err(orgs::gone(&gone.org(&parent)));
    }
    let (full, targets): (Vec<Target>, Vec<Target>) =
        targets.into_iter().partition(|t| t.admins >= seats_of(&t.category));
    let full: Vec<String> = full.into_iter().map(|t| t.short_name).collect();
    let Some(first) = targets.first() else { return Err(all_full(&parent, &full)) };
    let permit = cx.permit(Action::IssueCodes, &first.org(&parent))?;
    let maker = cx.visitor()?.person;
    let about = about(cx, &parent, maker, 0);
    let sheet = files::create(cx, &permit, &about, 0).await?;
    let replaced = make(cx, &permit, (&parent, maker, sheet), &targets).await?;
    let detail = event_detail(sheet, &targets, replaced);
    let event = Event::new("codes.issued", "org", parent.id.0).at(&parent.path).detail(detail);
    cx.record(permit, event).await?;
    Ok(Issued { sheet, count: targets.len(), replaced, full, job: None })
}

/// Issues a code for every direct child that has neither an administrator nor a code that can be
/// used. Many become a job.
pub async fn issue_all(cx: &mut Cx) -> Result<Issued> {
    let parent = cx.org()?.clone();
    let at_once = Rules::builtin().policy.codes.issue_at_once;
    let targets = sql::without(cx, parent.id, (i64::MIN, i64::MIN), at_once + 1).await?;
    if targets.is_empty() {
        return Err(Error::refused(
            Refusal::new(
                "codes_none",
                "直属下级组织都已有管理员或有效的注册码,没有需要生成的。要给某个组织再发一个,请在列表里单独生成。",
            )
            .way("查看注册码", format!("/o/{}/children/codes", parent.code)),
        ));
    }
    if (targets.len() as i64) <= at_once {
        let codes: Vec<String> = targets.into_iter().map(|t| t.code).collect();
        return issue(cx, &codes).await;
    }
    let permit = cx.permit(Action::IssueCodes, &targets[0].org(&parent))?;
    let maker = cx.visitor()?.person;
    let about = about(cx, &parent, maker, 0);
    let sheet = files::create(cx, &permit, &about, 0).await?;
    let order = Order { parent: parent.id.0, maker: maker.0, sheet: sheet.0 };
    let job = jobs::enqueue(cx, &Job::IssueCodes(order.clone()), Some(&parent), 0).await?;
    let event = Event::new("codes.ordered", "org", parent.id.0).at(&parent.path);
    cx.record(permit, event.detail(json!({ "sheet": sheet.to_string() }))).await?;
    Ok(Issued { sheet, count: 0, replaced: 0, full: Vec::new(), job: Some(job) })
}

/// The job: piece after piece until every direct child has an administrator or a code.
pub async fn run(turn: &Turn<'_>, order: Order) -> Result<Json> {
    let sheet = FileId(order.sheet);
    let (mut after, mut made) = ((i64::MIN, i64::MIN), 0_i64);
    loop {
        let order = &order;
        let (next, count) =
            act!(turn.house, Who::System("codes"), |cx| piece(cx, turn, order, after, made).await)?;
        made += count;
        match next {
            Some(next) => after = next,
            None => return Ok(json!({ "sheet": sheet.to_string(), "codes": made })),
        }
    }
}

async fn piece(
    cx: &mut Cx,
    turn: &Turn<'_>,
    order: &Order,
    after: (i64, i64),
    made: i64,
) -> Result<(Option<(i64, i64)>, i64)> {
    let parent = orgs::by_id(cx, OrgId(order.parent)).await?;
    let targets = sql::without(cx, parent.id, after, PIECE).await?;
    let Some(last) = targets.last() else { return Ok((None, 0)) };
    let next = (last.sort_no, last.id);
    let (targets, _) = held(cx, targets).await?;
    let permit = cx.permit_system(Action::IssueCodes)?;
    let (maker, sheet) = (PersonId(order.maker), FileId(order.sheet));
    let replaced = make(cx, &permit, (&parent, maker, sheet), &targets).await?;
    let count = targets.len() as i64;
    turn.progress(cx, made + count, 0).await?;
    let detail = event_detail(sheet, &targets, replaced);
    let event = Event::new("codes.issued", "org", parent.id.0).at(&parent.path).detail(detail);
    cx.record(permit, event).await?;
    Ok((Some(next), count))
}

/// Voids waiting codes of these direct children; returns how many there were.
pub async fn revoke(cx: &mut Cx, codes: &[String]) -> Result<u64> {
    let parent = cx.org()?.clone();
    let targets = chosen(cx, &parent, codes).await?;
    let Some(first) = targets.first() else { return Err(nothing_chosen()) };
    let permit = cx.permit(Action::IssueCodes, &first.org(&parent))?;
    let ids = targets.iter().map(|t| OrgId(t.id)).collect();
    let gone = sql::void(cx, &permit, ids).await?;
    if gone == 0 {
        return Err(Error::conflict(
            Refusal::new(
                "codes_not_waiting",
                "所选组织没有待使用的注册码:可能刚刚被使用、已经作废或过期。请看列表里的最新状态。",
            )
            .way("查看注册码", format!("/o/{}/children/codes", parent.code)),
        ));
    }
    let names: Vec<&str> = targets.iter().map(|t| t.code.as_str()).collect();
    let event = Event::new("codes.revoked", "org", parent.id.0).at(&parent.path);
    cx.record(permit, event.detail(json!({ "orgs": names, "codes": gone }))).await?;
    Ok(gone)
}

/// Voids whatever code waits for `org`, within a larger piece of work that has a permit and an
/// event of its own (an organisation that is closed or moved); returns how many there were.
pub async fn revoke_all(cx: &mut Cx, permit: &Permit, org: &OrgRef) -> Result<u64> {
    sql::void(cx, permit, vec![org.id]).await
}

/// Whether a code waits to be used for `org` (the checklist of closing): 1 or 0.
pub async fn waiting_for(cx: &mut Cx, org: &OrgRef) -> Result<i64> {
    let now = cx.now();
    let found = sql::one(cx, org.id).await?;
    let waits =
        found.is_some_and(|f| State::read(f.state.as_deref(), f.expires_at, now) == State::Waiting);
    Ok(i64::from(waits))
}

/// The chosen direct children, each of which the visitor may issue for.
async fn chosen(cx: &mut Cx, parent: &OrgRef, codes: &[String]) -> Result<Vec<Target>> {
    if codes.is_empty() {
        return Err(nothing_chosen());
    }
    let targets = sql::by_codes(cx, parent.id, codes).await?;
    if targets.is_empty() {
        return Err(Error::NotFound);
    }
    if targets.iter().any(|t| !cx.may(Action::IssueCodes, &t.path)) {
        let acting = cx.org()?.clone();
        return Err(cx.forbidden(Action::IssueCodes, &acting));
    }
    Ok(targets)
}

/// Those that are neither closed nor moved until the transaction ends, and one that is.
async fn held(cx: &mut Cx, targets: Vec<Target>) -> Result<(Vec<Target>, Option<Target>)> {
    let ids: Vec<OrgId> = targets.iter().map(|t| OrgId(t.id)).collect();
    let living = orgs::hold_all_living(cx, &ids).await?;
    let lives = |t: &Target| living.get(&OrgId(t.id)).is_some_and(|path| *path == t.path);
    let (living, mut gone): (Vec<_>, Vec<_>) = targets.into_iter().partition(lives);
    Ok((living, gone.pop()))
}

fn nothing_chosen() -> Error {
    Error::field("org", "required", "还没有选择组织。请先在列表里勾选,再办理。")
}

fn all_full(parent: &OrgRef, full: &[String]) -> Error {
    let names = match full {
        [one] => format!("“{one}”已有规定人数的管理员"),
        many => format!("所选 {} 个组织都已有规定人数的管理员", many.len()),
    };
    Error::refused(
        Refusal::new(
            "codes_full",
            format!("{names},不能再生成注册码。请先在“管理员变更”中撤销一位,再生成。"),
        )
        .way("管理员变更", format!("/o/{}/admins", parent.code)),
    )
}

/// Seats of a category as stored (row 28).
pub(super) fn seats_of(category: &str) -> i64 {
    Category::from_code(category)
        .map_or(0, |c| i64::from(Rules::builtin().tree.category(c).admin_seats))
}

fn about(cx: &Cx, parent: &OrgRef, maker: PersonId, job: i64) -> About {
    About {
        job,
        org: parent.id,
        maker,
        name: "注册码".to_owned(),
        mime: files::SEALED,
        expires_at: end_of_day_after(cx.now(), Rules::builtin().policy.codes.sheet_days),
    }
}

fn event_detail(sheet: FileId, targets: &[Target], replaced: u64) -> Json {
    let codes: Vec<&str> = targets.iter().map(|t| t.code.as_str()).collect();
    json!({ "sheet": sheet.to_string(), "orgs": codes, "replaced": replaced })
}

/// Replaces what waits for these organisations by new codes and seals these into the sheet.
async fn make(
    cx: &mut Cx,
    permit: &Permit,
    (parent, maker, sheet): (&OrgRef, PersonId, FileId),
    targets: &[Target],
) -> Result<u64> {
    let rule = &Rules::builtin().policy.codes;
    let replaced = sql::void(cx, permit, targets.iter().map(|t| OrgId(t.id)).collect()).await?;
    let expires_at = end_of_day_after(cx.now(), rule.registration_days);
    let house = cx.house().clone();
    let mut lines = Vec::with_capacity(targets.len());
    let mut rows = Vec::with_capacity(targets.len());
    for target in targets {
        let (id, code) = (CodeId(cx.new_id()), house.new_code(rule.registration_length));
        rows.push(vec![id.into(), target.id.into(), hash(cx, &code).to_vec().into()]);
        lines.push(sheet::Line { id, code });
    }
    let issue = sql::Issue { issuer: parent.id, maker, sheet, expires_at };
    if sql::insert(cx, permit, &issue, rows).await? < targets.len() as u64 {
        // A colleague issued for one of them at the same instant: look again.
        return Err(Error::Retry);
    }
    sheet::add(cx, permit, sheet, &lines).await?;
    Ok(replaced)
}

/// What is stored instead of a code.
pub(super) fn hash(cx: &Cx, code: &str) -> [u8; 32] {
    cx.house().keys().code_hash("registration", code)
}
