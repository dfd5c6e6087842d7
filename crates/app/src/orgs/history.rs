//! 修改记录: what was changed in an organisation's information, by whom, when, from what to what;
//! read from the audit book.

use super::{Category, edit, sql};
use crate::{Action, Cx, Error, OrgRef, Result, clock::show_time, rules::Rules};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

/// One thing that was done.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Step {
    /// Beijing time.
    pub at: String,
    pub who: String,
    /// The organisation that she acted for.
    pub acting: Option<String>,
    pub what: String,
    /// Field, before, after.
    pub changes: Vec<(String, String, String)>,
}

/// A page of the history, newest first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct History {
    pub steps: Vec<Step>,
    /// Mark of the next page.
    pub next: Option<String>,
}

/// What was done with an organisation, for its own administrators and the direct superior's.
pub async fn history(
    cx: &mut Cx,
    org: &OrgRef,
    before: Option<&str>,
    limit: i64,
) -> Result<History> {
    if !cx.may(Action::SeeOrg, &org.path) {
        return Err(Error::NotFound);
    }
    if !cx.may(Action::SeeEvents, &org.path) {
        return Err(crate::access::forbidden(Action::SeeEvents));
    }
    let before = before.and_then(|mark| mark.parse().ok()).unwrap_or(i64::MAX);
    let limit = limit.clamp(1, 200);
    let mut found = sql::history(cx, org.id.0, before, limit + 1).await?;
    let more = found.len() as i64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or(50));
    let next = found.last().filter(|_| more).map(|told| told.id.to_string());
    Ok(History { steps: found.into_iter().map(step).collect(), next })
}

fn step(told: sql::Told) -> Step {
    let detail: Json = serde_json::from_str(&told.detail).unwrap_or_default();
    Step {
        at: show_time(told.at),
        who: told.actor,
        acting: told.acting,
        what: what(&told.kind, &detail),
        changes: changes(&detail),
    }
}

fn what(kind: &str, detail: &Json) -> String {
    let word = match kind {
        "org.created" => "创建组织",
        "org.edited" => "修改组织信息",
        "org.category_changed" => "更改组织类别",
        "org.admin_registered" => "用注册码成为管理员",
        "org.first_admin" => "成为第一位管理员",
        _ => "办理组织事项",
    };
    match detail["name"].as_str().or_else(|| detail["short_name"].as_str()) {
        Some(name) => format!("{word}:{name}"),
        None => word.to_owned(),
    }
}

/// The fields with both values, in the form's order.
pub(super) fn changes(detail: &Json) -> Vec<(String, String, String)> {
    let (Some(before), Some(after)) = (detail["before"].as_object(), detail["after"].as_object())
    else {
        return Vec::new();
    };
    let mut fields: Vec<&String> = after.keys().chain(before.keys()).collect();
    fields.sort_by_key(|field| edit::place_of(field));
    fields.dedup();
    let show = |field: &str, values: &serde_json::Map<String, Json>| {
        let value = values.get(field);
        match value.and_then(Json::as_str) {
            Some(text) => word(field, text),
            None => value.filter(|v| !v.is_null()).map(Json::to_string).unwrap_or_default(),
        }
    };
    fields
        .into_iter()
        .map(|field| (edit::label_of(field).to_owned(), show(field, before), show(field, after)))
        .collect()
}

/// Codes as the words of the tables.
fn word(field: &str, value: &str) -> String {
    match field {
        "industry" => Rules::builtin()
            .tree
            .industry(value)
            .map_or_else(|| value.to_owned(), |row| row.level2.clone()),
        "category" => {
            Category::from_code(value).map_or_else(|| value.to_owned(), |c| c.label().to_owned())
        }
        _ => value.to_owned(),
    }
}
