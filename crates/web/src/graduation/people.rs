//! 名单: graduates and their marks; whoever is ticked gets another one (125-127, A24). The member
//! list leads here with those ticked there.

use super::{TabLink, left_out, tabs};
use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Query},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Action, Error, FieldError,
    clock::{self, Millis},
    graduation,
    orgs::Category,
    people::list::{self, Cursor, Filter, GradWord},
    rules::{Column, Rules, graduation::PersonMark, month},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the address chooses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// `graduate`, `delayed`, `teacher`, `mobile`; empty for all marks, or everybody of a branch.
    grad: String,
    /// 组织码 of an organisation below.
    under: String,
    /// Public codes of persons: only these.
    only: Vec<String>,
    at: String,
}

/// Somebody of the list.
#[derive(Serialize, JsonSchema)]
pub struct Item {
    code: String,
    name: String,
    /// Masked.
    id_number: String,
    branch: String,
    branch_code: String,
    moving: bool,
    mark: Option<String>,
    #[serde(skip)]
    chip: &'static str,
    /// How long the school has kept her (row 195).
    kept: Option<String>,
    /// Whether that is longer than usual.
    kept_long: bool,
}

/// 毕业团员名单.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "graduation/people.html")]
pub struct People {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    tabs: Vec<TabLink>,
    under: String,
    #[serde(skip)]
    under_code: String,
    grad: String,
    people: Vec<Item>,
    prev: Option<String>,
    next: Option<String>,
    /// Whether these are the ones ticked in the member list.
    chosen: bool,
    may_mark: bool,
    /// Why nobody can be marked here.
    absent: Option<&'static str>,
    #[serde(skip)]
    mobile_from: String,
    #[serde(skip)]
    form: PeopleForm,
    #[serde(skip)]
    base: String,
}
page!(People);

impl People {
    fn is_ticked(&self, code: &str) -> bool {
        self.chosen || self.form.only.iter().any(|c| c == code)
    }
}

const WORDS: &[(&str, &str)] = &[
    ("graduate", "毕业生"),
    ("delayed", "延迟毕业"),
    ("teacher", "教师"),
    ("mobile", "毕业学生流动团员"),
];

fn grad_word(text: &str) -> Option<GradWord> {
    match text {
        "graduate" => Some(GradWord::Graduate),
        "delayed" => Some(GradWord::Delayed),
        "teacher" => Some(GradWord::Teacher),
        "mobile" => Some(GradWord::Mobile),
        _ => None,
    }
}

/// `GET /o/{org}/graduation/people`.
pub async fn show(mut v: Visit, Query(asked): Query<Asked>) -> Result<Answer, Failure> {
    let page = blank(&mut v, asked, PeopleForm::default()).await?;
    v.show(page).await
}

async fn blank(v: &mut Visit, asked: Asked, form: PeopleForm) -> Result<People, Failure> {
    let base = v.base()?;
    let under = super::below(v, &asked.under).await?;
    let now = v.cx.now();
    let chosen = !asked.only.is_empty();
    let (rows, prev, next) = if chosen {
        (list::chosen(&mut v.cx, &asked.only).await?, None, None)
    } else {
        // Everybody of a branch; in a larger part of the tree those with a mark.
        let wide = (!under.category.owns_members()).then_some(GradWord::Any);
        let filter = Filter { grad: grad_word(&asked.grad).or(wide), ..Filter::default() };
        let found = list::members(&mut v.cx, &under, &filter, Cursor::read(&asked.at), 50).await?;
        (found.rows, found.prev, found.next)
    };
    let href = |cursor: Option<Cursor>| {
        let (grad, code) = (&asked.grad, &asked.under);
        cursor.map(|c| format!("{base}/graduation/people?grad={grad}&under={code}&at={}", c.text()))
    };
    let own = v.cx.org()?.clone();
    let today = clock::day(now);
    let graduation = &Rules::builtin().graduation;
    let year = graduation.turned_year(&own.province, today);
    let mobile = graduation.mobile_from(year, &own.province).filter(|day| *day > today);
    let may_mark = v.cx.may(Action::MarkGraduates, &own.path);
    Ok(People {
        frame: v.frame("毕业团员名单", "/graduation").await?,
        tabs: tabs(&base, "/people"),
        prev: href(prev),
        next: href(next),
        under: under.short_name,
        under_code: asked.under.clone(),
        grad: asked.grad.clone(),
        people: rows.into_iter().map(|row| item(row, now)).collect(),
        chosen,
        may_mark,
        absent: (!may_mark).then_some(match own.category {
            Category::Graduate | Category::Branch => {
                "延迟毕业、教师和毕业学生流动团员由上级团委、团工委或团总支标记。需要标记时,请联系直属上级。"
            }
            _ => "你可以查看名单,不能标记。",
        }),
        mobile_from: mobile.map(|day| super::say_day(&day.to_string())).unwrap_or_default(),
        form,
        base,
    })
}

