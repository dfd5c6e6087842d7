//! Pending and finished business of the demonstration: transfers in every state, with the messages
//! that they cause, so that no page is empty on the first visit.

use super::{Known, Place};
use crate::{
    Cx, House, Result, Who, act,
    business::machine,
    clock::{DAY, HOUR, Millis, beijing, end_of_day_after},
    messages::{self, Message, To},
    orgs::{Category, OrgId},
    rules::Rules,
};
use db::{args, sql};

/// A transfer to be put in.
struct Draft<'a> {
    who: &'a Known,
    from: &'a Place,
    to: &'a Place,
    reason: &'static str,
    remark: &'static str,
    /// The receiving side has asked for the person (转入), and the source decides.
    asked: bool,
    /// How long ago it was submitted.
    age: Millis,
    end: End<'a>,
}

/// Where it stands.
enum End<'a> {
    /// The target has not answered.
    Waiting,
    /// The target has agreed; the branch is not chosen.
    Allocating,
    Done(&'a Place),
    Returned {
        reason: &'static str,
        note: &'static str,
    },
    Withdrawn,
    Expired,
}
impl End<'_> {
    fn state(&self) -> &'static str {
        match self {
            Self::Waiting => "pending_target",
            Self::Allocating => "pending_alloc",
            Self::Done(_) => "done",
            Self::Returned { .. } => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }
    fn is_open(&self) -> bool {
        matches!(self, Self::Waiting | Self::Allocating)
    }
}
impl<'a> Draft<'a> {
    fn state(&self) -> &'static str {
        match self.end {
            End::Waiting if self.asked => "pending_source",
            _ => self.end.state(),
        }
    }
    /// The side that began it, and the side that decides.
    fn sides(&self) -> (&'a Place, &'a Place) {
        if self.asked { (self.to, self.from) } else { (self.from, self.to) }
    }
    /// In whose hands it is while it is open.
    fn holder(&self) -> &'a Place {
        match self.end {
            End::Waiting => self.sides().1,
            _ => self.to,
        }
    }
    fn variant(&self) -> &'static str {
        match (self.asked, self.to.at.category.owns_members()) {
            (true, true) => "V1",
            (false, true) => "V2",
            (false, false) => "V3",
            (true, false) => "V4",
        }
    }
}

/// Puts the business in; nothing when the demonstration has no people.
pub(super) async fn make(house: &House, cast: &[Place]) -> Result<()> {
    let drafts = drafts(cast).unwrap_or_default();
    act!(house, Who::System("demo"), |cx| {
        for (n, draft) in drafts.iter().enumerate() {
            put(cx, draft, n + 1).await?;
        }
        Ok(())
    })
}

