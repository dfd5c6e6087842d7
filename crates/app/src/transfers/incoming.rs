//! 办理转入 (94, 96): begun by the side that receives, for somebody of whom it has name and ID
//! number. The source or its direct superior decides (V1); where the starter is no branch it
//! allocates afterwards (V4).

use super::{
    Transfer,
    lead::{self, Row},
    read, show, sql, start,
    start::{Checked, Started, answers, begin, labelled},
};
use crate::{
    Action, Cx, Error, OrgRef, Refusal, Result,
    business::{
        self,
        machine::{State, Variant},
    },
    clock::day,
    orgs::{self, Category, OrgId},
    people::{self, Person},
};
use std::collections::BTreeMap;

/// Whom a 转入 is about.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Found by name and number: the ticket.
    Ticket(String),
    /// The same as a transfer that was returned, lapsed or taken back: its 业务编号.
    Again(String),
}

/// What a 转入 is begun with.
#[derive(Clone, Debug)]
pub struct NewIn {
    pub origin: Origin,
    /// Code of a reason of the rules.
    pub reason: String,
    /// What the reason asks, by code of the field.
    pub fields: BTreeMap<String, String>,
    pub remark: String,
}

/// Somebody who was found and may come here, as the asking side sees her before the source agrees.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub name: String,
    /// Masked.
    pub id_number: String,
    /// Her present branch, for those whose it is anyway; others learn it when the source agrees.
    pub from: Option<OrgRef>,
}

/// Whom a 转入 is about, or what stands against her: see [`check_in`].
pub async fn candidate(cx: &mut Cx, origin: &Origin) -> Result<Candidate> {
    let (person, _) = whom(cx, origin).await?;
    let to = cx.org()?.clone();
    let from = source(&person, &to)?;
    nothing_in_the_way(cx, &person).await?;
    let id_number = person.id_number.masked();
    let from = Some(from).filter(|from| to.covers(&from.path));
    Ok(Candidate { name: person.name.clone(), id_number, from })
}

/// Judges a 转入 without beginning it. Errors: refused E17 (no member), E04 (one is open already),
/// `already_here`, E11 (this organisation takes nobody in); `Gone` when the ticket has run out;
/// `Invalid` with `reason`, the reason's fields and `remark`.
pub async fn check_in(cx: &mut Cx, new: &NewIn) -> Result<Checked> {
    let (person, row) = whom(cx, &new.origin).await?;
    let to = cx.org()?.clone();
    if !cx.may(Action::StartTransferIn, &to.path) {
        return Err(cx.forbidden(Action::StartTransferIn, &to));
    }
    let from = source(&person, &to)?;
    nothing_in_the_way(cx, &person).await?;
    if !sql::seems_active(cx, to.id).await? {
        return Err(start::closed(&to));
    }
    let (reason, stored) = answers(&new.reason, &new.fields, &new.remark, day(cx.now()))?;
    start::leads_there(cx, reason, &to).await?;
    let variant = if to.category.owns_members() { Variant::V1 } else { Variant::V4 };
    Ok(Checked {
        effects: Vec::new(),
        person: person.id,
        person_code: person.code.clone(),
        person_name: person.name.clone(),
        variant,
        fields: labelled(&stored),
        stored,
        from,
        wish: wish(cx, &new.origin, row, &to).await?,
        to,
        reason,
        remark: new.remark.trim().to_owned(),
    })
}

/// Begins a 转入: the person is 转接中 from now on, the source gets it into its hands. Returns as
/// well the row of an import that led here.
pub async fn start_in(cx: &mut Cx, new: &NewIn) -> Result<(Started, Option<Row>)> {
    let checked = check_in(cx, new).await?;
    let (_, row) = whom(cx, &new.origin).await?;
    let to = checked.to.clone();
    let permit = cx.permit(Action::StartTransferIn, &to)?;
    Ok((begin(cx, permit, checked).await?, row))
}

