//! 团员列表 (A16, W2), 添加团员 (A18), 导出.

use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::{Carried, Form, Query, tick},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Action, Cx, Error, OrgRef, files,
    jobs::{self, JobId},
    people::{
        self, Check, IdCheck, entry,
        export::{self, Ask, Export},
        list::{self, CheckWord, Cursor, Filter, GradWord, SexWord},
        search::{Kind, kind_of},
    },
    rules::{
        Column, Rules, lists,
        person::{Draft, RawCell},
    },
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The conditions as they stand in the address and in forms; empty means all.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Conditions {
    pub q: String,
    pub sex: String,
    /// `yes` or `no`.
    pub complete: String,
    pub check: String,
    /// `yes` or `no`.
    pub moving: String,
    /// `yes` or `no`.
    pub cadre: String,
    /// Number of an import: those whom it brought.
    pub import: String,
    /// `any`, `graduate`, `delayed`, `teacher` or `mobile`.
    pub grad: String,
    /// 组织码 of an organisation below; empty for the own one.
    pub under: String,
}

fn yes_no(text: &str) -> Option<bool> {
    match text {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

impl Conditions {
    fn filter(&self) -> Filter {
        let sex = match self.sex.as_str() {
            "male" => Some(SexWord::Male),
            "female" => Some(SexWord::Female),
            _ => None,
        };
        let check = match self.check.as_str() {
            "unchecked" => Some(CheckWord::Unchecked),
            "passed" => Some(CheckWord::Passed),
            "failed" => Some(CheckWord::Failed),
            "offline" => Some(CheckWord::Offline),
            _ => None,
        };
        Filter {
            q: self.q.trim().to_owned(),
            sex,
            complete: yes_no(&self.complete),
            check,
            moving: yes_no(&self.moving),
            cadre: yes_no(&self.cadre),
            import: self.import.parse().ok(),
            grad: match self.grad.as_str() {
                "any" => Some(GradWord::Any),
                "graduate" => Some(GradWord::Graduate),
                "delayed" => Some(GradWord::Delayed),
                "teacher" => Some(GradWord::Teacher),
                "mobile" => Some(GradWord::Mobile),
                _ => None,
            },
        }
    }
    /// As a query string, without what is empty.
    fn query(&self) -> String {
        let all = [
            ("q", &self.q),
            ("sex", &self.sex),
            ("complete", &self.complete),
            ("check", &self.check),
            ("moving", &self.moving),
            ("cadre", &self.cadre),
            ("import", &self.import),
            ("grad", &self.grad),
            ("under", &self.under),
        ];
        let filled: Vec<_> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        serde_html_form::to_string(filled).unwrap_or_default()
    }
    /// The chosen conditions with the address that takes each away.
    fn chosen(&self, base: &str, under_name: &str) -> Vec<Chosen> {
        let mut chosen = Vec::new();
        let mut push = |label: String, without: Self| {
            chosen.push(Chosen { label, href: format!("{base}/members?{}", without.query()) });
        };
        let word = |pairs: &[(&str, &str)], value: &str| {
            pairs.iter().find(|(key, _)| *key == value).map(|(_, words)| (*words).to_owned())
        };
        if !self.q.is_empty() {
            push(format!("姓名“{}”", self.q), Self { q: String::new(), ..self.clone() });
        }
        if let Some(words) = word(SEX, &self.sex) {
            push(words, Self { sex: String::new(), ..self.clone() });
        }
        if let Some(words) = word(COMPLETE, &self.complete) {
            push(words, Self { complete: String::new(), ..self.clone() });
        }
        if let Some(words) = word(CHECK, &self.check) {
            push(words, Self { check: String::new(), ..self.clone() });
        }
        if let Some(words) = word(MOVING, &self.moving) {
            push(words, Self { moving: String::new(), ..self.clone() });
        }
        if let Some(words) = word(CADRE, &self.cadre) {
            push(words, Self { cadre: String::new(), ..self.clone() });
        }
        if let Some(words) = word(GRAD, &self.grad) {
            push(words, Self { grad: String::new(), ..self.clone() });
        }
        if !self.import.is_empty() {
            push("同一次导入".into(), Self { import: String::new(), ..self.clone() });
        }
        if !self.under.is_empty() {
            push(under_name.into(), Self { under: String::new(), ..self.clone() });
        }
        chosen
    }
}

type Words = &'static [(&'static str, &'static str)];
const SEX: Words = &[("male", "男"), ("female", "女")];
const COMPLETE: Words = &[("yes", "资料完整"), ("no", "未完善")];
const CHECK: Words =
    &[("unchecked", "未校验"), ("passed", "已通过"), ("failed", "未通过"), ("offline", "线下通过")];
const MOVING: Words = &[("yes", "转接中"), ("no", "不在转接中")];
const GRAD: Words = &[
    ("any", "有毕业标记"),
    ("graduate", "毕业生"),
    ("delayed", "延迟毕业"),
    ("teacher", "教师"),
    ("mobile", "毕业学生流动团员"),
];
const CADRE: Words = &[("yes", "任团干部"), ("no", "未任团干部")];

/// A chosen condition.
#[derive(Serialize, JsonSchema)]
pub struct Chosen {
    label: String,
    href: String,
}

/// A member of the list.
#[derive(Serialize, JsonSchema)]
pub struct Item {
    code: String,
    name: String,
    /// Masked.
    id_number: String,
    sex: &'static str,
    branch: String,
    branch_code: String,
    joined: String,
    check: &'static str,
    #[serde(skip)]
    check_kind: &'static str,
    moving: bool,
    /// What 未完善 lacks (row 151).
    missing: Vec<&'static str>,
    /// 毕业标记 in words.
    graduation: Option<String>,
    can_edit: bool,
}

/// 团员列表.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "people/list.html")]
pub struct List {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    under: String,
    conditions: Conditions,
    #[serde(skip)]
    words: ListWords,
    /// Direct children, to narrow the list.
    #[serde(skip)]
    children: Vec<(String, String)>,
    chosen: Vec<Chosen>,
    members: Vec<Item>,
    /// Known without conditions only: large sets are not counted.
    total: Option<i64>,
    as_of: Option<String>,
    prev: Option<String>,
    next: Option<String>,
    can_add: bool,
    can_import: bool,
    can_export: bool,
    /// Whether the ticked ones can be given a mark of graduation.
    can_mark: bool,
    /// Something about the search that was not done.
    notice: String,
    #[serde(skip)]
    query: String,
    #[serde(skip)]
    imports: String,
    #[serde(skip)]
    all: String,
}
page!(List);

/// The choices of the filter form.
pub struct ListWords {
    sex: Words,
    complete: Words,
    check: Words,
    moving: Words,
    cadre: Words,
    grad: Words,
}

/// What the list's address holds besides the conditions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    q: String,
    sex: String,
    complete: String,
    check: String,
    moving: String,
    cadre: String,
    import: String,
    grad: String,
    under: String,
    at: String,
    size: String,
}

/// The organisation of the address or one below it, by its code.
async fn below(cx: &mut Cx, code: &str) -> Result<OrgRef, Error> {
    let own = cx.org()?.clone();
    if code.is_empty() || code == own.code {
        return Ok(own);
    }
    let org = app::orgs::by_code(cx, code).await?;
    if cx.may(Action::SeeMembers, &org.path) { Ok(org) } else { Err(Error::NotFound) }
}

/// Direct children as choices; at most two hundred.
async fn children(cx: &mut Cx, org: &OrgRef) -> Result<Vec<(String, String)>, Error> {
    if org.category.owns_members() {
        return Ok(Vec::new());
    }
    let rows = app::orgs::children(cx, org, None, 200).await?.rows;
    Ok(rows.into_iter().map(|c| (c.code, c.short_name)).collect())
}

/// `GET /o/{org}/members`.
pub async fn list(mut v: Visit, Query(q): Query<ListQuery>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let under = below(&mut v.cx, &q.under).await?;
    let mut conditions = Conditions {
        q: q.q,
        sex: q.sex,
        complete: q.complete,
        check: q.check,
        moving: q.moving,
        cadre: q.cadre,
        import: q.import,
        grad: q.grad,
        under: q.under,
    };
    let mut notice = String::new();
    if matches!(kind_of(&conditions.q), Kind::IdNumber | Kind::Mobile | Kind::DevNumber) {
        conditions.q = String::new();
        notice =
            "证件号、手机号和发展团员编号请在顶部的搜索框里查找;这里只按姓名或拼音首字母筛选。"
                .into();
    }
    let filter = conditions.filter();
    let size = q.size.parse().unwrap_or(50);
    let found = list::members(&mut v.cx, &under, &filter, Cursor::read(&q.at), size).await?;
    let card = if filter.is_empty() && v.cx.may(Action::SeeStats, &under.path) {
        Some(app::stats::of(&mut v.cx, &under).await?)
    } else {
        None
    };
    let own = v.cx.org()?.clone();
    let query = conditions.query();
    let href = |cursor: Option<Cursor>| {
        let size = if q.size.is_empty() { String::new() } else { format!("&size={size}") };
        cursor.map(|c| format!("{base}/members?{query}&at={}{size}", c.text()))
    };
    let members = found.rows.into_iter().map(|row| item(&v.cx, row)).collect();
    let page = List {
        children: children(&mut v.cx, &own).await?,
        chosen: conditions.chosen(&base, &under.short_name),
        prev: href(found.prev),
        next: href(found.next),
        total: card.as_ref().map(|c| c.subtree.members),
        as_of: card.map(|c| app::clock::show_time(c.as_of)),
        can_add: v.cx.may(Action::AddMember, &own.path),
        can_import: v.cx.may(Action::ImportMembers, &own.path),
        can_export: v.cx.may(Action::ExportMembers, &own.path),
        can_mark: v.cx.may(Action::MarkGraduates, &own.path),
        frame: v.frame("团员列表", "/members").await?,
        under: under.short_name,
        words: ListWords {
            sex: SEX,
            complete: COMPLETE,
            check: CHECK,
            moving: MOVING,
            cadre: CADRE,
            grad: GRAD,
        },
        members,
        imports: format!("{base}/imports"),
        all: format!("{base}/members"),
        notice,
        conditions,
        query,
        base,
    };
    v.show(page).await
}

fn item(cx: &Cx, row: list::Row) -> Item {
    Item {
        can_edit: cx.may(Action::EditMember, &row.org_path),
        code: row.code,
        name: row.name,
        id_number: row.id_masked,
        sex: row.sex.label(),
        branch: row.org_name,
        branch_code: row.org_code,
        joined: row.joined,
        check: row.check.label(),
        check_kind: check_kind(row.check),
        moving: row.moving,
        missing: row.missing.into_iter().map(|c| c.label()).collect(),
        graduation: row.graduation.map(|g| g.label()),
    }
}

/// The look of a check state.
pub(crate) fn check_kind(check: Check) -> &'static str {
    match check {
        Check::Passed | Check::Offline => "ok",
        Check::Failed => "warn",
        Check::Unchecked => "off",
    }
}

