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
use std::collections::{BTreeSet, HashMap, HashSet};

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

/// The school that each of these organisations belongs to, by their paths: the nearest the root of
/// its line that is of the school sector, perhaps itself. Two statements for all of them.
pub async fn schools_of(cx: &mut Cx, paths: &[&str]) -> Result<HashMap<String, OrgRef>> {
    let line = |path: &str| -> Vec<String> {
        (3..=path.len()).step_by(3).filter_map(|n| path.get(..n)).map(str::to_owned).collect()
    };
    let wanted: BTreeSet<String> = paths.iter().flat_map(|path| line(path)).collect();
    let rows = wanted.into_iter().map(|path| vec![path.into()]).collect();
    let sector: HashSet<String> =
        sql::of_the_sector(cx, rows).await?.into_iter().map(|(path,)| path).collect();
    let first = |path: &&str| line(path).into_iter().find(|step| sector.contains(step));
    let tops: BTreeSet<String> = paths.iter().filter_map(first).collect();
    let schools = orgs::at_paths(cx, tops.into_iter().collect()).await?;
    let schools: HashMap<&str, &OrgRef> = schools.iter().map(|s| (s.path.as_str(), s)).collect();
    let school = |path: &&str| {
        let top = first(path)?;
        Some(((*path).to_owned(), (*schools.get(top.as_str())?).clone()))
    };
    Ok(paths.iter().filter_map(school).collect())
}

/// The next schools of the nation in organisation order, from behind the path `after` on. For the
/// clockwork.
pub async fn next_schools(cx: &mut Cx, after: &str, limit: i64) -> Result<Vec<OrgRef>> {
    let from = if after.is_empty() { String::new() } else { format!("{after}~") };
    let paths = sql::next(cx, &from, "~", limit).await?;
    orgs::at_paths(cx, paths.into_iter().map(|(path,)| path).collect()).await
}

/// Whether the industry is one of the school sector.
pub fn is_school(industry: &str) -> bool {
    Rules::builtin().tree.industry(industry).is_some_and(|row| row.is_school)
}
