//! 办理转出 (95, 97): beginning a transfer from a branch, by its administrator or by the one of its
//! direct superior. Everything is judged before anything is written; the page's last step and the
//! program's call ask the same [`check`].

use super::{Transfer, notices, sql};
use crate::{
    Action, Cx, Error, OrgRef, Permit, Refusal, Result,
    business::{
        self, BusinessId, Matter,
        machine::{Party, State, Variant, Verb},
    },
    clock::{day, short_day},
    error::FieldError,
    keys::Place,
    orgs::{self, Category},
    people::{self, PersonId},
    rules::{
        Rules,
        transfer::{Audience, Reason, Target, missing_fields},
    },
};
use std::collections::BTreeMap;

pub(super) const FIELDS_COLUMN: &str = "transfer.fields_ct";
const LONGEST_FIELD: usize = 100;
const LONGEST_REMARK: usize = 200;

/// What a transfer is begun with.
#[derive(Clone, Debug, Default)]
pub struct New {
    /// Code of the person.
    pub person: String,
    /// 组织码 of the target.
    pub to: String,
    /// Code of a reason of the rules.
    pub reason: String,
    /// What the reason asks, by code of the field.
    pub fields: BTreeMap<String, String>,
    pub remark: String,
}

/// What was judged and may be begun.
#[derive(Debug)]
pub struct Checked {
    pub person: PersonId,
    pub person_code: String,
    pub person_name: String,
    pub from: OrgRef,
    pub to: OrgRef,
    pub variant: Variant,
    pub reason: &'static Reason,
    /// Label and value of what the reason asks.
    pub fields: Vec<(&'static str, String)>,
    pub remark: String,
    /// What ends in her branch when she leaves, in sentences. `None` of it is for the side that has
    /// not been given her yet.
    pub effects: Vec<String>,
    /// The branch that will be suggested at the allocation.
    pub wish: Option<OrgRef>,
    pub(super) stored: BTreeMap<String, String>,
}

/// A transfer that was begun.
#[derive(Clone, Debug)]
pub struct Started {
    pub id: BusinessId,
    /// 业务编号.
    pub no: String,
}

/// Judges a transfer without beginning it. Errors: `NotFound` for a person out of reach; refused
/// E17 (no member), E04 (one is open already); `Invalid` with `to` (E11), `reason`, the reason's
/// fields and `remark`.
pub async fn check(cx: &mut Cx, new: &New) -> Result<Checked> {
    let person = people::person::card(cx, new.person.trim()).await?;
    let from = match &person.membership {
        Some(membership) => membership.org.clone(),
        None => return Err(Error::refused(no_member(&person.name))),
    };
    if !cx.may(Action::StartTransferOut, &from.path) {
        return Err(cx.forbidden(Action::StartTransferOut, &from));
    }
    none_open(cx, person.id).await?;
    let to = target(cx, new.to.trim(), &from).await?;
    let (reason, stored) = answers(&new.reason, &new.fields, &new.remark, day(cx.now()))?;
    of_her_list(reason, mark_of(&person))?;
    leads_there(cx, reason, &to).await?;
    let effects = crate::cadres::leaving(cx, &from, person.id, &person.name).await?;
    Ok(Checked {
        effects,
        person: person.id,
        person_code: person.code.clone(),
        person_name: person.name.clone(),
        variant: variant_for(to.category),
        fields: labelled(&stored),
        wish: None,
        stored,
        from,
        to,
        reason,
        remark: new.remark.trim().to_owned(),
    })
}

/// Begins a transfer: the person is 转接中 from now on, the target gets it into its hands.
pub async fn start(cx: &mut Cx, new: &New) -> Result<Started> {
    let checked = check(cx, new).await?;
    let permit = cx.permit(Action::StartTransferOut, &checked.from)?;
    begin(cx, permit, checked).await
}

/// Begins what was judged.
pub(super) async fn begin(cx: &mut Cx, permit: Permit, checked: Checked) -> Result<Started> {
    orgs::hold_living(cx, &checked.from).await?;
    if !sql::is_active(cx, checked.to.id).await? {
        return Err(closed(&checked.to));
    }
    // The row keeps a copy of its path as well.
    orgs::hold_living(cx, &checked.to).await?;
    let id = BusinessId(cx.new_id());
    let new = business::New {
        id,
        variant: checked.variant,
        person: Some(checked.person),
        org: None,
        from: &checked.from,
        to: &checked.to,
        reason: &checked.reason.code,
        fields_ct: sealed(cx, id, &checked.stored),
        remark: &checked.remark,
        wish: checked.wish.as_ref().map(|b| b.id),
    };
    let begun: Transfer = business::begin(cx, &permit, new).await?;
    people::start_moving(cx, &permit, checked.person, &checked.from).await?;
    notices::submitted(cx, &begun).await?;
    begun.record(cx, permit, Verb::Submit).await?;
    Ok(Started { id, no: begun.no.clone() })
}

/// A branch takes people in itself; what stands above allocates one of its branches.
fn variant_for(target: Category) -> Variant {
    if target.owns_members() { Variant::V2 } else { Variant::V3 }
}

/// Whether a category can take people in from others (V2, V3): not leading organs, nor the
/// branches that only hold those who are leaving.
pub(super) fn receives(category: Category) -> bool {
    matches!(category, Category::Branch | Category::Committee | Category::Work | Category::General)
}

async fn target(cx: &mut Cx, code: &str, from: &OrgRef) -> Result<OrgRef> {
    let e11 = |says: &str| Error::field("to", "E11", says);
    if code.is_empty() {
        return Err(Error::field("to", "required", "请选择转入组织。"));
    }
    let to = match orgs::by_code(cx, code).await {
        Err(Error::NotFound) => {
            return Err(e11("没有这个转入组织,可能已经撤销。请重新选择。"));
        }
        found => found?,
    };
    let active = sql::seems_active(cx, to.id).await?;
    match against_target(from, &to, active) {
        Some(says) => Err(e11(&says)),
        None => Ok(to),
    }
}

/// Why somebody of `from` can't be transferred to `to`; `None` when she can. `active`: the target
/// is neither closed nor being closed. Judges the row of a picker and what is submitted alike.
pub fn against_target(from: &OrgRef, to: &OrgRef, active: bool) -> Option<String> {
    if to.id == from.id {
        return Some("转入组织就是现在所在的团支部，不用转接。请改选其他组织。".into());
    }
    match to.category {
        Category::Lead => Some(
            "团的领导机关不直接接收团员。请改选它下面的团委、团工委、团总支或团支部；\
             不清楚支部的，选到团委即可，由对方分配。"
                .into(),
        ),
        Category::Graduate | Category::Holding => Some(
            "毕业班团支部和临时存放支部不接收转入团员。请改选它的上级团委或其他团支部。".into(),
        ),
        _ if !active => Some(closed_words(to)),
        _ => None,
    }
}

/// [`against_target`] for each of several, in their order.
pub async fn against_targets(
    cx: &mut Cx,
    from: &OrgRef,
    tos: &[OrgRef],
) -> Result<Vec<Option<String>>> {
    let active = orgs::active(cx, tos).await?;
    Ok(tos.iter().map(|to| against_target(from, to, active.contains(&to.id.0))).collect())
}

fn closed_words(to: &OrgRef) -> String {
    format!("{}正在调整或已经撤销，暂不接收转入。请改选它的上级或其他组织。", to.short_name)
}

pub(super) fn closed(to: &OrgRef) -> Error {
    Error::field("to", "E11", closed_words(to))
}

/// The mark of graduation that decides which reasons she is offered.
fn mark_of(person: &people::Person) -> Option<&'static str> {
    person.membership.as_ref()?.graduation.as_ref().map(|g| g.mark.code())
}

