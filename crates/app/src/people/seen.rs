//! 谁看过我: every look at one's own numbers, every list of whole numbers that she stood in, every
//! change by somebody else, with day, organisation and role of who did it (security a-7, a-10).

use super::sql::consent;
use crate::{
    Cx, Result,
    access::{admin_role, role_name},
    orgs::Category,
    rules::Column,
};

/// Entries of a page.
pub const SIZE: usize = 50;

/// One entry.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Where the next page begins.
    pub id: i64,
    pub at: i64,
    pub what: String,
    pub org: String,
    pub role: String,
}

/// One's own entries older than `before`, newest first: a page, and whether there are more.
pub async fn mine(cx: &mut Cx, before: Option<i64>) -> Result<(Vec<Seen>, bool)> {
    let me = cx.visitor()?.person;
    let limit = i64::try_from(SIZE).unwrap_or(50) + 1;
    let rows = consent::looks(cx, me, before.unwrap_or(i64::MAX), limit).await?;
    let more = rows.len() > SIZE;
    Ok((rows.into_iter().take(SIZE).map(entry).collect(), more))
}

fn entry(row: consent::Look) -> Seen {
    let detail: serde_json::Value = serde_json::from_str(&row.detail).unwrap_or_default();
    let word = |key: &str| detail[key].as_str().unwrap_or_default().to_owned();
    let reason = match word("reason") {
        reason if reason.is_empty() => String::new(),
        reason => format!("，原因：{reason}"),
    };
    let what = match row.kind.as_str() {
        "person.revealed" => {
            let label = Column::from_key(&word("field")).map_or("资料", Column::label);
            format!("查看了完整的{label}{reason}")
        }
        "person.exported" => format!("导出了含你完整号码的名单（{}）{reason}", word("no")),
        "person.looked_up" => "用你的姓名和证件号查找过你".to_owned(),
        _ => "修改了你的资料".to_owned(),
    };
    let acting = row.category.as_deref().and_then(Category::from_code);
    let depth = usize::try_from(row.depth.unwrap_or(0)).unwrap_or(0);
    let role = match (acting, word("role")) {
        (_, role) if !role.is_empty() => role,
        (Some(category), _) => role_name(admin_role(category, depth)).to_owned(),
        (None, _) => "系统".to_owned(),
    };
    let org = Some(word("org")).filter(|org| !org.is_empty()).or(row.org_name).unwrap_or_default();
    Seen { id: row.id, at: row.at, what, org, role }
}