/// The form of one person.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NewForm {
    /// `id` looks the ID number up, anything else enters the person.
    stage: String,
    /// 组织码 of the branch; empty for the own organisation.
    branch: String,
    name: String,
    id_number: String,
    ethnic: String,
    political: String,
    education: String,
    joined: String,
    dev_number: String,
    mobile: String,
    email: String,
    qq: String,
    wechat: String,
    weibo: String,
    emergency_name: String,
    emergency_phone: String,
    address: String,
    post: String,
    post_since: String,
    post_nature: String,
    /// Contact values in which this form counts for somebody who is known with others: their keys.
    take: Vec<String>,
    /// Sent by the page: asks which contact values count before anything is entered.
    ask: String,
}
impl NewForm {
    fn draft(&self) -> Draft {
        let cell = |text: &String| RawCell::text(text.as_str());
        Draft {
            name: cell(&self.name),
            id_number: cell(&self.id_number),
            ethnic: cell(&self.ethnic),
            political: cell(&self.political),
            education: cell(&self.education),
            joined: cell(&self.joined),
            dev_number: cell(&self.dev_number),
            mobile: cell(&self.mobile),
            email: cell(&self.email),
            qq: cell(&self.qq),
            wechat: cell(&self.wechat),
            weibo: cell(&self.weibo),
            emergency_name: cell(&self.emergency_name),
            emergency_phone: cell(&self.emergency_phone),
            address: cell(&self.address),
            post: cell(&self.post),
            post_since: cell(&self.post_since),
            post_nature: cell(&self.post_nature),
            ..Draft::default()
        }
    }
}

