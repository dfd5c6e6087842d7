//! Which changed figures are in force: read out of the table when something changed or a new day has
//! begun, at most every few seconds, by every node for itself.

use super::sql;
use crate::{
    Cx, Error, Result,
    clock::day,
    rules::{
        Rules,
        rows::{self, Change},
    },
};

/// A change of a figure, in force, past or planned.
#[derive(Clone, Debug)]
pub struct Planned {
    pub name: String,
    pub value: String,
    /// First day.
    pub valid_from: String,
    /// Last day, if it ends by itself.
    pub valid_until: Option<String>,
    /// Number of the proposal.
    pub no: String,
    pub proposer: String,
    pub decider: String,
}

impl Planned {
    /// What of which table, in words; for rows of tables.
    pub fn row(&self) -> Option<(String, String)> {
        let rules = Rules::builtin();
        let (table, key) = rows::read_name(&self.name)?;
        let (what, cells) = match serde_json::from_str(&self.value).ok()? {
            Change::Set(cells) => ("修改", cells),
            Change::End => {
                let row = table.rows(rules).into_iter().find(|row| row.key == key);
                ("停用", row.map(|row| row.cells).unwrap_or_default())
            }
        };
        Some((
            format!("{}:{}", table.label, super::rules::called(table, &cells, rules)),
            what.into(),
        ))
    }
}

/// Puts the figures in force that the table says, if they are others than those this node uses.
pub async fn keep_rules_in_force(cx: &mut Cx) -> Result<()> {
    let today = day(cx.now()).to_string();
    let newest = sql::newest_change(cx).await?;
    let mark = format!("{newest} {today}");
    if Rules::mark() == mark || (newest == 0 && Rules::mark().is_empty()) {
        return Ok(());
    }
    let changes = sql::changes_until(cx, &today).await?;
    let rules = Rules::with(&changes).map_err(Error::Broken)?;
    Rules::put_in_force(rules, mark);
    Ok(())
}

/// Every change of figures, the newest first.
pub async fn planned(cx: &mut Cx) -> Result<Vec<Planned>> {
    super::operator(cx)?;
    sql::planned(cx).await
}
