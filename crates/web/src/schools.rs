//! 学校专区 (A49, A50): schools below and how far they have come, a missing one created, 学校机构编号,
//! the statement of a closed, merged or renamed school (rows 55-57).

use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::{Form, Query, tick},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Action, Error, FieldError,
    clock::show_time,
    error::Way,
    orgs::{Category, New},
    rules::Rules,
    schools::{self, Kind, School, Seat, Statement},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// 学校专区.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "schools/schools.html")]
pub struct Schools {
    #[serde(skip)]
    frame: Frame,
    seat: Seat,
    #[serde(skip)]
    why_not: Option<String>,
    schools: Vec<School>,
    next: Option<String>,
    first_page: bool,
    as_of: String,
    may_create: bool,
    /// Whether schools below are a matter of this organisation.
    superior: bool,
    /// Whether the statement of a closed, merged or renamed school is this one's.
    may_state: bool,
    #[serde(skip)]
    org_name: String,
    #[serde(skip)]
    base: String,
}
page!(Schools);

/// What the address chooses.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    after: String,
}

/// `GET /o/{org}/schools`.
pub async fn show(mut v: Visit, Query(asked): Query<Asked>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let org = v.cx.org()?.clone();
    let after = Some(asked.after.as_str()).filter(|a| !a.is_empty());
    let seat = schools::seat(&mut v.cx, &org).await?;
    let found = schools::schools(&mut v.cx, &org, after, 50).await?;
    let superior = !org.category.owns_members();
    let page = Schools {
        frame: v.frame("学校专区", "/schools").await?,
        why_not: seat.why_not.as_ref().map(schools::WhyNot::says),
        may_state: seat.may_edit,
        may_create: superior && v.cx.may(Action::CreateChild, &org.path),
        schools: if superior { found.rows } else { Vec::new() },
        next: found.next.map(|mark| format!("{base}/schools?after={mark}")),
        first_page: after.is_none(),
        as_of: show_time(v.cx.now()),
        superior,
        seat,
        org_name: org.short_name,
        base,
    };
    v.show(page).await
}

/// `GET /o/{org}/schools.xlsx`.
pub async fn download(mut v: Visit) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    let bytes = schools::workbook(&mut v.cx, &org).await?;
    let name = format!("学校团组织录入进度-{}.xlsx", org.short_name);
    v.file(&name, app::files::XLSX, bytes).await
}

/// A school that is missing.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NewForm {
    pub short_name: String,
    /// Suggested from the superior's when left out.
    pub full_name: String,
    /// `COMMITTEE`, `WORK`, `GENERAL` or `BRANCH`.
    pub category: String,
    /// Key of a kind of school.
    pub industry: String,
    /// Whether its registration code is made at once.
    #[serde(deserialize_with = "tick")]
    pub issue: bool,
}