/// 添加团员.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "people/new.html")]
pub struct New {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    /// `id`, `all`, `here` or `elsewhere`.
    stage: &'static str,
    branch: String,
    #[serde(skip)]
    branch_code: String,
    #[serde(skip)]
    branches: Vec<(String, String)>,
    #[serde(skip)]
    form: NewForm,
    #[serde(skip)]
    ethnic: Vec<(&'static str, &'static str)>,
    #[serde(skip)]
    political: Vec<(&'static str, &'static str)>,
    #[serde(skip)]
    education: Vec<(&'static str, &'static str)>,
    #[serde(skip)]
    posts: Vec<(&'static str, &'static str)>,
    #[serde(skip)]
    natures: Vec<(&'static str, &'static str)>,
    /// The way back.
    #[serde(skip)]
    list: String,
    /// Who has the number already, in this branch.
    known: Option<Known>,
    /// The day's answers are used up: whether the number is somebody's is told by the whole form.
    untold: bool,
    /// Where a 转入 of somebody who is elsewhere is begun.
    ask_for: Option<String>,
    /// Contact values that are known otherwise: which ones count is asked.
    asks: Vec<people::Differing>,
    /// What else is known already.
    told: Option<people::Told>,
}
page!(New);

/// Somebody who is here already.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Known {
    name: String,
    code: String,
}

