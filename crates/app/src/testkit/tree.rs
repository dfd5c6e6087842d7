//! A small tree that has one of everything.

use super::Lab;
use crate::{
    OrgRef, Who, act,
    orgs::{Category, OrgId, code, grams, pinyin},
};
use db::{args, sql};
use std::sync::atomic::Ordering;

/// Two provinces; in the first one a school with a general branch and three branches, and a
/// second committee; in the other one a committee with a branch, for transfers between provinces.
pub struct Tree {
    /// 团中央, the root.
    pub centre: OrgRef,
    /// 团安徽省委.
    pub province: OrgRef,
    /// 团合肥市委.
    pub city: OrgRef,
    /// 团庐阳区委.
    pub county: OrgRef,
    /// A school's committee, below the county.
    pub committee: OrgRef,
    /// A general branch below the committee, above `branch` and `sister`.
    pub general: OrgRef,
    pub branch: OrgRef,
    pub sister: OrgRef,
    /// A branch directly below the committee.
    pub direct: OrgRef,
    /// Another committee of the county, and its branch.
    pub other_committee: OrgRef,
    pub other_branch: OrgRef,
    /// Another province with a committee and a branch.
    pub far_province: OrgRef,
    pub far_committee: OrgRef,
    pub far_branch: OrgRef,
}

impl Lab {
    /// Plants the small tree.
    pub async fn tree(&self) -> Tree {
        use Category::{Branch, Committee, General, Lead};
        let centre = self.org(None, Lead, "团中央").await;
        let province = self.org(Some(&centre), Lead, "团安徽省委").await;
        let city = self.org(Some(&province), Lead, "团合肥市委").await;
        let county = self.org(Some(&city), Lead, "团庐阳区委").await;
        let committee = self.org(Some(&county), Committee, "合肥第一中学团委").await;
        let general = self.org(Some(&committee), General, "高一年级团总支").await;
        let branch = self.org(Some(&general), Branch, "高一1班团支部").await;
        let sister = self.org(Some(&general), Branch, "高一2班团支部").await;
        let direct = self.org(Some(&committee), Branch, "教工团支部").await;
        let other_committee = self.org(Some(&county), Committee, "合肥第六中学团委").await;
        let other_branch = self.org(Some(&other_committee), Branch, "高二1班团支部").await;
        let far_province = self.org(Some(&centre), Lead, "团江苏省委").await;
        let far_committee = self.org(Some(&far_province), Committee, "南京大学团委").await;
        let far_branch = self.org(Some(&far_committee), Branch, "文学院2025级1班团支部").await;
        Tree {
            centre,
            province,
            city,
            county,
            committee,
            general,
            branch,
            sister,
            direct,
            other_committee,
            other_branch,
            far_province,
            far_committee,
            far_branch,
        }
    }

    /// Plants one organisation, with its delta row for the counters.
    pub async fn org(&self, parent: Option<&OrgRef>, category: Category, name: &str) -> OrgRef {
        act!(self.house, Who::System("testkit"), |cx| {
            let sort_no = match parent {
                None => 0,
                Some(p) => {
                    let (next,): (i64,) = cx
                        .tx
                        .one(
                            sql!("UPDATE org SET next_child = next_child + 1 WHERE id = $1 RETURNING next_child - 1"),
                            args![p.id],
                        )
                        .await?;
                    next
                }
            };
            let path = format!("{}{}", parent.map_or("", |p| &p.path), base36(sort_no));
            let province = match parent {
                Some(p) if p.path.len() > 3 => p.province.clone(),
                Some(_) if name.contains("江苏") => "32".to_owned(),
                Some(_) => "34".to_owned(),
                None => "00".to_owned(),
            };
            let id = OrgId(cx.new_id());
            let code = code::nth(self.orgs.fetch_add(1, Ordering::Relaxed));
            let depth = i64::try_from(path.len() / 3).unwrap_or(1);
            let industry = (category != Category::Lead).then_some("school_senior");
            let graduated = category == Category::Graduate;
            cx.tx
                .run(
                    sql!("INSERT INTO org (id, code, parent_id, path, depth, sort_no, short_name, full_name, name_py, category, industry, province, created_at, updated_at, graduates, graduated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15)"),
                    args![
                        id, &code, parent.map(|p| p.id), &path, depth, sort_no, name, full_name(name),
                        pinyin::initials(name), category.code(), industry, &province, cx.now(),
                        graduated.then_some("2025-06"), graduated.then(|| cx.now())
                    ],
                )
                .await?;
            let above = parent.map_or_else(String::new, |p| full_name(&p.short_name));
            let grams = grams::of_org(name, &full_name(name), &above, category);
            cx.tx
                .run_of(
                    sql!("INSERT INTO org_gram (gram, depth, path) SELECT v.gram, $1, $2 FROM {rows: gram text} AS v"),
                    args![depth, &path],
                    grams.into_iter().map(|g| vec![g.into()]).collect(),
                )
                .await?;
            cx.tx
                .run(
                    sql!("INSERT INTO delta (id, org_path, orgs, branches, at) VALUES ($1, $2, 1, $3, $4)"),
                    args![cx.new_id(), &path, i64::from(category.owns_members()), cx.now()],
                )
                .await?;
            Ok(OrgRef { id, code, path, short_name: name.into(), category, province })
        })
        .expect("an organisation can be planted")
    }
}

fn full_name(name: &str) -> String {
    format!("中国共产主义青年团{name}")
}

/// Three base-36 characters (store.md 6).
fn base36(n: i64) -> String {
    let digit =
        |d: i64| u32::try_from(d % 36).ok().and_then(|d| char::from_digit(d, 36)).unwrap_or('0');
    [n / 1296, n / 36, n].map(digit).iter().collect()
}
