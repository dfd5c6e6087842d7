//! Direct children in their order (row 47), for the table and for the lazily opened tree.

use super::{Category, OrgId, Step, industry_name, sql};
use crate::{
    Action, Cx, Error, OrgRef, Result, clock,
    rules::{
        Rules,
        completeness::{OrgItem, missing_of_org},
        graduation::Mark,
    },
};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

/// One direct child.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Child {
    pub code: String,
    pub short_name: String,
    pub full_name: String,
    pub category: Category,
    pub category_name: String,
    pub industry: String,
    pub phone: Option<String>,
    /// How many facts it still has to give of itself (row 39).
    pub missing: usize,
    /// 毕业标记: its time, or why there is none.
    pub graduation: Option<String>,
    /// What a superior would look at: far fewer or more people than usual (rows 60, 61).
    pub advice: Option<String>,
    /// 是否乡镇街道团委 (row 58); `None` where nothing was set.
    pub township: Option<bool>,
    /// How many administrators' seats are taken.
    pub administrators: i64,
    /// 码未用: days until the registration code that waits for it ends.
    pub code_days_left: Option<i64>,
    /// Members of itself and everything below, as last folded.
    pub members: i64,
    /// Of these, how many are complete.
    pub members_done: i64,
    /// Whether it has children of its own.
    pub has_children: bool,
    /// Its place; three characters a level.
    #[serde(skip)]
    pub path: String,
}

/// A page of direct children.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Children {
    pub rows: Vec<Child>,
    /// Mark of the next page; `None` when this was the last.
    pub next: Option<String>,
}

/// Which of the direct children are shown.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    /// A part of the short or full name, or of the short name's pinyin initials.
    pub name: String,
    pub category: Option<Category>,
    /// Only those without an administrator.
    pub unmanned: bool,
}

/// The direct children of `parent` in their order, `limit` (at most 200) from the mark `after` on.
pub async fn children(
    cx: &mut Cx,
    parent: &OrgRef,
    after: Option<&str>,
    limit: i64,
) -> Result<Children> {
    narrowed(cx, parent, &Narrow::default(), after, limit).await
}

/// As [`children`], narrowed down: along the order of the direct children alone.
pub async fn narrowed(
    cx: &mut Cx,
    parent: &OrgRef,
    narrow: &Narrow,
    after: Option<&str>,
    limit: i64,
) -> Result<Children> {
    if !cx.may(Action::SeeOrg, &parent.path) {
        return Err(Error::NotFound);
    }
    let limit = limit.clamp(1, 200);
    let mark = after.and_then(read_mark).unwrap_or((i64::MIN, i64::MIN));
    let mut found = sql::children(cx, parent.id, narrow, mark, limit + 1).await?;
    let more = found.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if more {
        found.pop();
    }
    let next = found.last().filter(|_| more).map(|row| format!("{}-{}", row.sort_no, row.id));
    let today = clock::day(cx.now());
    let rows = found.into_iter().map(|row| child(row, today)).collect::<Result<_>>()?;
    Ok(Children { rows, next })
}

/// The direct children of the organisation at `path`, fifty at a time: what the tree opens.
pub async fn children_of(cx: &mut Cx, path: &str, after: Option<&str>) -> Result<Children> {
    if !cx.may(Action::SeeOrg, path) {
        return Err(Error::NotFound);
    }
    let parent = sql::by_paths(cx, vec![path.to_owned()]).await?.into_iter().next();
    children(cx, &parent.ok_or(Error::NotFound)?, after, 50).await
}

/// An organisation as everybody sees it while choosing one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Place {
    pub code: String,
    pub name: String,
    pub category_name: String,
    pub has_children: bool,
    /// Where it stands.
    #[serde(skip)]
    pub org: OrgRef,
}

