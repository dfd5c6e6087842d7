//! Special branches of a school (row 128): 延迟毕业团支部, 出国(境)学习研究团员团支部,
//! 毕业学生流动团员团支部, and how long their people have been kept (row 195).

use super::{list::within, sql};
use crate::{
    Action, Cx, Error, OrgRef, Refusal, Result,
    clock::{Millis, beijing},
    events::Event,
    orgs::{self, Category, New},
    rules::{Rules, graduation::Special},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// The kinds that may be created.
pub fn kinds() -> &'static [Special] {
    &Rules::builtin().graduation.specials
}

/// A special branch and how long it keeps its people.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Kept {
    pub code: String,
    pub name: String,
    pub kind: String,
    pub kind_name: String,
    pub members: i64,
    /// Kept longer than usual (6 months); counted for 毕业学生流动团员 only.
    pub over_usual: i64,
    /// Kept longer than at most (12 months).
    pub over_most: i64,
}

/// The special branches of `under` and below; fifty at most.
pub async fn list(cx: &mut Cx, under: &OrgRef) -> Result<Vec<Kept>> {
    let scope = within(cx, under)?;
    let retention = &Rules::builtin().policy.retention;
    let usual = months_before(cx.now(), retention.school_mobile_months);
    let most = months_before(cx.now(), retention.school_mobile_max_months);
    let rows = sql::special(cx, (&scope.lo, &scope.hi), usual, most).await?;
    let kept = |row: sql::SpecialRow| {
        let counts = row.kind == "SCHOOL_MOBILE";
        Kept {
            kind_name: Rules::builtin()
                .graduation
                .special(&row.kind)
                .map(|s| s.name.clone())
                .unwrap_or_default(),
            code: row.code,
            name: row.short_name,
            kind: row.kind,
            members: row.members,
            over_usual: if counts { row.over_usual } else { 0 },
            over_most: if counts { row.over_most } else { 0 },
        }
    };
    Ok(rows.into_iter().map(kept).collect())
}

fn months_before(at: Millis, months: i64) -> Millis {
    let span = jiff::Span::new().try_months(months).unwrap_or_default();
    beijing(at).checked_sub(span).map_or(at, |then| then.timestamp().as_millisecond())
}

/// Creates a special branch directly below the organisation acted for, which is a school's.
/// Errors: those of `orgs::create_child`; `Refused` (`special_not_school`) elsewhere.
pub async fn create(cx: &mut Cx, kind: &str, short_name: &str) -> Result<OrgRef> {
    let parent = cx.org()?.clone();
    let Some(row) = Rules::builtin().graduation.special(kind) else {
        return Err(Error::field("kind", "required", "请选择团支部的种类。"));
    };
    let industry = sql::industry(cx, parent.id).await?;
    let school = industry
        .as_deref()
        .and_then(|code| Rules::builtin().tree.industry(code))
        .is_some_and(|row| row.graduation_markable);
    if !school || parent.category.owns_members() || parent.category == Category::Lead {
        let says = "这些团支部由学校的团委、团工委或团总支创建。";
        return Err(Error::refused(Refusal::new("special_not_school", says)));
    }
    let typed = short_name.trim();
    let new = New {
        short_name: if typed.is_empty() { row.name.clone() } else { typed.to_owned() },
        full_name: None,
        category: Category::Branch,
        industry,
    };
    let made = orgs::create_child(cx, &parent, new).await?;
    let permit = cx.permit(Action::MarkGraduation, &made)?;
    if !sql::make_special(cx, &permit, &made, kind).await? {
        return Err(Error::Retry);
    }
    let detail = json!({ "special_kind": kind, "after": "mixed" });
    let event = Event::new("org.made_special", "org", made.id.0).at(&made.path).detail(detail);
    cx.record(permit, event).await?;
    Ok(made)
}
