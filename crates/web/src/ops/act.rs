//! Proposing an act: fill in, see what it would do, say on which grounds, send to the second person.

use super::{EffectView, effects};
use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::{Carried, Form, Query},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Error, FieldError, OrgRef, orgs,
    orgs::Category,
    proposals::{self, Act},
    rules::{
        Rules, changes,
        rows::{self, Cells, Kind},
    },
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Acts that begin with an empty form: code, name, what it is for.
pub(super) const KINDS: &[(&str, &str, &str)] = &[
    ("township", "乡镇街道团委标识", "更正一个或多个组织的“是否乡镇街道团委”"),
    ("identity", "更正固定的组织信息", "团中央和省级团委的简称、全称、行业类别"),
    ("relocate", "组织迁移(含跨省)", "凭省级团委盖章的申请单办理"),
    ("merge", "组织合并", "包括省级团委、系统团工委的合并"),
    ("restore", "恢复已撤销的组织", "过了上级可以恢复的 30 天的;恢复后是空的组织"),
    ("category", "更正组织类别", "已经用过自己的一次更改、确实选错了的组织"),
];

/// The form; every act uses some of it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ActForm {
    /// 组织码.
    org: String,
    /// 组织码 of the other organisation, or the new flag.
    to: String,
    /// 组织码 of several.
    orgs: Vec<String>,
    short_name: String,
    full_name: String,
    industry: String,
    /// Name of a figure.
    name: String,
    value: String,
    /// YYYY-MM-DD.
    valid_from: String,
    /// YYYY-MM-DD, the last day; empty: until another change.
    valid_until: String,
    /// Name of a rule table, and the key of its row; an empty key: a new one.
    table: String,
    key: String,
    /// The row ends.
    #[serde(deserialize_with = "crate::form::tick")]
    end: bool,
    /// 组织码 of what was closed.
    closed: String,
    /// Key of a category.
    category: String,
    reason: String,
    /// After the preview.
    #[serde(deserialize_with = "crate::form::tick")]
    confirm: bool,
    /// The fields of a row, each `c_` and its name.
    #[serde(flatten)]
    rest: BTreeMap<String, OneOrMany>,
}

/// A field that may be sent several times.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}
impl ActForm {
    fn cells(&self) -> Cells {
        let of_row = |(name, value): (&String, &OneOrMany)| {
            let values = match value {
                OneOrMany::One(one) => vec![one.clone()],
                OneOrMany::Many(all) => all.clone(),
            };
            Some((name.strip_prefix("c_")?.to_owned(), values))
        };
        self.rest.iter().filter_map(of_row).collect()
    }
}

/// A direct child whose flag can be changed.
#[derive(Serialize, JsonSchema)]
pub struct ChildView {
    code: String,
    name: String,
    flag: &'static str,
    chosen: bool,
}

/// A proposal being written.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "ops/act.html")]
pub struct ActPage {
    #[serde(skip)]
    frame: Frame,
    kind: String,
    title: &'static str,
    #[serde(skip)]
    f: ActForm,
    /// The organisation chosen first.
    first: Vec<String>,
    /// The one chosen second.
    second: Vec<String>,
    children: Vec<ChildView>,
    #[serde(skip)]
    leading: bool,
    #[serde(skip)]
    industries: Vec<(&'static str, String)>,
    /// The figure's label, unit and present value, its bounds.
    label: String,
    unit: String,
    now: String,
    affects: String,
    #[serde(skip)]
    choices: Vec<(String, String)>,
    /// What it would do; there when only the confirmation is missing.
    what: String,
    effects: Vec<EffectView>,
    /// What was closed for good below the superior chosen first.
    closed: Vec<app::closings::Closing>,
    #[serde(skip)]
    categories: Vec<(&'static str, &'static str, &'static str)>,
    /// The fields of a row.
    #[serde(skip)]
    fields: Vec<FieldView>,
    #[serde(skip)]
    sent: Vec<(String, String)>,
    #[serde(skip)]
    base: String,
}
page!(ActPage);

/// A field of a row as the form shows it.
pub struct FieldView {
    name: String,
    label: &'static str,
    hint: &'static str,
    kind: Kind,
    optional: bool,
    fixed: bool,
    value: String,
    words: String,
    choices: Vec<(String, String)>,
    chosen: Vec<String>,
    max: String,
}
impl FieldView {
    fn is_select(&self) -> bool {
        matches!(self.kind, Kind::One | Kind::Group | Kind::Region)
    }
    fn is_several(&self) -> bool {
        matches!(self.kind, Kind::Many | Kind::Regions)
    }
    fn is_flag(&self) -> bool {
        self.kind == Kind::Flag
    }
    fn is_on(&self) -> bool {
        self.value == "true" || self.value == "1"
    }
    fn is_long(&self) -> bool {
        self.kind == Kind::Words
            || (self.kind == Kind::Text && self.max.parse::<i64>().is_ok_and(|max| max > 60))
    }
    fn width(&self) -> &'static str {
        match self.kind {
            Kind::Number => "w-num",
            Kind::Month | Kind::Day => "w-date",
            _ => "w-full",
        }
    }
    fn has(&self, code: &str) -> bool {
        self.chosen.iter().any(|c| c == code)
    }
    fn empty(&self) -> &'static str {
        if self.kind == Kind::Region { "全国" } else { "请选择" }
    }
}

