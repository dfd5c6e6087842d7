//! 转换预演: what will happen on the day, changing nothing; and the correction of what has happened,
//! with its effect first (row 123, conflict 14).

use super::{TabLink, marks::read_mark, tabs};
use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Query},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Error, FieldError, clock,
    graduation::{self, Rehearsal, Reversal},
    rules::{Rules, graduation::Mark},
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the address chooses.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    after: String,
}

/// 转换预演.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "graduation/conversion.html")]
pub struct Conversion {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    tabs: Vec<TabLink>,
    rehearsal: Rehearsal,
    #[serde(skip)]
    day: String,
    #[serde(skip)]
    mobile_from: String,
    next: Option<String>,
    #[serde(skip)]
    base: String,
}
page!(Conversion);

/// `GET /o/{org}/graduation/conversion`.
pub async fn show(mut v: Visit, Query(asked): Query<Asked>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let org = v.cx.org()?.clone();
    let after = Some(asked.after.as_str()).filter(|a| !a.is_empty());
    let rehearsal = graduation::rehearse(&mut v.cx, &org, after).await?;
    let mobile = Rules::builtin().graduation.mobile_from(rehearsal.year, &org.province);
    let page = Conversion {
        frame: v.frame("转换预演", "/graduation").await?,
        tabs: tabs(&base, "/conversion"),
        day: super::say_day(&rehearsal.day),
        mobile_from: mobile.map(|day| super::say_day(&day.to_string())).unwrap_or_default(),
        next: rehearsal
            .next
            .as_ref()
            .map(|mark| format!("{base}/graduation/conversion?after={mark}")),
        rehearsal,
        base,
    };
    v.show(page).await
}

/// The other mark, as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CorrectionForm {
    /// `YYYY-MM`.
    pub month: String,
    /// `teachers` or `mixed` instead.
    pub reason: String,
}

/// 更正毕业时间 of a 毕业生团组织.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "graduation/correction.html")]
pub struct Correction {
    #[serde(skip)]
    frame: Frame,
    effect: Reversal,
    #[serde(skip)]
    mark: String,
    #[serde(skip)]
    absent: Option<&'static str>,
    /// Months of this year and earlier keep it a 毕业生团组织.
    turned_year: i16,
    #[serde(skip)]
    form: CorrectionForm,
    #[serde(skip)]
    base: String,
}
page!(Correction);

/// `GET /o/{org}/graduation/correction/{code}`.
pub async fn form(
    mut v: Visit,
    Path((_, code)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let page = correction(&mut v, &code, CorrectionForm::default()).await?;
    v.show(page).await
}

async fn correction(
    v: &mut Visit,
    code: &str,
    form: CorrectionForm,
) -> Result<Correction, Failure> {
    let effect = graduation::reversal(&mut v.cx, code).await?;
    let province = v.cx.org()?.province.clone();
    let today = clock::day(v.cx.now());
    Ok(Correction {
        frame: v.frame("更正毕业时间", "/graduation").await?,
        mark: effect.mark.map(Mark::label).unwrap_or_default(),
        absent: effect.absent.map(app::rules::graduation::Absent::says),
        turned_year: Rules::builtin().graduation.turned_year(&province, today),
        effect,
        form,
        base: v.base()?,
    })
}

/// `POST /o/{org}/graduation/correction/{code}`.
pub async fn correct(
    mut v: Visit,
    Path((_, code)): Path<(String, String)>,
    Form(form): Form<CorrectionForm>,
) -> Result<Answer, Failure> {
    let done = match read_mark(&form.month, &form.reason) {
        Ok(mark) => graduation::correct(&mut v.cx, &code, mark).await,
        Err(errors) => Err(Error::Invalid(errors)),
    };
    match done {
        Ok(lost) => {
            let words = match lost {
                0 => "已更正毕业时间。".to_owned(),
                n => format!("已更正,并恢复为团支部;{n} 名团员的毕业标记已取消。"),
            };
            let to = format!("{}/graduation?tab=graduated", v.base()?);
            v.done_with(to, words, serde_json::json!({ "marks_taken_away": lost })).await
        }
        Err(Error::Invalid(errors)) => {
            let mut page = correction(&mut v, &code, form).await?;
            let month = |e: FieldError| match e.field.as_str() {
                "mark" => FieldError { field: "month".into(), ..e },
                _ => e,
            };
            page.frame.errors = errors.into_iter().map(month).collect();
            v.invalid(page).await
        }
        Err(other) => Err(other.into()),
    }
}
