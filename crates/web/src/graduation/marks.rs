//! 标记: branches grouped by what their names suggest, marked with one form (119-121).

use super::{TabLink, left_out, tabs};
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
    Action, Error, FieldError, clock,
    graduation::{self, Branch, Tab, Unmarked},
    orgs::Category,
    rules::{
        Column, Rules,
        graduation::{Absent, Mark, Reason},
        month,
    },
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the address chooses.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    tab: Tab,
    after: String,
}

/// Branches with one suggestion.
#[derive(Serialize, JsonSchema)]
pub struct Group {
    label: String,
    /// When they would turn, or that they would at once.
    note: String,
    rows: Vec<Branch>,
}

/// 毕业时间与毕业团员.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "graduation/marks.html")]
pub struct Marks {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    tabs: Vec<TabLink>,
    #[serde(skip)]
    states: Vec<TabLink>,
    tab: Tab,
    groups: Vec<Group>,
    unmarked: Unmarked,
    next: Option<String>,
    /// 2026年7月1日, when this year's branches turn.
    day: String,
    may_mark: bool,
    /// Why nothing can be marked from here (row 121).
    absent: Option<&'static str>,
    #[serde(skip)]
    form: MarksForm,
    #[serde(skip)]
    base: String,
}
page!(Marks);

impl Marks {
    fn is_ticked(&self, code: &str) -> bool {
        self.form.only.iter().any(|c| c == code)
    }
    /// Branches whose people are marked have a list of them.
    fn has_actions(&self) -> bool {
        matches!(self.tab, Tab::Graduated | Tab::Exempt)
    }
    fn columns(&self) -> usize {
        4 + usize::from(self.has_actions())
            + usize::from(self.may_mark && self.tab != Tab::Graduated)
    }
    fn may_tick(&self, branch: &Branch) -> bool {
        self.may_mark && branch.absent.is_none() && self.tab != Tab::Graduated
    }
}

/// `GET /o/{org}/graduation`.
pub async fn show(
    mut v: Visit,
    Query(asked): Query<Asked>,
    Query(c): Query<Carried>,
) -> Result<Answer, Failure> {
    if let Some(form) = v.carried::<MarksForm>(&c.draft).await? {
        if c.edit {
            let asked = Asked { tab: form.tab, ..asked };
            let page = blank(&mut v, asked, form).await?;
            return v.show(page).await;
        }
        return match form.mark() {
            Ok(mark) => check(v, form, mark).await,
            Err(errors) => wrong(v, form, errors).await,
        };
    }
    let page = blank(&mut v, asked, MarksForm::default()).await?;
    v.show(page).await
}

const STATES: [(Tab, &str, &str); 4] = [
    (Tab::Unmarked, "unmarked", "未标记"),
    (Tab::Marked, "marked", "已标记时间"),
    (Tab::Exempt, "exempt", "教师、混合支部"),
    (Tab::Graduated, "graduated", "已转为毕业生团组织"),
];

async fn blank(v: &mut Visit, asked: Asked, form: MarksForm) -> Result<Marks, Failure> {
    let base = v.base()?;
    let org = v.cx.org()?.clone();
    let after = Some(asked.after.as_str()).filter(|a| !a.is_empty());
    let (unmarked, _) = graduation::suggested(&mut v.cx, &org).await?;
    let found = graduation::branches(&mut v.cx, &org, asked.tab, after, 100).await?;
    let word = |tab: Tab| STATES.iter().find(|(t, ..)| *t == tab).map_or("", |(_, word, _)| *word);
    let state = |(tab, word, label): (Tab, &str, &'static str)| TabLink {
        label,
        href: format!("{base}/graduation?tab={word}"),
        current: tab == asked.tab,
        count: (tab == Tab::Unmarked).then_some(unmarked.branches),
    };
    let rules = Rules::builtin();
    let today = clock::day(v.cx.now());
    let year = rules.graduation.turned_year(&org.province, today).saturating_add(1);
    let day = rules.graduation.turns_on(year, &org.province).unwrap_or(today);
    let may_mark = v.cx.may(Action::MarkGraduation, &org.path) && !org.category.owns_members();
    let next =
        found.next.map(|mark| format!("{base}/graduation?tab={}&after={mark}", word(asked.tab)));
    Ok(Marks {
        frame: v.frame("毕业时间与毕业团员", "/graduation").await?,
        tabs: tabs(&base, ""),
        states: STATES.into_iter().map(state).collect(),
        tab: asked.tab,
        groups: grouped(found.rows, asked.tab),
        unmarked,
        next,
        day: super::say_day(&day.to_string()),
        may_mark,
        absent: org.category.owns_members().then(|| own_branch(org.category)),
        form,
        base,
    })
}