/// 创建直属下级学校团组织.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "schools/new.html")]
pub struct NewPage {
    #[serde(skip)]
    frame: Frame,
    form: NewForm,
    categories: Vec<(&'static str, &'static str, &'static str)>,
    kinds: Vec<(&'static str, &'static str)>,
    ways: Vec<Way>,
    /// Whether the visitor may make registration codes.
    may_issue: bool,
    #[serde(skip)]
    parent: String,
    #[serde(skip)]
    base: String,
}
page!(NewPage);

/// `GET /o/{org}/schools/new`.
pub async fn form(mut v: Visit) -> Result<Answer, Failure> {
    let form = NewForm { issue: true, ..NewForm::default() };
    let page = blank(&mut v, form).await?;
    v.show(page).await
}

async fn blank(v: &mut Visit, form: NewForm) -> Result<NewPage, Failure> {
    let org = v.cx.org()?.clone();
    let tree = &Rules::builtin().tree;
    let note = |category: Category| match category {
        Category::Committee => "设团委的学校",
        Category::General => "设团总支的学校",
        Category::Branch => "全校只有一个团支部",
        _ => "设团工委的学校",
    };
    let may = |c: &&Category| tree.category(**c).creatable && **c != Category::Lead;
    Ok(NewPage {
        frame: v.frame("创建下级学校团组织", "/schools").await?,
        form,
        categories: tree
            .category(org.category)
            .children
            .iter()
            .filter(may)
            .map(|c| (c.code(), c.label(), note(*c)))
            .collect(),
        kinds: tree
            .industries
            .iter()
            .filter(|row| row.is_school && row.listed)
            .map(|row| (row.code.as_str(), row.level2.as_str()))
            .collect(),
        ways: Vec::new(),
        may_issue: app::access::reach(Action::IssueCodes, v.cx.acting()?.role).is_some(),
        parent: org.short_name,
        base: v.base()?,
    })
}

/// `POST /o/{org}/schools/new`.
pub async fn create(mut v: Visit, Form(form): Form<NewForm>) -> Result<Answer, Failure> {
    let made = match Category::from_code(&form.category) {
        None => Err(Error::field("category", "required", "请选择“组织类别”。")),
        Some(category) => {
            let text = |value: &str| (!value.trim().is_empty()).then(|| value.to_owned());
            let new = New {
                short_name: form.short_name.clone(),
                full_name: text(&form.full_name),
                category,
                industry: text(&form.industry),
            };
            schools::create(&mut v.cx, new).await
        }
    };
    match made {
        Ok(school) => {
            let base = v.base()?;
            let code = app::orgs::code::show(&school.code);
            let words = format!("已创建“{}”,组织码 {code}。", school.short_name);
            if !form.issue {
                let data = serde_json::json!({ "code": school.code });
                let to = format!("{base}/children/codes/new?org={}", school.code);
                return v.done_with(to, words, data).await;
            }
            // In the same step: the page of its code, to copy, print or download.
            let chosen = std::slice::from_ref(&school.code);
            let sheet = app::codes::issue(&mut v.cx, chosen).await?.sheet.to_string();
            let words = format!("{words}把下面的注册码发给学校,学校凭码注册第一位管理员。");
            let data = serde_json::json!({ "code": school.code, "sheet": sheet });
            v.done_with(format!("{base}/children/codes/sheets/{sheet}"), words, data).await
        }
        Err(Error::Invalid(errors)) => {
            let mut page = blank(&mut v, form).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(Error::Conflict(refusal)) if v.face() != Face::Json => {
            let mut page = blank(&mut v, form).await?;
            page.frame.errors =
                vec![FieldError::new("short_name", &refusal.code, refusal.message.clone())];
            page.ways = refusal.ways;
            v.invalid(page).await
        }
        Err(other) => Err(other.into()),
    }
}

/// 完善学校机构编号.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "schools/code.html")]
pub struct CodePage {
    #[serde(skip)]
    frame: Frame,
    seat: Seat,
    #[serde(skip)]
    why_not: Option<String>,
    #[serde(skip)]
    form: CodeForm,
    #[serde(skip)]
    org_name: String,
    #[serde(skip)]
    base: String,
}
page!(CodePage);

/// The number and the one that the form was made from.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CodeForm {
    /// Ten digits.
    pub number: String,
    /// The number as it was shown; empty when there was none.
    pub was: String,
}

/// `GET /o/{org}/schools/code`.
pub async fn code(mut v: Visit) -> Result<Answer, Failure> {
    let page = code_page(&mut v, None).await?;
    v.show(page).await
}

async fn code_page(v: &mut Visit, typed: Option<CodeForm>) -> Result<CodePage, Failure> {
    let org = v.cx.org()?.clone();
    let seat = schools::seat(&mut v.cx, &org).await?;
    let now = seat.school_code.clone().unwrap_or_default();
    Ok(CodePage {
        frame: v.frame("学校机构编号", "/schools").await?,
        why_not: seat.why_not.as_ref().map(schools::WhyNot::says),
        form: typed.unwrap_or(CodeForm { number: now.clone(), was: now }),
        seat,
        org_name: org.short_name,
        base: v.base()?,
    })
}

/// `POST /o/{org}/schools/code`.
pub async fn set_code(mut v: Visit, Form(form): Form<CodeForm>) -> Result<Answer, Failure> {
    match schools::set_code(&mut v.cx, form.was.trim(), &form.number).await {
        Ok(number) => {
            let to = format!("{}/schools/code", v.base()?);
            let data = serde_json::json!({ "school_code": number });
            v.done_with(to, format!("学校机构编号已保存:{number}。"), data).await
        }
        Err(Error::Invalid(errors)) => {
            let mut page = code_page(&mut v, Some(form)).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /o/{org}/schools/code/clearance`.
pub async fn clear_code(mut v: Visit, Form(form): Form<CodeForm>) -> Result<Answer, Failure> {
    schools::clear_code(&mut v.cx, form.was.trim()).await?;
    let words = match form.was.trim() {
        "" => "本来就没有编号，不用清空。".to_owned(),
        was => format!("编号{was}已清空，名片上不再显示。需要恢复时重新填写即可。"),
    };
    let to = format!("{}/schools/code", v.base()?);
    v.done(to, words).await
}

/// 学校情况说明.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "schools/statement.html")]
pub struct StatementPage {
    #[serde(skip)]
    frame: Frame,
    seat: Seat,
    #[serde(skip)]
    why_not: Option<String>,
    #[serde(skip)]
    kinds: Vec<(&'static str, &'static str, &'static str)>,
    #[serde(skip)]
    form: StatementForm,
    #[serde(skip)]
    base: String,
}
page!(StatementPage);

/// The statement as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StatementForm {
    /// `closed`, `merged` or `renamed`.
    pub kind: String,
    pub text: String,
}

/// `GET /o/{org}/schools/statement`.
pub async fn statement(mut v: Visit) -> Result<Answer, Failure> {
    let page = statement_page(&mut v, StatementForm::default()).await?;
    v.show(page).await
}

async fn statement_page(v: &mut Visit, form: StatementForm) -> Result<StatementPage, Failure> {
    let org = v.cx.org()?.clone();
    let seat = schools::seat(&mut v.cx, &org).await?;
    Ok(StatementPage {
        frame: v.frame("学校情况说明", "/schools").await?,
        why_not: seat.why_not.as_ref().map(schools::WhyNot::says),
        kinds: Kind::ALL.into_iter().map(|k| (k.code(), k.label(), "")).collect(),
        seat,
        form,
        base: v.base()?,
    })
}

/// `POST /o/{org}/schools/statement`.
pub async fn state(mut v: Visit, Form(form): Form<StatementForm>) -> Result<Answer, Failure> {
    let kind = Kind::ALL.into_iter().find(|k| k.code() == form.kind);
    let said = Statement { kind, text: form.text.clone() };
    match schools::state(&mut v.cx, &said).await {
        Ok(superior) => {
            let to = format!("{}/schools", v.base()?);
            v.done(to, format!("情况说明已发给{superior},由上级核实后在系统里更正。")).await
        }
        Err(Error::Invalid(errors)) => {
            let mut page = statement_page(&mut v, form).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(other) => Err(other.into()),
    }
}
