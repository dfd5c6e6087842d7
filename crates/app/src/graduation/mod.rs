//! 毕业标记: when branches of schools graduate, their turn into 毕业生团组织 on the set day, and the
//! marks of the people in them (rows 118-130, D7, decision 0018). Pages and the clockwork call it.

mod conversion;
mod list;
mod marks;
mod notices;
mod persons;
mod rehearsal;
mod special;
mod sql;

pub use conversion::{Rehearsal, Reversal, convert_due, correct, rehearse, reversal, turn};
pub use list::{Branch, Page, Tab, Unmarked, branches, hint, suggested};
pub use marks::{Marked, Skipped, mark, mark_suggested};
pub use notices::announce;
pub use persons::{PeopleMarked, mark_people};
pub use rehearsal::{Count, Sum, rehearse_all};
pub use special::{Kept, create as create_special, kinds, list as special_branches};

use crate::{
    Cx, Error, OrgRef, Permit, Result, events, events::Event, orgs::Category, rules::Rules,
};

/// Branches that are marked in one go; the page offers the rest again.
pub const MOST: usize = 300;

/// The industries whose branches are marked, as rows for a statement.
fn markable() -> db::Rows {
    let rows = &Rules::builtin().tree.industries;
    rows.iter()
        .filter(|row| row.graduation_markable)
        .map(|row| vec![row.code.as_str().into()])
        .collect()
}

/// An organisation out of a row's columns.
fn org(row: &sql::Row) -> Result<OrgRef> {
    let category = Category::from_code(&row.category)
        .ok_or_else(|| Error::Broken("an organisation has an unknown category".into()))?;
    Ok(OrgRef {
        id: crate::orgs::OrgId(row.id),
        code: row.code.clone(),
        path: row.path.clone(),
        short_name: row.short_name.clone(),
        category,
        province: row.province.clone(),
    })
}

/// Writes many events under one permit and uses it up; gives it back when there are none.
async fn record_all(cx: &mut Cx, permit: Permit, mut all: Vec<Event>) -> Result<()> {
    let Some(last) = all.pop() else {
        cx.return_unused(permit);
        return Ok(());
    };
    events::write_many(cx, &permit, all).await?;
    cx.record(permit, last).await
}