/// What a branch's administrator is told.
fn own_branch(category: Category) -> &'static str {
    match category {
        Category::Graduate => {
            "本支部已转为毕业生团组织,功能不变。请提醒团员登记去向、办理转出;延迟毕业的、教师和暂留学校的团员,由上级团委标记。"
        }
        _ => Absent::OwnBranch.says(),
    }
}

/// By suggestion, or by mark where there is one; in order of time, what says nothing last.
fn grouped(rows: Vec<Branch>, tab: Tab) -> Vec<Group> {
    let mut groups: std::collections::BTreeMap<(bool, String), Group> = Default::default();
    for row in rows {
        let mark = row.mark.or(row.suggestion);
        let key = (mark.is_none(), mark.map(Mark::word).unwrap_or_default());
        let group = groups.entry(key).or_insert_with(|| Group {
            label: match (tab, mark) {
                (Tab::Unmarked, Some(mark)) => format!("按名称建议:{}", mark.label()),
                (Tab::Unmarked, None) => "名称看不出毕业时间,请自己选择".into(),
                (_, Some(mark)) => mark.label(),
                (_, None) => "未标记".into(),
            },
            note: note(&row, tab),
            rows: Vec::new(),
        });
        group.rows.push(row);
    }
    groups.into_values().collect()
}

fn note(row: &Branch, tab: Tab) -> String {
    match (tab, &row.turns_on) {
        (Tab::Graduated, _) | (_, None) => String::new(),
        (Tab::Unmarked, Some(_)) if row.at_once => {
            "转换日已过,标记后几分钟内就转为毕业生团组织,请逐个核对".into()
        }
        (_, Some(day)) => format!("{}转为毕业生团组织", super::say_day(day)),
    }
}

/// The form: ticked branches, and a month or a reason; or the suggestions.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MarksForm {
    /// 组织码 of the branches.
    pub only: Vec<String>,
    /// 预计毕业时间, `YYYY-MM`.
    pub month: String,
    /// `teachers` or `mixed` instead of a month.
    pub reason: String,
    /// Mark all below as their names suggest; the other fields are not looked at.
    #[serde(deserialize_with = "tick")]
    pub suggested: bool,
    /// The effect of a month whose day has passed was seen.
    #[serde(deserialize_with = "tick")]
    pub sure: bool,
    /// Which list the form stood on.
    pub tab: Tab,
}
impl MarksForm {
    /// Exactly one of both (conflict 15).
    fn mark(&self) -> Result<Mark, Vec<FieldError>> {
        read_mark(&self.month, &self.reason)
    }
}

/// A month or a reason, exactly one of both.
pub(super) fn read_mark(typed: &str, reason: &str) -> Result<Mark, Vec<FieldError>> {
    let wrong = |field: &str, code: &str, says: &str| Err(vec![FieldError::new(field, code, says)]);
    match (typed.trim(), reason) {
        ("", "teachers") => Ok(Mark::Exempt(Reason::Teachers)),
        ("", "mixed") => Ok(Mark::Exempt(Reason::Mixed)),
        ("", _) => {
            let says = "请填写预计毕业时间,或者选择无法确定的理由。";
            wrong("month", "required", says)
        }
        (typed, "") => match month::parse(typed, false, Column::Joined) {
            Ok(month) => Ok(Mark::Time(month)),
            Err(_) => wrong("month", "month_malformed", "请写成 2026-06 的样子。"),
        },
        _ => {
            let says = "预计毕业时间和理由只能填一项,请去掉其中一项。";
            wrong("month", "grad_both", says)
        }
    }
}