/// The offered rows of a code list, by their words.
pub(crate) fn offered(rows: &'static [lists::CodeRow]) -> Vec<(&'static str, &'static str)> {
    rows.iter().filter(|r| r.listed).map(|r| (r.name.as_str(), r.name.as_str())).collect()
}

/// The branch of the form: the own organisation or a direct child.
async fn branch_of(cx: &mut Cx, code: &str) -> Result<Option<OrgRef>, Error> {
    let org = below(cx, code).await?;
    Ok(org.category.owns_members().then_some(org))
}

async fn new_page(
    v: &mut Visit,
    stage: &'static str,
    branch: Option<OrgRef>,
    form: NewForm,
) -> Result<New, Failure> {
    let own = v.cx.org()?.clone();
    let rules = Rules::builtin();
    let mut branches = Vec::new();
    if !own.category.owns_members() {
        let rows = app::orgs::children(&mut v.cx, &own, None, 200).await?.rows;
        let owns = |c: &app::orgs::Child| c.category.owns_members();
        branches = rows.into_iter().filter(owns).map(|c| (c.code, c.short_name)).collect();
    }
    let posts = branch.as_ref().map(|b| entry::place_of(b).category);
    let posts = posts.map(|c| rules.tree.posts_of(c)).into_iter().flatten();
    Ok(New {
        base: v.base()?,
        list: format!("{}/members", v.base()?),
        frame: v.frame("添加团员", "/members/new").await?,
        stage,
        branch: branch.as_ref().map(|b| b.short_name.clone()).unwrap_or_default(),
        branch_code: branch.map(|b| b.code).unwrap_or_default(),
        branches,
        form,
        ethnic: offered(&rules.codes.ethnic),
        political: offered(&rules.codes.political),
        education: offered(&rules.codes.education),
        posts: posts.map(|p| (p.name.as_str(), p.name.as_str())).collect(),
        natures: offered(&rules.codes.post_nature),
        known: None,
        untold: false,
        ask_for: None,
        asks: vec![],
        told: None,
    })
}

/// Where a form starts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewQuery {
    branch: String,
}

/// `GET /o/{org}/members/new`.
pub async fn new(
    mut v: Visit,
    Query(q): Query<NewQuery>,
    Query(c): Query<Carried>,
) -> Result<Answer, Failure> {
    if let Some((form, found)) = v.carried_with::<NewForm, Looked>(&c.draft).await? {
        let branch = branch_of(&mut v.cx, &form.branch).await?;
        let found = if c.edit { Looked::default() } else { found };
        let page = looked(&mut v, branch, form, found).await?;
        return v.show(page).await;
    }
    let branch = branch_of(&mut v.cx, &q.branch).await?;
    let page = new_page(&mut v, "id", branch, NewForm::default()).await?;
    v.show(page).await
}

