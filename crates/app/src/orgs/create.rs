//! Creating an organisation: the root once, and children one by one (rows 36, 37, 59, 64).

use super::{
    Category, OrgId, batch_sql, code, grams, industry_name, naming, path_part, pinyin, sql,
};
use crate::{
    Action, Cx, Error, FieldError, OrgRef, Permit, Result,
    error::Refusal,
    events::Event,
    rules::{Column, Problem, Rules, tree::judge_org_name},
    stats::{self, Change},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What is given for a new organisation.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct New {
    /// 组织简称, at most 25 characters, different from its sisters'.
    pub short_name: String,
    /// 组织全称; suggested from the superior's when left out.
    #[serde(default)]
    pub full_name: Option<String>,
    pub category: Category,
    /// Key of a leaf of the industries (C3); not for leading organs.
    #[serde(default)]
    pub industry: Option<String>,
}

/// What a new organisation would be called, and what speaks against it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Preview {
    pub full_name: String,
    /// What forbids it, field by field.
    pub errors: Vec<FieldError>,
    /// What is only pointed out.
    pub advice: Vec<FieldError>,
}

/// Judges a new child without making it: the form asks this, and `create_child` asks it again.
/// Codes: those of `judge_org_name`, `org_nesting`, `org_industry`.
pub fn preview(parent_full: &str, parent: Category, new: &New) -> Preview {
    let rules = Rules::builtin();
    let short = tidy(&new.short_name);
    let typed = new.full_name.as_deref().map(tidy).filter(|name| !name.is_empty());
    let full_name =
        typed.unwrap_or_else(|| naming::full_name(parent_full, parent, &short, new.category));
    let (mut errors, mut advice) = judge_names(&short, &full_name, new.category);
    if new.full_name.as_deref().is_none_or(|name| name.trim().is_empty()) {
        // What is wrong with the short name is not said again of the full one made from it.
        let short: Vec<String> =
            errors.iter().filter(|e| e.field == "short_name").map(|e| e.code.clone()).collect();
        errors.retain(|e| e.field != "full_name" || !short.contains(&e.code));
    }
    let row = rules.tree.category(new.category);
    if !row.creatable || !rules.tree.can_contain(parent, new.category) {
        let message = format!(
            "{}下面不能建{}。请换一个组织类别,或到合适的上级组织下创建。",
            parent.label(),
            new.category.label()
        );
        errors.push(FieldError::new("category", "org_nesting", message));
    }
    errors.extend(industry_error(new.category, new.industry.as_deref()));
    if naming::says_twice(&full_name) {
        let says = "组织全称里有一段重复了，请核对。";
        advice.push(FieldError::new("full_name", "org_name_twice", says));
    }
    if full_name.is_empty() {
        advice.clear();
    }
    Preview { full_name, errors, advice }
}

/// Creates a direct child of `parent` (row 37). Its number comes from a guarded update of the
/// parent's row, so that two created at once get different paths on either engine.
/// Errors: [`Error::Invalid`] by field; `Conflict` (`org_name_taken`) with a link to the sister of
/// the same name; `Refused` (`org_depth`, `org_full`, `org_gone`).
pub async fn create_child(cx: &mut Cx, parent: &OrgRef, new: New) -> Result<OrgRef> {
    let permit = cx.permit(Action::CreateChild, parent)?;
    let Some(seat) = sql::next_child(cx, &permit, parent.id).await? else {
        return Err(Error::refused(Refusal::new(
            "org_gone",
            format!(
                "“{}”已被撤销或编号已用完,不能再创建下级组织。请刷新后核对。",
                parent.short_name
            ),
        )));
    };
    let above = Above::at(&seat.path, &seat.category, &seat.province)?;
    let short_name = tidy(&new.short_name);
    let Preview { full_name, errors, .. } = preview(&seat.full_name, above.category, &new);
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    if let Some((code, there)) = sql::sister_named(cx, parent.id, &short_name).await? {
        return Err(name_taken(parent, &there, &code));
    }
    let Some(part) = path_part(seat.number) else {
        return Err(Error::refused(Refusal::new(
            "org_full",
            "直属下级组织的编号已用完,请联系系统运营。",
        )));
    };
    let province = above.province_of_child(&short_name);
    let entry = Entry {
        parent: Some(parent.id),
        parent_full: seat.full_name.clone(),
        path: format!("{}{part}", seat.path),
        sort_no: batch_sql::last_place(cx, &permit, parent.id).await? + GAP,
        short_name,
        full_name,
        category: new.category,
        industry: new.industry.filter(|_| new.category != Category::Lead),
        province,
    };
    add(cx, permit, entry).await
}

