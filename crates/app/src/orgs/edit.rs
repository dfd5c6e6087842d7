//! 组织信息 (A6): what an organisation says of itself, and changing it (rows 39, 44-46).

use super::{
    Category, Step,
    create::{field_error, industry_error, judge_names, name_taken, tidy},
    grams, industry_name, pinyin, sql,
};
use crate::{
    Action, Cx, Error, FieldError, OrgRef, Permit, Result, clock,
    error::Difference,
    events::Event,
    messages::{Message, To, send},
    rules::{
        Column, Rules,
        completeness::{OrgItem, needs_of_org},
        fields,
    },
    stats::{self, Change},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The fields of the form, as typed; an empty text means none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Edit {
    pub short_name: String,
    pub full_name: String,
    /// Key of a leaf of the industries (C3).
    pub industry: String,
    /// Area code and number, or a mobile number.
    pub phone: String,
    pub email: String,
    /// 本级团组织行政编制数.
    pub admin_posts: String,
    /// 行政编制实际配备数.
    pub admin_filled: String,
    /// 本级团组织事业编制数.
    pub staff_posts: String,
    /// 事业编制实际配备数.
    pub staff_filled: String,
    pub address: String,
    /// 成立时间, YYYY-MM-DD.
    pub founded_on: String,
    /// 最近一次换届时间, YYYY-MM-DD.
    pub elected_on: String,
}

/// Something that is still to be filled in, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Missing {
    pub field: String,
    pub label: String,
}

/// A part of the task list (A6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// 基本信息.
    Basic,
    /// 书记信息.
    Secretary,
    /// 编制数.
    Posts,
    /// 学校机构编号.
    SchoolCode,
}
impl Part {
    /// All of them in the order of the page.
    pub const ALL: [Self; 4] = [Self::Basic, Self::Secretary, Self::Posts, Self::SchoolCode];
    fn of(item: OrgItem) -> Self {
        match item {
            OrgItem::StaffAdminPosts
            | OrgItem::StaffAdminFilled
            | OrgItem::StaffInstPosts
            | OrgItem::StaffInstFilled => Self::Posts,
            OrgItem::Secretary | OrgItem::SecretaryMobile => Self::Secretary,
            _ => Self::Basic,
        }
    }
    /// Its name on the page.
    pub fn label(self) -> &'static str {
        match self {
            Self::Basic => "基本信息",
            Self::Secretary => "书记信息",
            Self::Posts => "编制数",
            Self::SchoolCode => "学校机构编号",
        }
    }
}

/// A line of the task list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Task {
    pub part: Part,
    pub name: &'static str,
    /// What it still needs.
    pub missing: Vec<Missing>,
    /// This category does not have it.
    pub not_needed: bool,
    /// It may stay empty.
    pub optional: bool,
}
impl Task {
    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.missing.is_empty()
    }
}

/// Everything about an organisation, for its page and its form.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Info {
    pub code: String,
    pub category: Category,
    pub category_name: String,
    pub industry_name: String,
    /// The fields as they stand, in the form's shape.
    pub fields: Edit,
    pub school_code: Option<String>,
    pub township: Option<bool>,
    pub secretary: Option<String>,
    pub administrators: Vec<String>,
    /// From the root down to the direct superior.
    pub superiors: Vec<Step>,
    /// What is still to be filled in (rows 39, 155); nothing when 信息完善.
    pub missing: Vec<Missing>,
    /// The same by parts, for the task list.
    pub tasks: Vec<Task>,
    /// The own administrators may still change the category (row 45).
    pub may_change_category: bool,
    /// The category was changed once.
    pub category_changed: bool,
    /// Members and organisations of itself and everything below, as last folded.
    #[serde(skip)]
    pub subtree: (i64, i64),
    /// The fields that its category must fill in.
    pub needed: Vec<String>,
    /// Whether names and industry are fixed (row 46).
    pub frozen: bool,
    /// Whether the visitor may change it.
    pub may_edit: bool,
    pub version: i64,
}

/// Fields in the form's order with their labels.
const LABELS: [(&str, &str); 12] = [
    ("short_name", "组织简称"),
    ("full_name", "组织全称"),
    ("industry", "单位所属行业类别"),
    ("phone", "联系电话"),
    ("email", "电子邮箱"),
    ("admin_posts", "行政编制数"),
    ("admin_filled", "行政编制实际配备数"),
    ("staff_posts", "事业编制数"),
    ("staff_filled", "事业编制实际配备数"),
    ("address", "通讯地址"),
    ("founded_on", "成立时间"),
    ("elected_on", "最近一次换届时间"),
];