/// One of everything around the demonstration's branch.
fn drafts(cast: &[Place]) -> Option<Vec<Draft<'_>>> {
    let is_branch = |p: &&Place| p.at.category.owns_members();
    let own = cast.iter().filter(is_branch).find(|p| p.star)?;
    let university = cast.iter().find(|p| p.star && p.at.category == Category::Committee)?;
    let general = cast.iter().find(|p| p.star && p.at.category == Category::General)?;
    let below_general = |p: &&Place| p.at.path.starts_with(&general.at.path);
    let others = cast.iter().filter(is_branch).filter(|p| p.members.len() > 6 && !p.star);
    let (sisters, far): (Vec<&Place>, Vec<&Place>) = others.partition(below_general);
    let (sister, outsider) = (*sisters.first()?, *far.first()?);
    let street =
        cast.iter().find(|p| p.at.category == Category::Work && !p.star && p.at.path.len() > 6);
    let street = street.unwrap_or(university);
    let mut drafts = vec![
        Draft {
            who: from(own, 3)?,
            from: own,
            to: outsider,
            reason: "study_or_change_school",
            remark: "已到新学校报到,请转来。",
            asked: true,
            age: DAY + 2 * HOUR,
            end: End::Waiting,
        },
        Draft {
            who: from(outsider, 0)?,
            from: outsider,
            to: own,
            reason: "study_or_change_school",
            remark: "转专业到本班,已办理学籍手续。",
            asked: false,
            age: 2 * DAY + 3 * HOUR,
            end: End::Waiting,
        },
        Draft {
            who: from(sister, 0)?,
            from: sister,
            to: own,
            reason: "reorganised",
            remark: "",
            asked: false,
            age: 5 * HOUR,
            end: End::Waiting,
        },
        Draft {
            who: from(own, 4)?,
            from: own,
            to: sister,
            reason: "study_or_change_school",
            remark: "分班调整。",
            asked: false,
            age: DAY,
            end: End::Waiting,
        },
        Draft {
            who: from(outsider, 1)?,
            from: outsider,
            to: university,
            reason: "study_or_change_school",
            remark: "插班生。",
            asked: false,
            age: 8 * DAY,
            end: End::Waiting,
        },
        Draft {
            who: from(outsider, 2)?,
            from: outsider,
            to: university,
            reason: "study_or_change_school",
            remark: "",
            asked: false,
            age: 3 * DAY,
            end: End::Allocating,
        },
        Draft {
            who: from(own, 5)?,
            from: own,
            to: street,
            reason: "left_job",
            remark: "休学回家。",
            asked: false,
            age: 4 * DAY,
            end: End::Waiting,
        },
        Draft {
            who: from(own, 6)?,
            from: outsider,
            to: own,
            reason: "study_or_change_school",
            remark: "",
            asked: false,
            age: 30 * DAY,
            end: End::Done(own),
        },
        Draft {
            who: from(own, 7)?,
            from: own,
            to: outsider,
            reason: "job_change",
            remark: "",
            asked: false,
            age: 20 * DAY,
            end: End::Returned {
                reason: "wrong_target",
                note: "本支部没有这位同志,请核对单位名称。",
            },
        },
        Draft {
            who: from(own, 8)?,
            from: own,
            to: sister,
            reason: "reorganised",
            remark: "",
            asked: false,
            age: 12 * DAY,
            end: End::Withdrawn,
        },
        Draft {
            who: from(own, 9)?,
            from: own,
            to: outsider,
            reason: "moved",
            remark: "",
            asked: false,
            age: 40 * DAY,
            end: End::Expired,
        },
    ];
    // Asked for by the university and given by an administrator of the branch: now it allocates.
    if outsider.admin.is_some()
        && let Some(who) = from(outsider, 3)
    {
        drafts.push(Draft {
            who,
            from: outsider,
            to: university,
            reason: "study_or_change_school",
            remark: "",
            asked: true,
            age: 2 * DAY,
            end: End::Allocating,
        });
    }
    Some(drafts)
}

fn from(place: &Place, n: usize) -> Option<&Known> {
    place.members.get(n)
}

async fn put(cx: &mut Cx, draft: &Draft<'_>, number: usize) -> Result<()> {
    let now = cx.now();
    let begun = now - draft.age;
    let id = cx.new_id();
    let (starting, _) = draft.sides();
    let admin = starting.admin.as_ref().unwrap_or(draft.who);
    let state = draft.state();
    let deadline = match draft.end {
        End::Waiting => Some(end_of_day_after(begun, 10)),
        // Agreed already: allocating does not lapse, it is reminded of (D4).
        _ => None,
    };
    let ended = match draft.end {
        End::Waiting | End::Allocating => None,
        End::Expired => Some(end_of_day_after(begun, 10)),
        _ => Some(begun + 2 * DAY),
    };
    let (branch, return_reason, return_note) = match draft.end {
        End::Done(branch) => (Some(branch.at.id), None, None),
        End::Returned { reason, note } => (None, Some(reason), Some(note)),
        _ => (None, None, None),
    };
    let no = format!("ZJ{}-{number:06}", beijing(begun).strftime("%Y%m%d"));
    cx.tx
        .run(
            sql!("INSERT INTO business (id, no, kind, person_id, variant, started_by, started_org, from_org, to_org, reason, remark, state, waits_for, deadline, branch_id, return_reason, return_note, created_at, ended_at, remind_at, fields_ct) VALUES ($1, $2, 'transfer', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)"),
            args![
                id,
                &no,
                draft.who.id,
                draft.variant(),
                admin.id,
                starting.at.id,
                draft.from.at.id,
                draft.to.at.id,
                draft.reason,
                draft.remark,
                state,
                draft.end.is_open().then_some(draft.holder().at.id),
                deadline,
                branch,
                return_reason,
                return_note,
                begun,
                ended,
                remind_at(draft, begun, now),
                fields(cx, id, draft.reason)
            ],
        )
        .await?;
    steps(cx, id, draft, admin, ended).await?;
    if draft.end.is_open() {
        cx.tx
            .run(
                sql!("UPDATE member SET status = 'moving', version = version + 1 WHERE person_id = $1"),
                args![draft.who.id],
            )
            .await?;
    }
    tell(cx, &no, draft).await
}