impl ActPage {
    fn picker(&self, org: &str) -> String {
        let back = format!("{}/ops/new/{}", self.base, self.kind);
        let back = if org.is_empty() { back } else { format!("{back}?org={org}") };
        let purpose = format!("ops-{}", self.kind);
        let query = [("for", purpose.as_str()), ("of", org), ("back", back.as_str())];
        format!("{}/picker?{}", self.base, serde_html_form::to_string(query).unwrap_or_default())
    }
}

/// `GET /o/{org}/ops/new/{kind}`.
pub async fn form(
    mut v: Visit,
    Path((_, kind)): Path<(String, String)>,
    Query(mut q): Query<ActForm>,
    Query(c): Query<Carried>,
) -> Result<Answer, Failure> {
    if let Some(f) = v.carried::<ActForm>(&c.draft).await? {
        if c.edit {
            let page = blank(&mut v, &kind, f).await?;
            return v.show(page).await;
        }
        return judged(v, &kind, f, true).await;
    }
    // The picker brings its choice back as `to`: first the one, then the other.
    if q.org.is_empty() && !matches!(kind.as_str(), "rule" | "row") {
        q.org = std::mem::take(&mut q.to);
    }
    q.confirm = false;
    let page = blank(&mut v, &kind, q).await?;
    v.show(page).await
}

/// `POST /o/{org}/ops/new/{kind}`: first what it would do, at an address of its own; then the
/// proposal.
pub async fn send(
    v: Visit,
    Path((_, kind)): Path<(String, String)>,
    Form(f): Form<ActForm>,
) -> Result<Answer, Failure> {
    judged(v, &kind, f, false).await
}

async fn judged(mut v: Visit, kind: &str, f: ActForm, carried: bool) -> Result<Answer, Failure> {
    let act = match act_of(kind, &f) {
        Err(Error::Invalid(errors)) if v.face() != Face::Json => {
            let mut page = blank(&mut v, kind, f).await?;
            page.frame.errors = errors;
            return v.invalid(page).await;
        }
        act => act?,
    };
    let judged = match proposals::check(&mut v.cx, &act).await {
        Ok(judged) => judged,
        Err(Error::Invalid(errors)) if v.face() != Face::Json => {
            let mut page = blank(&mut v, kind, f).await?;
            page.frame.errors = at_their_place(errors);
            return v.invalid(page).await;
        }
        Err(e) => return Err(e.into()),
    };
    let mut wrong: Vec<FieldError> = Vec::new();
    if f.confirm || v.face() == Face::Json {
        match proposals::propose(&mut v.cx, &act, &f.reason).await {
            Ok(no) => {
                let to = format!("{}/ops/p/{no}", v.base()?);
                let data = serde_json::json!({ "no": no });
                let said = "已提出,等另一位运营人员办理。";
                return v.done_with(to, said, data).await;
            }
            Err(Error::Invalid(errors)) if v.face() != Face::Json => wrong = errors,
            Err(e) => return Err(e.into()),
        }
    }
    if !carried && wrong.is_empty() {
        let to = format!("{}/ops/new/{kind}", v.base()?);
        return v.carry(&to).await;
    }
    let mut page = blank(&mut v, kind, f).await?;
    page.what.clone_from(&judged.title);
    page.effects = effects(judged);
    page.sent = sent(&page.f);
    if wrong.is_empty() {
        return v.show(page).await;
    }
    page.frame.errors = wrong;
    v.invalid(page).await
}

/// What is wrong with a row as a whole stands above the form.
fn at_their_place(mut errors: Vec<FieldError>) -> Vec<FieldError> {
    for error in errors.iter_mut().filter(|e| e.field == "row") {
        error.field.clear();
    }
    errors
}