/// The Chinese name of a field, for the history.
pub(super) fn label_of(field: &str) -> &str {
    match field {
        "category" => "组织类别",
        "school_code" => "学校机构编号",
        "secretary" => "书记",
        _ => LABELS.iter().find(|(key, _)| *key == field).map_or(field, |(_, label)| label),
    }
}
/// Where a field stands in the form.
pub(super) fn place_of(field: &str) -> usize {
    LABELS.iter().position(|(key, _)| *key == field).unwrap_or(LABELS.len())
}

impl Edit {
    /// A field by its name.
    pub fn get(&self, field: &str) -> &str {
        match field {
            "short_name" => &self.short_name,
            "full_name" => &self.full_name,
            "industry" => &self.industry,
            "phone" => &self.phone,
            "email" => &self.email,
            "admin_posts" => &self.admin_posts,
            "admin_filled" => &self.admin_filled,
            "staff_posts" => &self.staff_posts,
            "staff_filled" => &self.staff_filled,
            "address" => &self.address,
            "founded_on" => &self.founded_on,
            "elected_on" => &self.elected_on,
            _ => "",
        }
    }
    /// Fields that differ, with both values.
    fn against(&self, theirs: &Self) -> Vec<(&'static str, &'static str)> {
        LABELS.into_iter().filter(|(field, _)| self.get(field) != theirs.get(field)).collect()
    }
}

/// What an organisation says of itself.
pub async fn info(cx: &mut Cx, org: &OrgRef) -> Result<Info> {
    if !cx.may(Action::SeeOrg, &org.path) {
        return Err(Error::NotFound);
    }
    let row = sql::info_by_code(cx, &org.code).await?.ok_or(Error::NotFound)?;
    let category = row.category()?;
    let secretary = sql::secretary(cx, row.id).await?;
    let superiors = match super::parent_path(&row.path) {
        Some(path) => super::chain(cx, path).await?,
        None => Vec::new(),
    };
    let fields = row.fields();
    let lacks = stats::org_missing(cx, org).await?;
    let frozen = is_frozen(&row.path, category);
    Ok(Info {
        tasks: tasks(category, &row, &lacks),
        missing: lacks.into_iter().map(entry).collect(),
        needed: needed(category).into_iter().map(str::to_owned).collect(),
        may_change_category: !frozen
            && !row.category_changed
            && cx.may(Action::ChangeCategory, &row.path),
        category_changed: row.category_changed,
        subtree: sql::subtree_counts(cx, &row.path).await?,
        category_name: category.label().to_owned(),
        industry_name: industry_name(category, row.industry.as_deref()),
        administrators: sql::administrators(cx, row.id).await?,
        frozen,
        may_edit: cx.may(Action::EditOrg, &row.path),
        code: row.code,
        category,
        fields,
        school_code: row.school_code,
        township: row.is_township,
        secretary,
        superiors,
        version: row.version,
    })
}

/// The form's field of a fact.
fn field_of(item: OrgItem) -> &'static str {
    match item {
        OrgItem::Category => "category",
        OrgItem::ShortName => "short_name",
        OrgItem::FullName => "full_name",
        OrgItem::Industry => "industry",
        OrgItem::Phone => "phone",
        OrgItem::Email => "email",
        OrgItem::StaffAdminPosts => "admin_posts",
        OrgItem::StaffAdminFilled => "admin_filled",
        OrgItem::StaffInstPosts => "staff_posts",
        OrgItem::StaffInstFilled => "staff_filled",
        OrgItem::Secretary => "secretary",
        OrgItem::SecretaryMobile => "secretary_mobile",
    }
}

fn entry(item: OrgItem) -> Missing {
    Missing { field: field_of(item).into(), label: item.label().into() }
}

/// The form's fields that a category must fill in (row 39, C1).
fn needed(category: Category) -> Vec<&'static str> {
    needs_of_org(category, Rules::builtin()).iter().map(|item| field_of(*item)).collect()
}