/// The branch that is meant when a 转入 into a whole organisation begins: that of the import whose
/// row led here, or that of the transfer that is begun once more. `None` when it is no longer below
/// the organisation, or begins in a branch anyhow.
async fn wish(
    cx: &mut Cx,
    origin: &Origin,
    row: Option<Row>,
    to: &OrgRef,
) -> Result<Option<OrgRef>> {
    let meant = match origin {
        Origin::Again(no) => to_repeat(cx, no).await?.wish,
        Origin::Ticket(_) => row.and_then(|row| row.into).map(OrgId),
    };
    let Some(meant) = meant.filter(|_| !to.category.owns_members()) else { return Ok(None) };
    let branch = orgs::by_id(cx, meant).await?;
    let fits = branch.category.owns_members() && to.covers(&branch.path);
    Ok(Some(branch).filter(|_| fits))
}

/// What a 转入 that came back was begun with; for whoever began it.
pub async fn again_in(cx: &mut Cx, no: &str) -> Result<NewIn> {
    let t = to_repeat(cx, no).await?;
    Ok(NewIn {
        origin: Origin::Again(t.no.clone()),
        reason: t.reason.clone(),
        fields: show::answers(cx, &t)?,
        remark: t.remark.clone(),
    })
}

async fn to_repeat(cx: &mut Cx, no: &str) -> Result<Transfer> {
    let t = read(cx, no).await?;
    let acting = cx.org()?.clone();
    let came_back = t.state.ended() && t.state != State::Done;
    if t.variant.comes_from_target() && t.started_org.id == acting.id && came_back {
        Ok(t)
    } else {
        Err(Error::NotFound)
    }
}

/// The person, and the import row that led to her.
async fn whom(cx: &mut Cx, origin: &Origin) -> Result<(Person, Option<Row>)> {
    match origin {
        Origin::Ticket(ticket) => {
            let lead = lead::lead(cx, ticket).await?;
            if !lead.agreed {
                return Err(Error::Gone);
            }
            Ok((people::person::read(cx, lead.person()).await?, lead.row))
        }
        Origin::Again(no) => {
            let t = to_repeat(cx, no).await?;
            Ok((people::person::read(cx, t.person).await?, None))
        }
    }
}

/// No transfer of hers is open. That there is one is told to its parties alone (security a-2).
async fn nothing_in_the_way(cx: &mut Cx, person: &Person) -> Result<()> {
    let Some(no) = sql::open_of(cx, person.id).await? else { return Ok(()) };
    let open: Transfer = business::found(cx, &no).await?;
    if super::sees(cx, &open).await? && !open.hides_source_from(&cx.org()?.clone()) {
        return Err(Error::refused(start::in_progress(cx, &open).await?));
    }
    let mine = open.started_org.id == cx.org()?.id;
    if mine {
        let says = format!("本组织已经为{}申请转入，正在等待对方审批，不用再发起。", person.name);
        let way = format!("{}/t/{}", super::base(cx)?, open.no);
        let refusal = Refusal::new("E04", says).way("查看", &way);
        return Err(Error::refused(refusal.way("撤销该申请", format!("{way}#withdraw"))));
    }
    let says = format!(
        "现在不能为{}办理转入，原因只有本人和所在的团支部能看到。请联系本人：登录后在“我的转接”里查看，也可以由本人或原支部办理转出。",
        person.name
    );
    Err(Error::refused(Refusal::new("not_now", says)))
}

/// Where she comes from, if she may come here.
fn source(person: &Person, to: &OrgRef) -> Result<OrgRef> {
    if matches!(to.category, Category::Graduate | Category::Holding) {
        return Err(Error::refused(Refusal::new(
            "E11",
            "毕业班团支部和临时存放支部不接收转入团员。请由上级团委或其他团支部办理转入。",
        )));
    }
    let Some(membership) = &person.membership else {
        let says = format!(
            "{}现在不在任何团支部，不用办理转入。请在要加入的团支部里“添加团员”，填写同一个证件号，原有的资料会保留。",
            person.name
        );
        let way = format!("/o/{}/members/new", to.code);
        return Err(Error::refused(Refusal::new("E17", says).way("添加团员", way)));
    };
    if membership.org.id == to.id {
        let says = format!("{} 已在本支部,不用转接。", person.name);
        let way = format!("/o/{}/people/{}", to.code, person.code);
        return Err(Error::refused(Refusal::new("already_here", says).way("查看资料", way)));
    }
    Ok(membership.org.clone())
}