/// `POST /o/{org}/members/new`: first the ID number alone, then the whole form.
pub async fn add(mut v: Visit, Form(form): Form<NewForm>) -> Result<Answer, Failure> {
    let Some(branch) = branch_of(&mut v.cx, &form.branch).await? else {
        let error = Error::field("branch", "required", "请选择要把团员录入哪个团支部。");
        return wrong(v, error, "id", None, form).await;
    };
    if form.stage == "id" {
        return look_up(v, branch, form).await;
    }
    let take: Vec<Column> = form.take.iter().filter_map(|key| Column::from_key(key)).collect();
    match people::add_taking(&mut v.cx, &branch, &form.draft(), &take).await {
        Ok(entry) if !form.ask.is_empty() && entry.told.to_choose().next().is_some() => {
            // Nothing is kept: the page shows both values and is sent again.
            let chosen: Vec<people::Differing> = entry.told.to_choose().cloned().collect();
            let told = entry.told;
            let mut page = new_page(&mut v, "all", Some(branch), form).await?;
            page.asks = chosen;
            page.told = Some(told);
            v.show(page).await
        }
        Ok(entry) => {
            let person = people::person::read(&mut v.cx, entry.person).await?;
            let to = format!("{}/members/new?branch={}", v.base()?, branch.code);
            let (name, place) = (&person.name, &branch.short_name);
            let flash = match entry.was_here {
                true => format!("{name}已在{place}，没有重复录入。{}", entry.told.says()),
                false => {
                    format!("已把{name}录入{place}。{}可以继续添加下一位。", entry.told.says())
                }
            };
            let data = serde_json::json!({ "code": person.code, "told": entry.told });
            v.done_with(to, flash, data).await
        }
        Err(Error::Invalid(errors)) if errors.iter().any(|e| e.code == "id_elsewhere") => {
            // The answer is counted, and has to be kept.
            let mut page = new_page(&mut v, "all", Some(branch), form).await?;
            page.frame.errors = errors;
            v.invalid_but_counted(page).await
        }
        Err(Error::TooMany { .. }) if v.face() != Face::Json => {
            let says = "这个人现在不能录入:今天查过的“已在其他组织”的人已到上限,为保护个人信息,明天才能再核对。请明天再来,或请本人联系原支部办理转接。";
            let error = Error::field("id_number", "too_many", says);
            wrong(v, error, "all", Some(branch), form).await
        }
        Err(error) => wrong(v, error, "all", Some(branch), form).await,
    }
}

async fn look_up(mut v: Visit, branch: OrgRef, form: NewForm) -> Result<Answer, Failure> {
    let base = v.base()?;
    let found = match people::check_id(&mut v.cx, &branch, &form.id_number).await {
        Ok(found @ (IdCheck::New | IdCheck::Untold)) => {
            let untold = found == IdCheck::Untold;
            Looked { stage: Stage::All, untold, ..Looked::default() }
        }
        Ok(IdCheck::Here { code, name }) => {
            let known = Some(Known { name, code });
            Looked { stage: Stage::Here, known, ..Looked::default() }
        }
        Ok(IdCheck::Elsewhere(person)) => {
            let own = v.cx.org()?.clone();
            let mut ask_for = None;
            if v.cx.may(Action::StartTransferIn, &own.path) {
                let ticket = app::transfers::of_elsewhere(&mut v.cx, person).await?;
                ask_for = Some(format!("{base}/transfers/in/new?t={ticket}"));
            }
            Looked { stage: Stage::Elsewhere, ask_for, ..Looked::default() }
        }
        Err(error) => return wrong(v, error, "id", Some(branch), form).await,
    };
    if v.walks() {
        return v.carry_with(&format!("{base}/members/new"), &found).await;
    }
    let page = looked(&mut v, Some(branch), form, found).await?;
    v.done_showing(page).await
}

/// What the look-up by ID number found.
#[derive(Default, Serialize, Deserialize)]
struct Looked {
    stage: Stage,
    untold: bool,
    known: Option<Known>,
    ask_for: Option<String>,
}
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    #[default]
    Id,
    All,
    Here,
    Elsewhere,
}

/// The step that follows what was found.
async fn looked(
    v: &mut Visit,
    branch: Option<OrgRef>,
    form: NewForm,
    found: Looked,
) -> Result<New, Failure> {
    let (stage, form) = match found.stage {
        Stage::Id => ("id", form),
        Stage::All => ("all", form),
        Stage::Here => ("here", NewForm::default()),
        Stage::Elsewhere => ("elsewhere", NewForm::default()),
    };
    let mut page = new_page(v, stage, branch, form).await?;
    page.untold = found.untold;
    page.known = found.known;
    page.ask_for = found.ask_for;
    Ok(page)
}

async fn wrong(
    mut v: Visit,
    error: Error,
    stage: &'static str,
    branch: Option<OrgRef>,
    form: NewForm,
) -> Result<Answer, Failure> {
    let Error::Invalid(errors) = error else { return Err(error.into()) };
    let mut page = new_page(&mut v, stage, branch, form).await?;
    page.frame.errors = errors;
    v.invalid(page).await
}

/// 导出团员列表.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "people/export.html")]
pub struct ExportPage {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    under: String,
    conditions: Conditions,
    chosen: Vec<String>,
    #[serde(skip)]
    only: Vec<String>,
    #[serde(skip)]
    full: bool,
    #[serde(skip)]
    reason: String,
    /// A long export that was asked for.
    job: Option<JobState>,
}
page!(ExportPage);