/// What the root of a tree is: 团中央 for a nation, a school's committee for a school.
#[derive(Clone, Debug)]
pub struct Root {
    pub short_name: String,
    pub full_name: String,
    pub category: Category,
    /// As for a child; not for leading organs.
    pub industry: Option<String>,
    /// Two digits; "00" for the nation.
    pub province: String,
}
impl Root {
    /// 团中央.
    pub fn centre() -> Self {
        Self {
            short_name: "团中央".into(),
            full_name: "中国共产主义青年团中央委员会".into(),
            category: Category::Lead,
            industry: None,
            province: "00".into(),
        }
    }
}

/// Creates the root; refused when there is one. For the first start and for generators.
/// Errors: [`Error::Invalid`] by field.
pub async fn create_root(cx: &mut Cx, root: Root) -> Result<OrgRef> {
    let permit = cx.permit_system(Action::CreateChild)?;
    if sql::by_paths(cx, vec!["000".into()]).await?.into_iter().next().is_some() {
        return Err(Error::conflict(Refusal::new("org_root", "根组织已经存在,不能重复创建。")));
    }
    let (short_name, full_name) = (tidy(&root.short_name), tidy(&root.full_name));
    let (mut errors, _) = judge_names(&short_name, &full_name, root.category);
    errors.extend(industry_error(root.category, root.industry.as_deref()));
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let entry = Entry {
        parent: None,
        parent_full: String::new(),
        path: "000".into(),
        sort_no: 0,
        short_name,
        full_name,
        category: root.category,
        industry: root.industry.filter(|_| root.category != Category::Lead),
        province: root.province,
    };
    add(cx, permit, entry).await
}

/// Everything that an organisation's row needs.
pub(super) struct Entry {
    pub(super) parent: Option<OrgId>,
    pub(super) parent_full: String,
    pub(super) path: String,
    pub(super) sort_no: i64,
    pub(super) short_name: String,
    pub(super) full_name: String,
    pub(super) category: Category,
    pub(super) industry: Option<String>,
    pub(super) province: String,
}

/// How far the children of an organisation stand from one another in its order, so that one can
/// be put between two others without moving the rest.
pub(super) const GAP: i64 = 1 << 10;

/// What counts of the superior.
pub(super) struct Above {
    pub(super) category: Category,
    province: String,
    depth: usize,
}
impl Above {
    /// Errors: [`Error::Refused`] at the last level of the tree.
    pub(super) fn at(path: &str, category: &str, province: &str) -> Result<Self> {
        let depth = super::depth_of(path);
        let limit = Rules::builtin().tree.depth_limit;
        if depth >= limit {
            return Err(Error::refused(Refusal::new(
                "org_depth",
                format!("组织树最多 {limit} 级,这里已经是最后一级,不能再创建下级组织。"),
            )));
        }
        let category = Category::from_code(category)
            .ok_or_else(|| Error::Broken("an organisation has an unknown category".into()))?;
        Ok(Self { category, province: province.to_owned(), depth })
    }
    /// Below the root the name says which province it is; deeper it is inherited.
    pub(super) fn province_of_child(&self, short_name: &str) -> String {
        if self.depth > 1 {
            return self.province.clone();
        }
        let rows = &Rules::builtin().tree.provinces;
        rows.iter()
            .find(|row| row.short_name == short_name)
            .or_else(|| rows.iter().find(|row| short_name.contains(row.area.as_str())))
            .map_or_else(|| "00".to_owned(), |row| row.code.clone())
    }
}

/// Judges both names: what forbids, and what is only pointed out.
pub(super) fn judge_names(
    short: &str,
    full: &str,
    category: Category,
) -> (Vec<FieldError>, Vec<FieldError>) {
    let problems = judge_org_name(short, full, category, Rules::builtin());
    let (errors, advice): (Vec<Problem>, Vec<Problem>) =
        problems.into_iter().partition(Problem::forbids);
    let fields = |list: Vec<Problem>| list.into_iter().map(field_error).collect();
    (fields(errors), fields(advice))
}

