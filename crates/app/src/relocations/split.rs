//! 拆分: some children or some members of a direct child go into a new sister of it, in one
//! transaction, after a page that names them.

use super::{carry, sql};
use crate::{
    Action, Cx, Error, OrgRef, Refusal, Result, cadres,
    events::Event,
    messages::{self, Message, To},
    orgs::{self, Mandate, New},
    people::{self, PersonId},
};
use serde_json::json;
use std::collections::HashSet;

/// Most that can stand to choose in one organisation.
const MOST: i64 = 10_000;

/// Somebody or something that can be chosen.
#[derive(Clone, Debug)]
pub struct Pick {
    /// 组织码 of a child, code of a person.
    pub code: String,
    pub name: String,
    /// Why it can't be chosen now; empty when it can.
    pub why_not: &'static str,
    /// The post that ends when the person goes.
    pub post: Option<String>,
}

/// What can be chosen.
#[derive(Debug)]
pub struct Splitting {
    pub org: OrgRef,
    /// Members, for a branch; otherwise direct children.
    pub of_people: bool,
    pub picks: Vec<Pick>,
    /// The name that the new sister would have in full.
    pub full_name: String,
}

/// A split that was carried out.
#[derive(Debug)]
pub struct Split {
    pub org: OrgRef,
    pub sister: OrgRef,
    pub moved: i64,
}

/// What of a direct child can go into a new sister.
pub async fn split_choices(cx: &mut Cx, code: &str) -> Result<Splitting> {
    let org = orgs::by_code(cx, code).await?;
    if !cx.may(Action::SeeOrg, &org.path) {
        return Err(Error::NotFound);
    }
    if !cx.may(Action::ReshapeChildren, &org.path) {
        return Err(cx.forbidden(Action::ReshapeChildren, &org));
    }
    let made = matches!(org.category, orgs::Category::Holding | orgs::Category::Graduate);
    if made || org.category == orgs::Category::Lead {
        return Err(Error::refused(Refusal::new(
            "split_kind",
            format!("{}不能拆分。", org.category.label()),
        )));
    }
    let of_people = org.category.owns_members();
    let picks = if of_people {
        let pick = |p: sql::Member| Pick {
            why_not: if p.moving { "转接中" } else { "" },
            code: p.code,
            name: p.name,
            post: p.post,
        };
        sql::members_of(cx, &org, MOST).await?.into_iter().map(pick).collect()
    } else {
        let pick =
            |c: sql::Child| Pick { why_not: "", code: c.code, name: c.short_name, post: None };
        sql::children_of(cx, org.id, MOST).await?.into_iter().map(pick).collect()
    };
    Ok(Splitting { org, of_people, picks, full_name: String::new() })
}

/// Judges a split without making it; what is chosen comes back in `picks`. Errors: `Invalid`
/// (`picks`, `short_name`).
pub async fn split_check(
    cx: &mut Cx,
    code: &str,
    short_name: &str,
    picked: &[String],
) -> Result<Splitting> {
    let mut found = split_choices(cx, code).await?;
    let all = found.picks.len();
    let picked: HashSet<&str> = picked.iter().map(String::as_str).collect();
    found.picks.retain(|p| picked.contains(p.code.as_str()));
    if found.picks.is_empty() {
        return Err(Error::field("picks", "required", "请勾选要分出去的下级组织或团员。"));
    }
    if found.picks.len() == all {
        let says = "不能全部分出去,原组织至少要留下一个。要改名称请用“编辑”,要换上级请用组织迁移。";
        return Err(Error::field("picks", "all", says));
    }
    if let Some(stays) = found.picks.iter().find(|p| !p.why_not.is_empty()) {
        let says = format!("{} {},不能分出去。请先办结。", stays.name, stays.why_not);
        return Err(Error::field("picks", "moving", says));
    }
    if let Some(no) = sql::open_on(cx, &found.org.path).await? {
        let says = format!(
            "“{}”或它的上下级正在办理组织迁移({no}),请等它办结或撤销。",
            found.org.short_name
        );
        return Err(Error::field("picks", "relocation_open", says));
    }
    let new = sister(cx, &found.org, short_name).await?;
    let above = cx.org()?.clone();
    let above_full = orgs::card(cx, &above.code).await?.full_name;
    let preview = orgs::preview(&above_full, above.category, &new);
    if !preview.errors.is_empty() {
        return Err(Error::Invalid(preview.errors));
    }
    found.full_name = preview.full_name;
    Ok(found)
}