/// Where a long export stands.
#[derive(Serialize, JsonSchema)]
pub struct JobState {
    state: String,
    done: i64,
    /// Where the file is to be had.
    href: Option<String>,
    name: String,
}

/// The export form.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ExportForm {
    q: String,
    sex: String,
    complete: String,
    check: String,
    moving: String,
    cadre: String,
    import: String,
    grad: String,
    under: String,
    /// Codes of chosen members; none for all that fit.
    only: Vec<String>,
    #[serde(deserialize_with = "tick")]
    full: bool,
    reason: String,
    /// A job that was begun.
    job: String,
}
impl ExportForm {
    fn conditions(&self) -> Conditions {
        let f = self.clone();
        Conditions {
            q: f.q,
            sex: f.sex,
            complete: f.complete,
            check: f.check,
            moving: f.moving,
            cadre: f.cadre,
            import: f.import,
            grad: f.grad,
            under: f.under,
        }
    }
}

async fn export_page(v: &mut Visit, form: &ExportForm) -> Result<ExportPage, Failure> {
    let base = v.base()?;
    let under = below(&mut v.cx, &form.under).await?;
    let conditions = form.conditions();
    let chosen = conditions.chosen(&base, &under.short_name).into_iter().map(|c| c.label).collect();
    Ok(ExportPage {
        frame: v.frame("导出团员列表", "/members").await?,
        base,
        under: under.short_name,
        conditions,
        chosen,
        only: form.only.clone(),
        full: form.full,
        reason: form.reason.clone(),
        job: None,
    })
}

/// `GET /o/{org}/members/export`.
pub async fn export(mut v: Visit, Query(form): Query<ExportForm>) -> Result<Answer, Failure> {
    let mut page = export_page(&mut v, &form).await?;
    if let Ok(id) = form.job.parse::<JobId>() {
        let state = jobs::state(&mut v.cx, id).await?;
        if state.person_id != Some(v.cx.visitor()?.person.0) {
            return Err(Error::NotFound.into());
        }
        let result: serde_json::Value = serde_json::from_str(&state.result).unwrap_or_default();
        page.job = Some(JobState {
            href: result["file"].as_str().map(|f| format!("/files/{f}")),
            name: result["name"].as_str().unwrap_or_default().to_owned(),
            state: state.state,
            done: state.done,
        });
    }
    v.show(page).await
}

/// `POST /o/{org}/members/export`.
pub async fn make_export(mut v: Visit, Form(form): Form<ExportForm>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let under = below(&mut v.cx, &form.under).await?;
    let ask = Ask {
        filter: form.conditions().filter(),
        only: form.only.clone(),
        full: form.full,
        reason: form.reason.clone(),
    };
    let (house, who, origin) = (v.cx.house().clone(), v.cx.who().clone(), v.cx.origin().clone());
    let paused = v.pause().await?;
    let made = export::export(&house, who, origin, &under, ask).await;
    let mut v = paused.resume().await?;
    match made {
        Ok(Export::Ready { name, bytes }) => v.file(&name, files::XLSX, bytes).await,
        Ok(Export::Job(id)) => {
            let flash = "人数较多,正在后台生成表格,完成后在这一页下载。";
            v.done(format!("{base}/members/export?job={id}"), flash).await
        }
        Ok(Export::Asked(no)) => {
            let flash = format!(
                "完整号码的人数较多，需要另一位管理员（本组织或直接上级）先同意。申请{no}已提交，同意后在这一页下载。"
            );
            let data = serde_json::json!({ "request": no });
            v.done_with(format!("{base}/exports"), flash, data).await
        }
        Err(Error::Invalid(errors)) => {
            let mut page = export_page(&mut v, &form).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(e) => Err(e.into()),
    }
}

/// `GET /files/{file}`: a file that the program made for whoever asks.
pub async fn download(mut v: Visit, Path(id): Path<String>) -> Result<Answer, Failure> {
    let id = id.parse().map_err(|_| Error::NotFound)?;
    let file = files::open(&mut v.cx, id).await?;
    let mut bytes = Vec::with_capacity(usize::try_from(file.size).unwrap_or(0));
    let mut no = 0;
    while let Some(piece) = files::piece(&mut v.cx, &file, no).await? {
        bytes.extend(piece);
        no += 1;
    }
    let (name, mime) = (file.name, file.mime);
    v.file(&name, &mime, bytes).await
}