/// The reasons that she is offered, those that fit her first (decision 30).
pub fn offered(cx: &Cx, person: &people::Person) -> Vec<&'static Reason> {
    Rules::builtin().transfer.offered(mark_of(person), day(cx.now()))
}

/// Reasons of graduates and of others are two lists (decision 30).
fn of_her_list(reason: &Reason, mark: Option<&str>) -> Result<()> {
    let says = match (reason.audience, mark == Some("graduate")) {
        (Audience::Graduate, false) => "是毕业生的转接原因，此人没有毕业生标记。请从列表中另选。",
        (Audience::Other, true) => "不是毕业生的转接原因，此人已标记为毕业生。请从列表中另选。",
        _ => return Ok(()),
    };
    Err(Error::field("reason", "E11", format!("“{}”{says}", reason.name)))
}

/// A reason that excludes this kind of target is refused with where it leads (decision 30).
pub(super) async fn leads_there(cx: &mut Cx, reason: &Reason, to: &OrgRef) -> Result<()> {
    if reason.not_to.is_empty() {
        return Ok(());
    }
    let (township, school) = sql::kinds_of(cx, to.id).await?;
    let excluded = |kind: &str| reason.not_to.iter().any(|k| k == kind);
    let kind = match () {
        () if township && excluded("township") => "乡镇、街道团组织",
        () if school && excluded("school") => "学校的团组织",
        () => return Ok(()),
    };
    let says = format!(
        "原因“{}”不能转到{kind}“{}”。{}请改选转入组织，或换一个原因。",
        reason.name, to.short_name, reason.where_to
    );
    Err(Error::field("reason", "E11", says))
}