/// One level of the tree while choosing (逐级浏览).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Level {
    /// From the root down to the organisation whose children are shown.
    pub above: Vec<Step>,
    pub rows: Vec<Place>,
    /// Mark of the next fifty; `None` when these were the last.
    pub next: Option<String>,
}

/// The children of any organisation by name alone, fifty at a time; names are public to everybody
/// who has signed in. `code` is the organisation; the root when there is none.
pub async fn browse(cx: &mut Cx, code: Option<&str>, after: Option<&str>) -> Result<Level> {
    cx.visitor()?;
    let parent = match code {
        Some(code) => sql::by_code(cx, code).await?,
        None => sql::by_paths(cx, vec!["000".to_owned()]).await?.into_iter().next(),
    };
    let parent = parent.ok_or(Error::NotFound)?;
    let above = super::chain(cx, &parent.path).await?;
    let mark = after.and_then(read_mark).unwrap_or((i64::MIN, i64::MIN));
    let mut found = sql::children(cx, parent.id, &Narrow::default(), mark, 51).await?;
    let more = found.len() > 50;
    found.truncate(50);
    let next = found.last().filter(|_| more).map(|row| format!("{}-{}", row.sort_no, row.id));
    let place = |row: sql::ChildRow| {
        let category = Category::from_code(&row.category)?;
        Some(Place {
            category_name: category.label().to_owned(),
            code: row.code.clone(),
            name: row.short_name.clone(),
            has_children: row.has_children,
            org: OrgRef {
                id: OrgId(row.id),
                code: row.code,
                path: row.path,
                short_name: row.short_name,
                category,
                province: parent.province.clone(),
            },
        })
    };
    Ok(Level { above, rows: found.into_iter().filter_map(place).collect(), next })
}

fn read_mark(mark: &str) -> Option<(i64, i64)> {
    // A number may be negative: whoever was put on top stands before the first.
    let (sort_no, id) = mark.rsplit_once('-')?;
    Some((sort_no.parse().ok()?, id.parse().ok()?))
}

/// How many facts it still has to give of itself (row 39).
fn lacking(category: Category, row: &sql::ChildRow) -> usize {
    let filled = |item: OrgItem| match item {
        OrgItem::Category => true,
        OrgItem::ShortName => !row.short_name.is_empty(),
        OrgItem::FullName => !row.full_name.is_empty(),
        OrgItem::Industry => row.industry.is_some(),
        OrgItem::Phone => row.phone.is_some(),
        OrgItem::Email => row.email.is_some(),
        OrgItem::StaffAdminPosts => row.admin_posts.is_some(),
        OrgItem::StaffAdminFilled => row.admin_filled.is_some(),
        OrgItem::StaffInstPosts => row.staff_posts.is_some(),
        OrgItem::StaffInstFilled => row.staff_filled.is_some(),
        OrgItem::Secretary => row.has_secretary,
        OrgItem::SecretaryMobile => row.has_mobile,
    };
    missing_of_org(category, filled, Rules::builtin()).len()
}

fn child(row: sql::ChildRow, today: Date) -> Result<Child> {
    let category = Category::from_code(&row.category)
        .ok_or_else(|| Error::Broken("an organisation has an unknown category".into()))?;
    let advice = Rules::builtin().policy.guide.advice(category, row.members);
    let lacking = lacking(category, &row);
    Ok(Child {
        missing: lacking,
        graduation: Mark::stored(row.graduates.as_deref(), row.no_graduation.as_deref())
            .map(Mark::label),
        advice,
        industry: industry_name(category, row.industry.as_deref()),
        category_name: category.label().to_owned(),
        code: row.code,
        short_name: row.short_name,
        full_name: row.full_name,
        category,
        phone: row.phone,
        township: row.is_township,
        administrators: row.administrators,
        code_days_left: row
            .code_until
            .map(|end| i64::from((clock::day(end) - today).get_days()).max(1)),
        members: row.members,
        members_done: row.members_done,
        has_children: row.has_children,
        path: row.path,
    })
}