/// The task list: what each part still needs.
fn tasks(category: Category, row: &sql::InfoRow, lacks: &[OrgItem]) -> Vec<Task> {
    let needs = needs_of_org(category, Rules::builtin());
    let is_school = row
        .industry
        .as_deref()
        .and_then(|code| Rules::builtin().tree.industry(code))
        .is_some_and(|industry| industry.is_school);
    let task = |part: Part| {
        let of_part = |item: &&OrgItem| Part::of(**item) == part;
        Task {
            part,
            name: part.label(),
            missing: lacks.iter().filter(of_part).map(|item| entry(*item)).collect(),
            not_needed: match part {
                Part::SchoolCode => row.school_code.is_none() && !is_school,
                _ => !needs.iter().any(|item| Part::of(*item) == part),
            },
            optional: part == Part::SchoolCode && row.school_code.is_none(),
        }
    };
    Part::ALL.into_iter().map(task).collect()
}

/// 团中央 and the province-level organs (row 46). A school that runs the program by itself has
/// its committee at the root, which nobody else names.
pub fn is_frozen(path: &str, category: Category) -> bool {
    super::depth_of(path) <= 2 && category == Category::Lead
}

/// Changes an organisation's information, effective at once (row 44). `version` is the one that
/// the form was made from. Errors: `Invalid` by field, `Stale` with both values (E22), `Conflict`
/// when a sister has the name.
pub async fn edit(cx: &mut Cx, org: &OrgRef, version: i64, typed: Edit) -> Result<()> {
    let permit = cx.permit(Action::EditOrg, org)?;
    let row = sql::info_by_code(cx, &org.code).await?.ok_or(Error::NotFound)?;
    let before = row.fields();
    if row.category()? == Category::Holding {
        cx.return_unused(permit);
        return Err(super::ending::made_by_the_system());
    }
    let after = judge(&typed, &before, row.category()?, &row.path, cx.now())?;
    if row.version != version {
        return Err(Error::Stale(differences(&after, &before)));
    }
    let changed = after.against(&before);
    if changed.is_empty() {
        cx.return_unused(permit);
        return Ok(());
    }
    if after.short_name != before.short_name {
        refuse_twin(cx, &permit, &row, &after.short_name).await?;
    }
    let initials = pinyin::initials(&after.short_name);
    if !sql::update(cx, &permit, row.id, version, &after, &initials).await? {
        let now = sql::info_by_code(cx, &org.code).await?.ok_or(Error::NotFound)?;
        return Err(Error::Stale(differences(&after, &now.fields())));
    }
    if after.short_name != before.short_name || after.full_name != before.full_name {
        renew_grams(cx, &permit, &row, &before, &after).await?;
    }
    if after.industry != before.industry {
        // Nothing is counted anew: its figures are taken along to the other sector.
        let change = Change { org_path: &row.path, ..Change::default() };
        stats::change(cx, &permit, change).await?;
    }
    let values = |from: &Edit| -> serde_json::Map<String, serde_json::Value> {
        changed.iter().map(|(field, _)| ((*field).to_owned(), json!(from.get(field)))).collect()
    };
    let detail = json!({ "before": values(&before), "after": values(&after) });
    let labels: Vec<&str> = changed.iter().map(|(_, label)| *label).collect();
    tell_other_side(cx, org, row.parent_id, &format!("修改了{}", labels.join("、"))).await?;
    cx.record(permit, Event::new("org.edited", "org", row.id).at(&row.path).detail(detail)).await
}

/// Own administrators tell the superior, the superior tells the organisation (row 44). The
/// clockwork and operators tell both.
pub(super) async fn tell_other_side(
    cx: &mut Cx,
    org: &OrgRef,
    parent: Option<i64>,
    what: &str,
) -> Result<()> {
    let acting = cx.org().ok().map(|o| o.id);
    let who = cx.actor_name().to_owned();
    let mut to = Vec::new();
    if acting != Some(org.id) {
        to.push((org.id, format!("/o/{}/info", org.code)));
    }
    if let Some(parent) = parent.map(super::OrgId).filter(|p| acting != Some(*p)) {
        let parent = super::by_id(cx, parent).await?;
        to.push((parent.id, format!("/o/{}/orgs/{}", parent.code, org.code)));
    }
    for (receiver, href) in to {
        let message = Message {
            to: To::Org(receiver),
            kind: "org",
            title: format!("“{}”的组织信息有修改", org.short_name),
            body: format!("{who} {what},已经生效。"),
            href,
        };
        send(cx, message).await?;
    }
    Ok(())
}

fn differences(yours: &Edit, theirs: &Edit) -> Vec<Difference> {
    let difference = |(field, label): (&'static str, &'static str)| Difference {
        label: label.into(),
        yours: yours.get(field).into(),
        theirs: theirs.get(field).into(),
    };
    yours.against(theirs).into_iter().map(difference).collect()
}