/// The effect of a month whose day has passed, before it happens.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "graduation/check.html")]
pub struct Check {
    #[serde(skip)]
    frame: Frame,
    form: MarksForm,
    label: String,
    branches: Vec<String>,
    members: i64,
    #[serde(skip)]
    base: String,
}
page!(Check);

/// `POST /o/{org}/graduation/marks`.
pub async fn mark(mut v: Visit, Form(form): Form<MarksForm>) -> Result<Answer, Failure> {
    let done = if form.suggested {
        graduation::mark_suggested(&mut v.cx).await
    } else {
        match form.mark() {
            Err(errors) => return wrong(v, form, errors).await,
            Ok(mark) => {
                if turns_at_once(&v, mark)? && !form.sure && v.face() != Face::Json {
                    if form.only.is_empty() {
                        let says = "请先勾选要标记的团支部。";
                        let error = FieldError::new("only", "grad_none_chosen", says);
                        return wrong(v, form, vec![error]).await;
                    }
                    let to = format!("{}/graduation", v.base()?);
                    return v.carry(&to).await;
                }
                graduation::mark(&mut v.cx, &form.only, mark).await
            }
        }
    };
    let done = match done {
        Ok(done) => done,
        Err(Error::Invalid(errors)) => return wrong(v, form, errors).await,
        Err(other) => return Err(other.into()),
    };
    if done.done == 0 && done.skipped.is_empty() {
        return Err(nothing_marked(&v.base()?).into());
    }
    if done.done == 0 && !done.skipped.is_empty() && v.face() != Face::Json {
        let error = |s: &graduation::Skipped| {
            FieldError::new("only", "grad_skipped", format!("{}:{}", s.name, s.why))
        };
        let errors = done.skipped.iter().take(5).map(error).collect();
        return wrong(v, form, errors).await;
    }
    let turns = match done.at_once {
        0 => "转换日之前都可以更正。".to_owned(),
        n => format!("其中 {n} 个的转换日已过,几分钟内转为毕业生团组织。"),
    };
    let rest = left_out(&done.skipped, "个");
    let words = format!("已标记{}个团支部。{turns}{rest}", done.done);
    let tab = STATES.iter().find(|(t, ..)| *t == form.tab).map_or("", |(_, word, _)| *word);
    let to = format!("{}/graduation?tab={tab}", v.base()?);
    v.done_with(to, words, serde_json::json!(done)).await
}

/// Nothing was there to be marked: no success, and what to do instead.
fn nothing_marked(base: &str) -> Error {
    let says = "没有标记任何团支部：名称能看出毕业时间的都已经标记过了。\
         名称看不出的，请在列表里勾选后自己填写预计毕业时间。";
    let refusal = app::Refusal::new("grad_nothing", says);
    Error::refused(refusal.way("看未标记的团支部", format!("{base}/graduation?tab=unmarked")))
}

fn turns_at_once(v: &Visit, mark: Mark) -> Result<bool, Failure> {
    let org = v.cx.org()?;
    let today = clock::day(v.cx.now());
    let graduation = &Rules::builtin().graduation;
    Ok(mark.month().is_some_and(|month| {
        graduation.is_plausible(month, today) && graduation.is_due(month, &org.province, today)
    }))
}

async fn check(mut v: Visit, form: MarksForm, mark: Mark) -> Result<Answer, Failure> {
    let (mut branches, mut members) = (Vec::new(), 0);
    for code in form.only.iter().take(graduation::MOST) {
        let org = super::below(&mut v, code).await?;
        members += app::stats::of(&mut v.cx, &org).await?.own.members;
        branches.push(org.short_name);
    }
    let page = Check {
        frame: v.frame("核对:马上转换", "/graduation").await?,
        label: mark.label(),
        branches,
        members,
        base: v.base()?,
        form,
    };
    v.show(page).await
}

async fn wrong(mut v: Visit, form: MarksForm, errors: Vec<FieldError>) -> Result<Answer, Failure> {
    let asked = Asked { tab: form.tab, after: String::new() };
    let mut page = blank(&mut v, asked, form).await?;
    page.frame.errors = errors
        .into_iter()
        .map(|e| if e.field == "mark" { FieldError { field: "month".into(), ..e } } else { e })
        .collect();
    v.invalid(page).await
}