/// When the clockwork reminds the holder next.
fn remind_at(draft: &Draft<'_>, begun: Millis, now: Millis) -> Option<Millis> {
    let step = match draft.end {
        End::Waiting if draft.asked => "source",
        End::Waiting => "target",
        End::Allocating => "allocation",
        _ => return None,
    };
    machine::next_reminder(Rules::builtin().transfer.step(step)?, begun, now)
}

/// What the reason asks, sealed as the use-case seals it.
fn fields(cx: &Cx, id: i64, reason: &str) -> Option<Vec<u8>> {
    let answer = match reason {
        "study_or_change_school" => serde_json::json!({ "school_name": "庐州大学" }),
        "job_change" => serde_json::json!({ "unit_name": "智行软件有限公司" }),
        "moved" | "left_job" => serde_json::json!({ "address": "合肥市蜀山区稻香村街道" }),
        _ => return None,
    };
    let house = cx.house();
    let place = crate::keys::Place { column: "transfer.fields_ct", row: id };
    Some(house.keys().seal(place, &answer.to_string(), house.chance_source()))
}

/// Every step that led to where it stands.
async fn steps(
    cx: &mut Cx,
    id: i64,
    draft: &Draft<'_>,
    admin: &Known,
    ended: Option<Millis>,
) -> Result<()> {
    let begun = cx.now() - draft.age;
    let (starting, deciding) = draft.sides();
    let receiver = deciding.admin.as_ref().unwrap_or(admin);
    let (from, to) = (starting.at.id, deciding.at.id);
    let first = if draft.asked { "pending_source" } else { "pending_target" };
    let mut taken = vec![(begun, "submit", Some(admin), Some(from), first, draft.remark)];
    let at = ended.unwrap_or(begun + DAY);
    match draft.end {
        End::Waiting => {}
        End::Allocating => {
            taken.push((at, "approve", Some(receiver), Some(to), "pending_alloc", ""))
        }
        End::Done(_) => taken.push((at, "approve", Some(receiver), Some(to), "done", "")),
        End::Returned { note, .. } => {
            taken.push((at, "return", Some(receiver), Some(to), "rejected", note))
        }
        End::Withdrawn => taken.push((at, "withdraw", Some(admin), Some(from), "withdrawn", "")),
        End::Expired => taken.push((at, "expire", None, None, "expired", "")),
    }
    for (n, (at, verb, actor, org, state, note)) in taken.into_iter().enumerate() {
        cx.tx
            .run(
                sql!("INSERT INTO business_step (business_id, no, at, verb, actor, actor_id, org_id, state, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"),
                args![
                    id,
                    n as i64 + 1,
                    at,
                    verb,
                    actor.map_or("系统", |a| a.name.as_str()),
                    actor.map(|a| a.id),
                    org,
                    state,
                    note
                ],
            )
            .await?;
    }
    Ok(())
}

/// The message to whoever must act, or to the one who asked.
async fn tell(cx: &mut Cx, no: &str, draft: &Draft<'_>) -> Result<()> {
    let (name, from) = (&draft.who.name, &draft.from.short);
    let (to, title, body) = match draft.end {
        End::Waiting if draft.asked => (
            draft.from,
            format!("{name}申请转出,等待你们审批"),
            format!("{}办理转入,{from}审批后完成,请在期限内处理。", draft.to.short),
        ),
        End::Waiting | End::Allocating => (
            draft.to,
            format!("{name}申请转入"),
            format!("{from}的{name}申请转入{},请在期限内处理。", draft.to.short),
        ),
        End::Done(_) => {
            (draft.from, format!("{name}已转出"), format!("{}已同意接收{name}。", draft.to.short))
        }
        End::Returned { note, .. } => (
            draft.from,
            format!("{name}的转接被退回"),
            format!("{}退回了申请:{note}", draft.to.short),
        ),
        End::Expired => (
            draft.from,
            format!("{name}的转接超期退回"),
            format!("{}十天内没有处理,系统已自动退回,可以重新提交。", draft.to.short),
        ),
        End::Withdrawn => return Ok(()),
    };
    let href = format!("/o/{}/t/{no}", to.at.code);
    messages::send(
        cx,
        Message { to: To::Org(OrgId(to.at.id)), kind: "transfer", title, body, href },
    )
    .await
}