fn act_of(kind: &str, f: &ActForm) -> Result<Act, Error> {
    let text = |s: &String| s.trim().to_owned();
    Ok(match kind {
        "row" => Act::Row {
            table: text(&f.table),
            key: text(&f.key),
            cells: (!f.end).then(|| f.cells()),
            valid_from: text(&f.valid_from),
            valid_until: Some(text(&f.valid_until)).filter(|until| !until.is_empty()),
        },
        "restore" => Act::Restore { org: text(&f.closed), short_name: text(&f.short_name) },
        "category" => Act::Category {
            org: text(&f.org),
            category: Category::from_code(&f.category)
                .ok_or_else(|| Error::field("category", "required", "请选择新的组织类别。"))?,
        },
        "township" => Act::Township {
            orgs: f.orgs.clone(),
            to: match f.to.as_str() {
                "yes" => Some(true),
                "no" => Some(false),
                "none" => None,
                _ => return Err(Error::field("to", "required", "请选择改为什么。")),
            },
        },
        "identity" => Act::Identity {
            org: text(&f.org),
            short_name: text(&f.short_name),
            full_name: text(&f.full_name),
            industry: text(&f.industry),
        },
        "rule" => Act::Rule {
            name: text(&f.name),
            value: text(&f.value),
            valid_from: text(&f.valid_from),
            valid_until: Some(text(&f.valid_until)).filter(|until| !until.is_empty()),
        },
        "relocate" => Act::Relocate { org: text(&f.org), to: text(&f.to) },
        "merge" => Act::Merge { from: text(&f.org), into: text(&f.to) },
        _ => return Err(Error::NotFound),
    })
}

/// The fields once more, for the confirmation.
fn sent(f: &ActForm) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = [
        ("org", &f.org),
        ("to", &f.to),
        ("short_name", &f.short_name),
        ("full_name", &f.full_name),
        ("industry", &f.industry),
        ("name", &f.name),
        ("value", &f.value),
        ("valid_from", &f.valid_from),
        ("valid_until", &f.valid_until),
        ("table", &f.table),
        ("key", &f.key),
        ("closed", &f.closed),
        ("category", &f.category),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name.to_owned(), value.clone()))
    .collect();
    pairs.extend(f.orgs.iter().map(|code| ("orgs".to_owned(), code.clone())));
    pairs.extend(f.end.then(|| ("end".to_owned(), "1".to_owned())));
    for (name, values) in f.cells() {
        pairs.extend(values.into_iter().map(|value| (format!("c_{name}"), value)));
    }
    pairs
}

async fn blank(v: &mut Visit, kind: &str, f: ActForm) -> Result<ActPage, Failure> {
    let title = match kind {
        "rule" | "row" => "修改规则",
        _ => KINDS.iter().find(|(code, ..)| *code == kind).ok_or(Error::NotFound)?.1,
    };
    let base = v.base()?;
    let frame = v.frame(title, "/ops").await?;
    let mut page = ActPage {
        frame,
        kind: kind.to_owned(),
        title,
        f,
        first: Vec::new(),
        second: Vec::new(),
        children: Vec::new(),
        leading: false,
        industries: Vec::new(),
        label: String::new(),
        unit: String::new(),
        now: String::new(),
        affects: String::new(),
        choices: Vec::new(),
        what: String::new(),
        effects: Vec::new(),
        sent: Vec::new(),
        closed: Vec::new(),
        categories: Vec::new(),
        fields: Vec::new(),
        base,
    };
    if kind == "row" {
        row(&mut page, v.cx.now())?;
        return Ok(page);
    }
    if kind == "rule" {
        rule(&mut page, v.cx.now())?;
        return Ok(page);
    }
    let Some(org) = found(v, &page.f.org).await? else { return Ok(page) };
    page.first = path(v, &org).await?;
    match kind {
        "township" => {
            let children = orgs::children(&mut v.cx, &org, None, 200).await?;
            let view = |c: orgs::Child| ChildView {
                flag: match c.township {
                    Some(true) => "是",
                    Some(false) => "否",
                    None => "未设置",
                },
                chosen: page.f.orgs.contains(&c.code),
                code: c.code,
                name: c.short_name,
            };
            page.children = children.rows.into_iter().map(view).collect();
        }
        "restore" => page.closed = app::closings::late_below(&mut v.cx, &org).await?,
        "category" => {
            let creatable = |c: &Category| Rules::builtin().tree.category(*c).creatable;
            let others = Category::ALL.into_iter().filter(|c| *c != org.category && creatable(c));
            page.categories = others.map(|c| (c.code(), c.label(), "")).collect();
            page.now = org.category.label().to_owned();
        }
        "identity" => {
            page.leading = org.category == orgs::Category::Lead;
            page.industries = crate::orgs::industries(&page.f.industry);
            if page.f.short_name.is_empty() && page.f.full_name.is_empty() {
                let now = orgs::info(&mut v.cx, &org).await?.fields;
                page.f.short_name = now.short_name;
                page.f.full_name = now.full_name;
                page.f.industry = now.industry;
            }
        }
        _ => {
            if let Some(to) = found(v, &page.f.to.clone()).await? {
                page.second = path(v, &to).await?;
            }
        }
    }
    Ok(page)
}

