//! 毕业时间与毕业团员 (A48 first tab, A24, B.8): marking branches, the rehearsed conversion, the list
//! of graduates with their marks, special branches.

/// The conversion, rehearsed, and its correction.
pub mod conversion;
/// Marking branches.
pub mod marks;
/// 名单: marking people.
pub mod people;
/// Special branches.
pub mod special;

use crate::{error::Failure, visit::Visit};
use app::{Error, OrgRef, graduation::Skipped};
use schemars::JsonSchema;
use serde::Serialize;

/// A tab of the page.
#[derive(Serialize, JsonSchema)]
pub struct TabLink {
    label: &'static str,
    href: String,
    current: bool,
    count: Option<i64>,
}

/// The tabs of the graduation pages; `at` is the path below `/graduation`.
fn tabs(base: &str, at: &str) -> Vec<TabLink> {
    [("标记", ""), ("名单", "/people"), ("转换预演", "/conversion"), ("特殊团支部", "/special")]
        .into_iter()
        .map(|(label, path)| TabLink {
            label,
            href: format!("{base}/graduation{path}"),
            current: path == at,
            count: None,
        })
        .collect()
}

/// The organisation of the address or one below it, by its code.
async fn below(v: &mut Visit, code: &str) -> Result<OrgRef, Failure> {
    let own = v.cx.org()?.clone();
    if code.is_empty() || code == own.code {
        return Ok(own);
    }
    let org = app::orgs::by_code(&mut v.cx, code).await?;
    if v.cx.may(app::Action::SeeOrg, &org.path) { Ok(org) } else { Err(Error::NotFound.into()) }
}

/// Who was left out and why, for the sentence after a form: three by name.
fn left_out(skipped: &[Skipped], unit: &str) -> String {
    if skipped.is_empty() {
        return String::new();
    }
    let some: Vec<String> =
        skipped.iter().take(3).map(|s| format!("{}：{}", s.name, s.why)).collect();
    let more = if skipped.len() > 3 { "……" } else { "" };
    format!("有{}{unit}没有标记。{}{more}", skipped.len(), some.join(" "))
}

/// `2026年7月1日` of `2026-07-01`.
fn say_day(day: &str) -> String {
    let part = |n: usize| day.split('-').nth(n).unwrap_or_default().trim_start_matches('0');
    format!("{}年{}月{}日", part(0), part(1), part(2))
}
