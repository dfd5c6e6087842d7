//! 合并: one direct child goes up in another one of the same superior, with its children, members
//! and, if so chosen, its posts; then it is closed. In one transaction, after a page that counts.

use super::{carry, sql};
use crate::{
    Action, Cx, Error, OrgRef, Permit, Refusal, Result, cadres, codes,
    events::Event,
    messages::{self, Message, To},
    orgs::{self, Mandate},
    people, stats,
};
use serde_json::json;

/// Most direct children that go up at once.
const MOST: i64 = 10_000;

/// What becomes of the posts in the organisation that goes up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Posts {
    /// They end.
    #[default]
    End,
    /// They are held in the other organisation from now on; a 书记 becomes 副书记.
    Carry,
}
impl Posts {
    /// As the form sends it.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "end" => Some(Self::End),
            "carry" => Some(Self::Carry),
            _ => None,
        }
    }
}

/// A merger as its page shows it.
#[derive(Debug)]
pub struct Merging {
    pub from: OrgRef,
    pub into: OrgRef,
    /// Direct children that change over.
    pub children: Vec<String>,
    /// Everything below, itself not counted.
    pub orgs: i64,
    /// Its own members, or those of everything below.
    pub members: i64,
    pub cadres: i64,
    pub administrators: i64,
    /// What stands against it, each with what to do.
    pub against: Vec<String>,
}

/// A merger that was carried out.
#[derive(Debug)]
pub struct Merged {
    pub into: OrgRef,
    pub children: i64,
    pub members: i64,
    pub posts: i64,
}

/// Counts a merger and says what stands against it; changes nothing. `NotFound` for organisations
/// that are no direct children.
pub async fn merge_preview(cx: &mut Cx, from: &str, into: &str) -> Result<Merging> {
    let (from, into) = pair(cx, from, into).await?;
    merging(cx, &from, &into, Mandate::Superior).await
}

/// The same for whoever has leave.
pub(crate) async fn merging(
    cx: &mut Cx,
    from: &OrgRef,
    into: &OrgRef,
    mandate: Mandate,
) -> Result<Merging> {
    let children = sql::children_of(cx, from.id, MOST).await?;
    let figures = stats::subtree(cx, &from.path).await?;
    let own = sql::standing_in(cx, from).await?;
    let against = against(cx, from, into, &own, mandate).await?;
    Ok(Merging {
        children: children.into_iter().map(|c| c.short_name).collect(),
        orgs: (figures.orgs - 1).max(0),
        members: if from.category.owns_members() { own.members } else { figures.members },
        cadres: own.cadres,
        administrators: own.administrators,
        against,
        from: from.clone(),
        into: into.clone(),
    })
}

/// Merges `from` into `into`. Errors: `Conflict` (`merge_against`) with everything that stands
/// against it.
pub async fn merge(cx: &mut Cx, from: &str, into: &str, posts: Posts) -> Result<Merged> {
    let (from, into) = pair(cx, from, into).await?;
    let permit = cx.permit(Action::ReshapeChildren, &from)?;
    let other = cx.permit(Action::ReshapeChildren, &into)?;
    cx.return_unused(other);
    let (merged, event) = carry_out(cx, &permit, (&from, &into), posts, Mandate::Superior).await?;
    cx.record(permit, event).await?;
    Ok(merged)
}

/// The merger that two operators agreed on, also between provinces.
pub(crate) async fn merge_by_operators(
    cx: &mut Cx,
    permit: &Permit,
    from: &OrgRef,
    into: &OrgRef,
    posts: Posts,
) -> Result<Merged> {
    let (merged, event) = carry_out(cx, permit, (from, into), posts, Mandate::Operators).await?;
    cx.note(event).await?;
    Ok(merged)
}

async fn carry_out(
    cx: &mut Cx,
    permit: &Permit,
    (from, into): (&OrgRef, &OrgRef),
    posts: Posts,
    mandate: Mandate,
) -> Result<(Merged, Event)> {
    orgs::lock_tree(cx, permit).await?;
    orgs::seize(cx, permit, from).await?;
    let (from, into) = (orgs::by_id(cx, from.id).await?, orgs::by_id(cx, into.id).await?);
    let own = sql::standing_in(cx, &from).await?;
    let against = against(cx, &from, &into, &own, mandate).await?;
    if !against.is_empty() {
        return Err(Error::conflict(Refusal::new("merge_against", against.join(""))));
    }
    let seats = cadres::seats(cx, &from).await?;
    let administrators: Vec<_> = seats.into_iter().map(|s| (s.person, s.name)).collect();
    let children = sql::children_of(cx, from.id, MOST).await?;
    for child in &children {
        let child = orgs::by_id(cx, child.id).await?;
        carry(cx, permit, &child, &into, mandate).await?;
    }
    let members = if from.category.owns_members() {
        people::move_all(cx, permit, &from, &into).await?
    } else {
        0
    };
    let carried = match posts {
        Posts::Carry => people::carry_posts(cx, permit, &from, &into).await?,
        Posts::End => 0,
    };
    people::end_posts(cx, permit, &from, "组织合并").await?;
    cadres::followed(cx, permit, &from, &administrators, cadres::With::Merger).await?;
    cadres::observers::dismiss_all(cx, permit, &from).await?;
    codes::revoke_all(cx, permit, &from).await?;
    orgs::end(cx, permit, &from).await?;
    tell(cx, &from, &into, &administrators, members).await?;
    let children = i64::try_from(children.len()).unwrap_or(0);
    let detail = json!({
        "from": from.code, "into": into.code, "children": children, "members": members,
        "posts_carried": carried,
    });
    cx.note(Event::new("org.merged", "org", into.id.0).at(&into.path).detail(detail.clone()))
        .await?;
    let event = Event::new("org.merged", "org", from.id.0).at(&from.path).detail(detail);
    Ok((Merged { into, children, members, posts: carried }, event))
}