pub(super) fn field_error(problem: Problem) -> FieldError {
    let field = match problem.column {
        Column::OrgShortName => "short_name",
        Column::OrgFullName => "full_name",
        column => column.key(),
    };
    FieldError::new(field, problem.code, problem.message)
}

pub(super) fn industry_error(category: Category, industry: Option<&str>) -> Option<FieldError> {
    if category == Category::Lead {
        return None;
    }
    let known = industry.is_some_and(|code| Rules::builtin().tree.industry(code).is_some());
    (!known).then(|| FieldError::new("industry", "org_industry", "请选择单位所属行业类别。"))
}

/// What people type in a name: without spaces at the ends and between Chinese characters.
pub fn tidy(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for part in name.split_whitespace() {
        let latin = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        if latin(out.chars().next_back()) && latin(part.chars().next()) {
            out.push(' ');
        }
        out.push_str(part);
    }
    out
}

async fn add(cx: &mut Cx, permit: Permit, entry: Entry) -> Result<OrgRef> {
    let org = store(cx, &permit, &entry).await?;
    let event = Event::new("org.created", "org", org.id.0).at(&org.path).detail(json!({
        "code": org.code, "short_name": entry.short_name, "full_name": entry.full_name,
        "category": entry.category.code(),
        "industry": industry_name(entry.category, entry.industry.as_deref()),
    }));
    cx.record(permit, event).await?;
    Ok(org)
}

/// Stores a new organisation with its part of the search index and of the counters; the caller
/// writes the event.
pub(super) async fn store(cx: &mut Cx, permit: &Permit, entry: &Entry) -> Result<OrgRef> {
    let id = OrgId(cx.new_id());
    let code = free_code(cx).await?;
    let initials = pinyin::initials(&entry.short_name);
    sql::insert(cx, permit, id, &code, &initials, entry).await?;
    let grams =
        grams::of_org(&entry.short_name, &entry.full_name, &entry.parent_full, entry.category);
    sql::add_grams(cx, permit, &entry.path, grams).await?;
    let change = Change {
        org_path: &entry.path,
        orgs: 1,
        branches: i64::from(entry.category.owns_members()),
        ..Change::default()
    };
    stats::change(cx, permit, change).await?;
    Ok(OrgRef {
        id,
        code,
        path: entry.path.clone(),
        short_name: entry.short_name.clone(),
        category: entry.category,
        province: entry.province.clone(),
    })
}

/// A code that nobody has. Ninety million for four: a few draws are always enough.
async fn free_code(cx: &mut Cx) -> Result<String> {
    for _ in 0..32 {
        let mut chance = [0_u8; 8];
        cx.house().chance(&mut chance);
        let code = code::drawn(chance);
        if !sql::code_is_taken(cx, &code).await? {
            return Ok(code);
        }
    }
    Err(Error::Broken("no free organisation code was drawn".into()))
}

pub(super) fn name_taken(parent: &OrgRef, name: &str, code: &str) -> Error {
    Error::conflict(
        Refusal::new(
            "org_name_taken",
            format!(
                "“{}”下已有“{name}”，不能重名（全角半角、括号、繁简、空格不同也算同名）。请换一个简称，或直接使用已有的组织。",
                parent.short_name
            ),
        )
        .way("查看已有的组织", format!("/o/{}/orgs/{code}", parent.code)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_takes_no_children_and_needs_an_industry() {
        let new = New {
            short_name: "二班团支部".into(),
            full_name: None,
            category: Category::Branch,
            industry: None,
        };
        let errors = preview("某支部", Category::Branch, &new).errors;
        let codes: Vec<&str> = errors.iter().map(|e| e.code.as_str()).collect();
        assert_eq!(codes, ["org_nesting", "org_industry"]);
    }

    #[test]
    fn names_lose_their_spaces_but_latin_words_keep_one() {
        assert_eq!(tidy("  2026级 机械 1班 "), "2026级机械1班");
        assert_eq!(tidy("Foo  Bar 公司"), "Foo Bar公司");
    }
}