fn row(page: &mut ActPage, now: app::clock::Millis) -> Result<(), Error> {
    let rules = Rules::builtin();
    let table = rows::table(page.f.table.trim()).ok_or(Error::NotFound)?;
    let key = page.f.key.trim().to_owned();
    let found = table.rows(rules).into_iter().find(|row| row.key == key);
    if found.is_none() && !(key.is_empty() && table.add) {
        return Err(Error::NotFound);
    }
    if page.f.valid_from.is_empty() {
        page.f.valid_from = app::clock::day(now).to_string();
    }
    let typed = page.f.cells();
    // An empty list is not sent at all: what was typed counts as soon as anything was.
    let cells = if typed.is_empty() {
        found.as_ref().map(|row| row.cells.clone()).unwrap_or_default()
    } else {
        typed
    };
    page.label = format!("{}:{}", table.label, if key.is_empty() { "新增" } else { "修改" });
    if page.f.end {
        page.label = format!("{}:停用", table.label);
    }
    page.affects.clone_from(&table.affects);
    let view = |field: &'static rows::Field| {
        let stored = found.as_ref().and_then(|row| row.cells.get(&field.name));
        let fixed = (field.fixed && found.is_some()) || page.f.end;
        let values = if fixed { stored } else { cells.get(&field.name) };
        let values = values.cloned().unwrap_or_default();
        let joined = field.typed(&values);
        FieldView {
            name: format!("c_{}", field.name),
            label: &field.label,
            hint: &field.hint,
            kind: field.kind,
            optional: field.optional,
            fixed,
            words: table.shown(field, &values, rules),
            value: joined,
            choices: table.choices(field, rules),
            chosen: values,
            max: field.most().to_string(),
        }
    };
    page.fields = table.fields.iter().map(view).collect();
    Ok(())
}

fn rule(page: &mut ActPage, now: app::clock::Millis) -> Result<(), Error> {
    let rules = Rules::builtin();
    let name = page.f.name.trim().to_owned();
    page.now = changes::value_in(rules, &name).ok_or(Error::NotFound)?;
    if page.f.valid_from.is_empty() {
        page.f.valid_from = app::clock::day(now).to_string();
    }
    if page.f.value.is_empty() && page.what.is_empty() && !page.f.confirm {
        page.f.value.clone_from(&page.now);
    }
    if let Some(figure) = changes::figure(&name) {
        page.label.clone_from(&figure.label);
        page.unit.clone_from(&figure.unit);
        page.affects = format!("{} 可以填 {} 到 {}。", figure.affects, figure.min, figure.max);
        return Ok(());
    }
    let code = name.split('.').nth(1).unwrap_or_default();
    let row = rules.tree.province(code).ok_or(Error::NotFound)?;
    if name.ends_with("regional_system") {
        page.label = format!("{}:使用哪个系统", row.short_name);
        page.choices =
            vec![("false".into(), "使用本系统".into()), ("true".into(), "有自己的系统".into())];
    } else {
        page.label = format!("{}:并入", row.short_name);
        page.choices = vec![(String::new(), "没有并入其他组织".into())];
        let others =
            rules.tree.provinces.iter().filter(|p| p.code != code && p.merged_into.is_none());
        page.choices.extend(others.map(|p| (p.code.clone(), p.short_name.clone())));
    }
    Ok(())
}

async fn found(v: &mut Visit, code: &str) -> Result<Option<OrgRef>, Failure> {
    if code.trim().is_empty() {
        return Ok(None);
    }
    match orgs::by_code(&mut v.cx, code.trim()).await {
        Ok(org) => Ok(Some(org)),
        Err(Error::NotFound) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

async fn path(v: &mut Visit, org: &OrgRef) -> Result<Vec<String>, Failure> {
    let names = orgs::names_to(&mut v.cx, &org.path).await?;
    Ok(names.into_iter().map(|o| o.short_name).collect())
}