/// Two direct children of the organisation acted for.
async fn pair(cx: &mut Cx, from: &str, into: &str) -> Result<(OrgRef, OrgRef)> {
    let (from, into) = (orgs::by_code(cx, from).await?, orgs::by_code(cx, into).await?);
    for org in [&from, &into] {
        if !cx.may(Action::SeeOrg, &org.path) {
            return Err(Error::NotFound);
        }
        if !cx.may(Action::ReshapeChildren, &org.path) {
            return Err(cx.forbidden(Action::ReshapeChildren, org));
        }
    }
    Ok((from, into))
}

/// Why these two can never be merged; `None`: the rest depends on what is in them. Judges the row
/// of a picker and what is submitted alike.
pub fn against_pair(from: &OrgRef, into: &OrgRef, mandate: Mandate) -> Option<String> {
    if from.id == into.id {
        return Some("两个是同一个组织，请另选一个。".into());
    }
    let top = |org: &OrgRef| org.depth() <= 2 && org.category == orgs::Category::Lead;
    if mandate != Mandate::Operators && (top(from) || top(into)) {
        return Some("省级团委的合并由系统运营两人办理，请联系系统运营。".into());
    }
    if from.covers(&into.path) {
        return Some(format!(
            "“{}”就在“{}”下面，不能并入自己的下级。",
            into.short_name, from.short_name
        ));
    }
    let made =
        |org: &OrgRef| matches!(org.category, orgs::Category::Holding | orgs::Category::Graduate);
    let apart = from.category.owns_members() != into.category.owns_members();
    (made(from) || made(into) || apart).then(|| {
        format!(
            "{}不能并入{}：团支部只能与团支部合并，团委、团工委、团总支之间可以合并。",
            from.category.label(),
            into.category.label()
        )
    })
}

async fn against(
    cx: &mut Cx,
    from: &OrgRef,
    into: &OrgRef,
    own: &sql::Within,
    mandate: Mandate,
) -> Result<Vec<String>> {
    if let Some(says) = against_pair(from, into, mandate) {
        return Ok(vec![says]);
    }
    let mut found = Vec::new();
    for org in [from, into] {
        if !sql::is_active(cx, org.id).await? {
            found.push(format!("“{}”已经撤销或正在调整。", org.short_name));
        }
        if let Some(no) = sql::open_on(cx, &org.path).await? {
            found.push(format!(
                "“{}”或它的上下级正在办理组织迁移({no}),请等它办结或撤销。",
                org.short_name
            ));
        }
    }
    if own.transfers > 0 {
        found.push(format!(
            "“{}”还有 {} 笔组织关系转接在办,请先办结或撤销。",
            from.short_name, own.transfers
        ));
    }
    if own.imports > 0 {
        found.push(format!(
            "“{}”还有 {} 个导入没有完成,请先完成或结束。",
            from.short_name, own.imports
        ));
    }
    if sql::have_holding(cx, from.id, into.id).await? {
        found.push("两个组织下面都有待接转团支部,请先清空并撤销其中一个。".into());
    }
    for child in sql::children_of(cx, from.id, MOST).await? {
        let child = orgs::by_id(cx, child.id).await?;
        if let Some(refusal) = orgs::against_moving(cx, &child, into, mandate).await? {
            found.push(refusal.message);
        }
    }
    Ok(found)
}

async fn tell(
    cx: &mut Cx,
    from: &OrgRef,
    into: &OrgRef,
    administrators: &[(people::PersonId, String)],
    members: i64,
) -> Result<()> {
    let title = format!("“{}”已并入“{}”", from.short_name, into.short_name);
    let body = format!("由直接上级办理,{members} 名团员和下级组织一并转入。");
    let href = format!("/o/{}", into.code);
    let message = Message { to: To::Org(into.id), kind: "org", title: title.clone(), body, href };
    messages::send(cx, message).await?;
    for (person, _) in administrators {
        let body = "原组织已撤销,你在原组织的管理员身份同时结束。".to_owned();
        let message = Message {
            to: To::Person(*person),
            kind: "org",
            title: title.clone(),
            body,
            href: "/me/posts".into(),
        };
        messages::send(cx, message).await?;
    }
    Ok(())
}
