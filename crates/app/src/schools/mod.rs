//! 学校专区 (rows 55-57, A49, A50): schools that are missing, how far each has come with its entries,
//! 学校机构编号, and the statement of a school that is closed, merged or renamed.

mod code;
mod progress;
mod sql;
mod statement;

pub use code::{Seat, WhyNot, clear_code, seat, set_code};
pub use progress::{Page, School, schools, workbook};
pub use statement::{Kind, Statement, state};

use crate::{
    Cx, Error, OrgRef, Result,
    orgs::{self, New},
    rules::Rules,
};

/// Creates a missing school directly below the organisation acted for (row 55 a). The same as any
/// child, but its industry must be a school's.
pub async fn create(cx: &mut Cx, new: New) -> Result<OrgRef> {
    let parent = cx.org()?.clone();
    if !new.industry.as_deref().is_some_and(is_school) {
        let says = "请选择学校的种类;不是学校的组织请用“创建下级组织”。";
        return Err(Error::field("industry", "school_industry", says));
    }
    orgs::create_child(cx, &parent, new).await
}

/// Whether the industry is one of the school sector.
pub fn is_school(industry: &str) -> bool {
    Rules::builtin().tree.industry(industry).is_some_and(|row| row.is_school)
}