async fn sister(cx: &mut Cx, org: &OrgRef, short_name: &str) -> Result<New> {
    let industry = orgs::info(cx, org).await?.fields.industry;
    Ok(New {
        short_name: short_name.to_owned(),
        full_name: None,
        category: org.category,
        industry: (!industry.is_empty()).then_some(industry),
    })
}

/// Splits. Errors as [`split_check`], and those of creating an organisation (`org_name_taken`).
pub async fn split(cx: &mut Cx, code: &str, short_name: &str, picked: &[String]) -> Result<Split> {
    let org = orgs::by_code(cx, code).await?;
    let permit = cx.permit(Action::ReshapeChildren, &org)?;
    orgs::lock_tree(cx, &permit).await?;
    let found = split_check(cx, code, short_name, picked).await?;
    let above = cx.org()?.clone();
    let new = sister(cx, &found.org, short_name).await?;
    let sister = orgs::create_child(cx, &above, new).await?;
    let codes: Vec<&str> = found.picks.iter().map(|p| p.code.as_str()).collect();
    let moved = if found.of_people {
        let ids = sql::persons_of(cx, &found.org, &codes).await?;
        let ids: Vec<PersonId> = ids.into_iter().map(|(id,)| id).collect();
        let seats = cadres::seats(cx, &found.org).await?;
        let leave = seats.into_iter().filter(|s| ids.contains(&s.person));
        let leave: Vec<_> = leave.map(|s| (s.person, s.name)).collect();
        // Only whoever has a post loses one; nobody is administrator without.
        let posted: Vec<&str> =
            found.picks.iter().filter(|p| p.post.is_some()).map(|p| p.code.as_str()).collect();
        let posted = sql::persons_of(cx, &found.org, &posted).await?;
        let posted: Vec<PersonId> = posted.into_iter().map(|(id,)| id).collect();
        people::end_posts_of(cx, &permit, &posted, &found.org, "组织拆分").await?;
        cadres::followed(cx, &permit, &found.org, &leave, cadres::With::Split).await?;
        people::move_some(cx, &permit, &ids, &found.org, &sister).await?
    } else {
        for code in &codes {
            let child = orgs::by_code(cx, code).await?;
            carry(cx, &permit, &child, &sister, Mandate::Superior).await?;
        }
        i64::try_from(codes.len()).unwrap_or(0)
    };
    if usize::try_from(moved).ok() != Some(codes.len()) {
        let says = "勾选的人里有的刚刚被别人改动,拆分没有进行。请刷新后重新勾选。";
        return Err(Error::conflict(Refusal::new("E22", says)));
    }
    tell(cx, &found, &sister, moved).await?;
    let detail = json!({ "from": org.code, "into": sister.code, "moved": moved });
    cx.note(Event::new("org.split", "org", sister.id.0).at(&sister.path).detail(detail.clone()))
        .await?;
    cx.record(permit, Event::new("org.split", "org", org.id.0).at(&org.path).detail(detail))
        .await?;
    Ok(Split { org: found.org, sister, moved })
}

async fn tell(cx: &mut Cx, found: &Splitting, sister: &OrgRef, moved: i64) -> Result<()> {
    let what = if found.of_people { "名团员" } else { "个下级组织" };
    let message = Message {
        to: To::Org(found.org.id),
        kind: "org",
        title: format!("本组织已拆分出“{}”", sister.short_name),
        body: format!("由直接上级办理,{moved} {what}已转到“{}”。", sister.short_name),
        href: format!("/o/{}", found.org.code),
    };
    messages::send(cx, message).await
}