/// The reason and its answers; what is wrong comes back field by field.
pub(super) fn answers(
    reason: &str,
    fields: &BTreeMap<String, String>,
    remark: &str,
    today: jiff::civil::Date,
) -> Result<(&'static Reason, BTreeMap<String, String>)> {
    let rules = Rules::builtin();
    let reason =
        rules.transfer.reason(reason.trim()).filter(|r| r.listed && r.validity.covers(today));
    let Some(reason) = reason else {
        return Err(Error::field("reason", "required", "请选择转接原因。"));
    };
    if reason.target != Target::Org {
        let says = format!("“{}”不选择转入组织,不能在这里办理。", reason.name);
        return Err(Error::field("reason", "E11", says));
    }
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    for code in &reason.fields {
        let typed =
            if code == "remark" { Some(remark) } else { fields.get(code).map(String::as_str) };
        if let Some(value) = typed.map(str::trim).filter(|v| !v.is_empty()) {
            given.insert(code.clone(), value.to_owned());
        }
    }
    let mut wrong: Vec<FieldError> = missing_fields(reason, |code| given.contains_key(code), rules)
        .into_iter()
        .map(|(code, label)| FieldError::new(code, "required", format!("请填写“{label}”。")))
        .collect();
    wrong.extend(given.iter().filter_map(|(code, value)| misfit(code, value)));
    if remark.trim().chars().count() > LONGEST_REMARK {
        wrong.push(FieldError::new("remark", "too_long", "备注请不超过 200 个字。"));
    }
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    business::without_numbers("remark", remark)?;
    given.remove("remark");
    Ok((reason, given))
}

fn misfit(code: &str, value: &str) -> Option<FieldError> {
    let field = Rules::builtin().transfer.field(code)?;
    if !field.choices.is_empty() && !field.choices.iter().any(|c| c == value) {
        return Some(FieldError::new(code, "choice", format!("请从列表中选择“{}”。", field.label)));
    }
    (code != "remark" && value.chars().count() > LONGEST_FIELD)
        .then(|| FieldError::new(code, "too_long", format!("“{}”请不超过 100 个字。", field.label)))
}

/// Label and value, in the order of the rules.
pub(super) fn labelled(values: &BTreeMap<String, String>) -> Vec<(&'static str, String)> {
    let fields = &Rules::builtin().transfer.fields;
    let found =
        fields.iter().filter_map(|f| Some((f.label.as_str(), values.get(&f.code)?.clone())));
    found.collect()
}

fn sealed(cx: &Cx, id: BusinessId, values: &BTreeMap<String, String>) -> Option<Vec<u8>> {
    if values.is_empty() {
        return None;
    }
    let house = cx.house();
    let text = zeroize::Zeroizing::new(serde_json::json!(values).to_string());
    let place = Place { column: FIELDS_COLUMN, row: id.0 };
    Some(house.keys().seal(place, &text, house.chance_source()))
}

/// One open transfer a person (93, I3). Two at the same moment are parted by the unique index: the
/// slower one is run again and meets the other here.
pub(super) async fn none_open(cx: &mut Cx, person: PersonId) -> Result<()> {
    let Some(no) = sql::open_of(cx, person).await? else { return Ok(()) };
    let open: Transfer = business::found(cx, &no).await?;
    Err(Error::refused(in_progress(cx, &open).await?))
}

/// E04: who, when, to where, whose turn, how long; with the ways on.
pub(super) async fn in_progress(cx: &mut Cx, open: &Transfer) -> Result<Refusal> {
    let holder = open.holder().map_or("对方", |o| o.short_name.as_str());
    let what = if open.state == State::PendingAlloc { "分配团支部" } else { "审批" };
    let left = match open.days_left(cx.now()) {
        Some(0) => ",今天到期".to_owned(),
        Some(days) if days > 0 => format!(",剩 {days} 天"),
        Some(_) => ",已到期,即将自动退回".to_owned(),
        None => String::new(),
    };
    let base = super::base(cx)?;
    let mine = open.parties(&cx.org()?.clone()).contains(&Party::Starter);
    let advice = if mine {
        "目的地正确请等待;不正确可以撤销后重新发起。"
    } else {
        "目的地正确请等待;不正确请发起人撤销后重新发起。"
    };
    let said = format!(
        "{} 已有一笔转接正在办理,不能重复发起:{}({}){} 发起,转往 {},现等待 {holder} {what}{left}。{advice}",
        open.person_name,
        open.starter_name,
        open.started_org.short_name,
        short_day(open.created_at),
        open.to.short_name,
    );
    let mut refusal = Refusal::new("E04", said);
    if super::sees(cx, open).await? {
        refusal = refusal.way("查看", format!("{base}/t/{}", open.no));
    }
    if mine {
        refusal = refusal.way("撤销该申请", format!("{base}/t/{}#withdraw", open.no));
    }
    Ok(refusal)
}

pub(super) fn no_member(name: &str) -> Refusal {
    Refusal::new(
        "E17",
        format!(
            "{name} 当前没有在册团员身份,不能转接。已满 28 周岁且未任团内职务的不再保留团籍;只任团干部的不用转接组织关系。"
        ),
    )
}
