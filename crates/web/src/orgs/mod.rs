//! The pages of the tree: organisation information, direct children, creating one, the card, and
//! the picker (A6 to A8, W7).

/// 组织操作记录.
pub mod audit;
/// 组织名片.
pub mod card;
/// 更改组织类别.
pub mod category;
/// 管理下级组织: table and tree.
pub mod children;
/// 创建下级组织.
pub mod create;
/// 修改记录.
pub mod history;
/// 组织信息.
pub mod info;
/// 调整下级组织的顺序.
pub mod order;
/// 选择团组织.
pub mod picker;
/// 组织录入进度.
pub mod progress;

use app::{Cx, Error, OrgRef};

/// The organisation of an address below the one acted for: what is not hers, isn't there.
async fn below(cx: &mut Cx, code: &str) -> Result<OrgRef, Error> {
    let org = app::orgs::by_code(cx, code).await?;
    if cx.may(app::Action::SeeOrg, &org.path) { Ok(org) } else { Err(Error::NotFound) }
}

/// The industries as a select offers them, `(key, 学校 / 普通高中)`; `now`: the present one.
pub(crate) fn industries(now: &str) -> Vec<(&'static str, String)> {
    let rows = &app::rules::Rules::builtin().tree.industries;
    let words = |row: &'static app::rules::tree::IndustryRow| {
        let name = if row.level1 == row.level2 {
            row.level2.clone()
        } else {
            format!("{} / {}", row.level1, row.level2)
        };
        (row.code.as_str(), name)
    };
    // One that was ended stays with the organisations that have it.
    rows.iter().filter(|row| row.listed || row.code == now).map(words).collect()
}