pub(super) async fn refuse_twin(
    cx: &mut Cx,
    permit: &Permit,
    row: &sql::InfoRow,
    name: &str,
) -> Result<()> {
    let Some(parent) = row.parent_id else { return Ok(()) };
    let parent = super::by_id(cx, super::OrgId(parent)).await?;
    // The parent's row is touched first, as by `create_child`: twins made at once wait here.
    sql::lock(cx, permit, parent.id).await?;
    match sql::sister_named(cx, parent.id, name).await? {
        Some((code,)) if code != row.code => Err(name_taken(&parent, name, &code)),
        _ => Ok(()),
    }
}

pub(super) async fn renew_grams(
    cx: &mut Cx,
    permit: &Permit,
    row: &sql::InfoRow,
    before: &Edit,
    after: &Edit,
) -> Result<()> {
    let category = row.category()?;
    let parent_full = match row.parent_id {
        Some(id) => sql::full_name(cx, id).await?,
        None => String::new(),
    };
    // Made without the superior's name these are all that can ever have been written.
    let old = grams::of_org(&before.short_name, &before.full_name, "", category);
    sql::drop_grams(cx, permit, &row.path, old).await?;
    let new = grams::of_org(&after.short_name, &after.full_name, &parent_full, category);
    sql::add_grams(cx, permit, &row.path, new).await?;
    if after.full_name == before.full_name {
        return Ok(());
    }
    super::moving::renew_children(cx, permit, super::OrgId(row.id), &after.full_name).await
}

/// Reads every field as typed; all that is wrong at once.
fn judge(
    typed: &Edit,
    before: &Edit,
    category: Category,
    path: &str,
    now: clock::Millis,
) -> Result<Edit> {
    let mut errors = Vec::new();
    let mut clean = Edit {
        short_name: tidy(&typed.short_name),
        full_name: tidy(&typed.full_name),
        industry: typed.industry.trim().to_owned(),
        phone: optional(&typed.phone, "phone", &mut errors, |raw| {
            fields::phone(raw, Column::Mobile, Rules::builtin())
        }),
        email: optional(&typed.email, "email", &mut errors, fields::email),
        address: optional(&typed.address, "address", &mut errors, |raw| {
            fields::line(raw, Column::Address, 100)
        }),
        admin_posts: number(&typed.admin_posts, "admin_posts", &mut errors),
        admin_filled: number(&typed.admin_filled, "admin_filled", &mut errors),
        staff_posts: number(&typed.staff_posts, "staff_posts", &mut errors),
        staff_filled: number(&typed.staff_filled, "staff_filled", &mut errors),
        founded_on: date(&typed.founded_on, "founded_on", now, &mut errors),
        elected_on: date(&typed.elected_on, "elected_on", now, &mut errors),
    };
    if category == Category::Lead {
        clean.industry = String::new();
    }
    judge_identity(&clean, before, category, path, &mut errors);
    if errors.is_empty() { Ok(clean) } else { Err(Error::Invalid(errors)) }
}

/// Names and industry: fixed at the top of the tree (row 46), judged elsewhere when changed.
fn judge_identity(
    clean: &Edit,
    before: &Edit,
    category: Category,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let changed = |field: &&str| clean.get(field) != before.get(field);
    let changed: Vec<&str> =
        ["short_name", "full_name", "industry"].into_iter().filter(changed).collect();
    if is_frozen(path, category) {
        let message = "团中央和省级团委的名称、类别和行业由系统统一确定,不能修改。";
        errors.extend(changed.iter().map(|field| FieldError::new(field, "org_frozen", message)));
        return;
    }
    if clean.full_name.is_empty() {
        errors.push(FieldError::new("full_name", "required", "请填写“组织全称”。"));
    }
    let (wrong, _) = judge_names(&clean.short_name, &clean.full_name, category);
    errors.extend(
        wrong.into_iter().filter(|e| e.code == "required" || changed.contains(&e.field.as_str())),
    );
    if changed.contains(&"industry") {
        errors.extend(industry_error(category, Some(&clean.industry)));
    }
}

fn optional(
    raw: &str,
    field: &str,
    errors: &mut Vec<FieldError>,
    read: impl Fn(&str) -> std::result::Result<String, crate::rules::Problem>,
) -> String {
    if raw.trim().is_empty() {
        return String::new();
    }
    read(raw).unwrap_or_else(|problem| {
        errors.push(FieldError { field: field.into(), ..field_error(problem) });
        raw.trim().to_owned()
    })
}