fn item(row: list::Row, now: Millis) -> Item {
    let mark = row.graduation.as_ref().map(|g| g.mark);
    let retention = &Rules::builtin().policy.retention;
    let since = match (mark, row.special_kind.as_str()) {
        (Some(PersonMark::Mobile), _) => row.graduation.as_ref().map(|g| g.since),
        (_, "SCHOOL_MOBILE") => Some(row.entered_at),
        _ => None,
    };
    let months = since.map(|since| months_between(since, now));
    Item {
        chip: match mark {
            Some(PersonMark::Graduate) => "now",
            Some(PersonMark::Delayed | PersonMark::Mobile) => "warn",
            Some(PersonMark::Teacher) | None => "off",
        },
        mark: row.graduation.map(|g| g.label()),
        kept_long: months.is_some_and(|n| n >= retention.school_mobile_months),
        kept: months.map(|n| match n {
            n if n >= retention.school_mobile_max_months => {
                format!("已在校保留 {n} 个月,超过最长期限,请尽快转出")
            }
            n if n >= retention.school_mobile_months => format!("已在校保留 {n} 个月,超过一般期限"),
            n => format!("已在校保留 {n} 个月"),
        }),
        code: row.code,
        name: row.name,
        id_number: row.id_masked,
        branch: row.org_name,
        branch_code: row.org_code,
        moving: row.moving,
    }
}

/// Whole months between two moments.
fn months_between(from: Millis, to: Millis) -> i64 {
    let (from, to) = (clock::day(from), clock::day(to));
    let months = i64::from(to.year() - from.year()) * 12 + i64::from(to.month() - from.month());
    (months - i64::from(to.day() < from.day())).max(0)
}

/// The form: ticked people and their mark.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PeopleForm {
    /// Public codes of persons.
    pub only: Vec<String>,
    /// `graduate`, `delayed`, `teacher`, `mobile`, or `none` to take the mark away.
    pub mark: String,
    /// 延迟毕业: the new month, `YYYY-MM`.
    pub until: String,
    /// Which list the form stood on.
    pub grad: String,
    pub under: String,
    /// The ticked ones alone were shown.
    pub chosen: String,
}

/// `POST /o/{org}/graduation/people`.
pub async fn mark(mut v: Visit, Form(form): Form<PeopleForm>) -> Result<Answer, Failure> {
    let read = read(&form);
    let done = match read {
        Ok((mark, until)) => graduation::mark_people(&mut v.cx, &form.only, mark, until).await,
        Err(errors) => Err(Error::Invalid(errors)),
    };
    match done {
        Ok(done) => {
            let rest = left_out(&done.skipped, "人");
            let to =
                format!("{}/graduation/people?grad={}&under={}", v.base()?, form.grad, form.under);
            if done.done == 0 {
                let words = format!("没有标记任何团员，请看原因后重新勾选。{rest}");
                return v.nothing(to, words, serde_json::json!(done)).await;
            }
            let words = format!("已标记{}名团员。{rest}", done.done);
            v.done_with(to, words, serde_json::json!(done)).await
        }
        Err(Error::Invalid(errors)) => {
            let only = if form.chosen.is_empty() { Vec::new() } else { form.only.clone() };
            let (grad, under) = (form.grad.clone(), form.under.clone());
            let asked = Asked { grad, under, only, at: String::new() };
            let mut page = blank(&mut v, asked, form).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(other) => Err(other.into()),
    }
}

type Read = (Option<PersonMark>, Option<app::rules::YearMonth>);

fn read(form: &PeopleForm) -> Result<Read, Vec<FieldError>> {
    let mark = match form.mark.as_str() {
        "none" => None,
        word => match PersonMark::from_code(word) {
            Some(mark) => Some(mark),
            None => {
                return Err(vec![FieldError::new("mark", "required", "请选择标记。")]);
            }
        },
    };
    let until = form.until.trim();
    if until.is_empty() || mark != Some(PersonMark::Delayed) {
        return Ok((mark, None));
    }
    match month::parse(until, false, Column::Joined) {
        Ok(until) => Ok((mark, Some(until))),
        Err(_) => Err(vec![FieldError::new("until", "month_malformed", "请写成 2027-06 的样子。")]),
    }
}