fn number(raw: &str, field: &str, errors: &mut Vec<FieldError>) -> String {
    let text = super::code::digits(raw);
    match (raw.trim().is_empty(), text.and_then(|t| t.parse::<i64>().ok()).filter(|n| *n <= 99_999))
    {
        (true, _) => String::new(),
        (_, Some(n)) => n.to_string(),
        _ => {
            let message = "请填写 0 到 99999 的整数;没有的填 0。";
            errors.push(FieldError::new(field, "number", message));
            raw.trim().to_owned()
        }
    }
}

fn date(raw: &str, field: &str, now: clock::Millis, errors: &mut Vec<FieldError>) -> String {
    let text = raw.trim().replace(['/', '.', '年', '月'], "-").replace('日', "");
    if text.is_empty() {
        return text;
    }
    let parts: Vec<i16> = text.split('-').filter_map(|part| part.parse().ok()).collect();
    let day = match parts[..] {
        [year, month, day] => i8::try_from(month)
            .ok()
            .zip(i8::try_from(day).ok())
            .and_then(|(month, day)| jiff::civil::Date::new(year, month, day).ok()),
        _ => None,
    };
    match day.filter(|day| *day <= clock::day(now) && day.year() >= 1921) {
        Some(day) => day.to_string(),
        None => {
            let message = "请填写今天以前的日期,例如 2024-09-01。";
            errors.push(FieldError::new(field, "date", message));
            raw.trim().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Edit {
        Edit {
            short_name: "机械工程学院团委".into(),
            full_name: "中国共产主义青年团合肥工业大学机械工程学院委员会".into(),
            industry: "school_junior".into(),
            ..Edit::default()
        }
    }
    fn judged(typed: &Edit, path: &str) -> std::result::Result<Edit, Vec<String>> {
        let category = if path.len() > 6 { Category::Committee } else { Category::Lead };
        judge(
            typed,
            &Edit {
                industry: if path.len() > 6 { good().industry } else { String::new() },
                ..good()
            },
            category,
            path,
            1_781_488_920_000,
        )
        .map_err(|e| match e {
            Error::Invalid(list) => {
                list.into_iter().map(|e| format!("{}:{}", e.field, e.code)).collect()
            }
            other => vec![other.to_string()],
        })
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let typed = Edit {
            phone: "12".into(),
            email: "nobody".into(),
            admin_posts: "-1x".into(),
            founded_on: "2099-01-01".into(),
            ..good()
        };
        let wrong = judged(&typed, "000001002003").expect_err("four fields are wrong");
        assert_eq!(
            wrong,
            [
                "phone:landline_malformed",
                "email:email_malformed",
                "admin_posts:number",
                "founded_on:date"
            ]
        );
    }

    #[test]
    fn what_people_type_is_tidied() {
        let typed =
            Edit { founded_on: "2024年9月1日".into(), admin_posts: " 0 ".into(), ..good() };
        let clean = judged(&typed, "000001002003").expect("all is right");
        assert_eq!((clean.founded_on.as_str(), clean.admin_posts.as_str()), ("2024-09-01", "0"));
    }

    #[test]
    fn names_at_the_top_of_the_tree_are_fixed() {
        let typed = Edit { short_name: "别的团委".into(), ..good() };
        assert_eq!(judged(&typed, "000001"), Err(vec!["short_name:org_frozen".to_owned()]));
        assert!(judged(&typed, "000001002").is_ok());
    }

    #[test]
    fn a_leading_organ_needs_phone_and_numbers_and_a_branch_its_industry() {
        assert!(
            ["phone", "email", "staff_posts"].iter().all(|f| needed(Category::Lead).contains(f))
        );
        assert!(!needed(Category::Lead).contains(&"industry"));
        assert!(needed(Category::Branch).contains(&"industry"));
        assert!(!needed(Category::Branch).contains(&"admin_posts"));
        assert!(needed(Category::Holding).is_empty());
    }

    #[test]
    fn the_top_of_a_nation_is_frozen_and_the_top_of_a_school_is_not() {
        assert!(is_frozen("000", Category::Lead) && is_frozen("000001", Category::Lead));
        assert!(!is_frozen("000", Category::Committee));
        assert!(!is_frozen("000001002", Category::Lead));
    }
}
