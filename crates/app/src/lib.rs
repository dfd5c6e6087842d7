//! The business of tuanjian: its rules, its use-cases and its SQL. No HTTP here, no pages.
//!
//! Rooms, each with its `sql.rs` that nobody else may call:

/// THE permission table.
pub mod access;
/// 业务: what every kind of approval has in common.
pub mod business;
/// 团干部, 管理员, 换届 and 观察员.
pub mod cadres;
/// What it means when a constraint of the schema refuses a change.
pub mod clash;
/// Time, chance and ids.
pub mod clock;
/// Everything that happens by itself, in one list.
pub mod clockwork;
/// 撤销与恢复, and 待接转团支部.
pub mod closings;
/// 管理员注册码 and 管理员注册.
pub mod codes;
/// Who acts, and the open transaction.
pub mod cx;
/// The demonstration.
pub mod demo;
/// The background work as tasks.
pub mod engine;
/// One error for the whole business.
pub mod error;
/// The audit book.
pub mod events;
/// Exceptions from rules of age, granted by the centre (row 133).
pub mod exceptions;
/// Files made for somebody.
pub mod files;
/// Checks of every invariant.
pub mod fsck;
/// 毕业标记: branches and people who graduate.
pub mod graduation;
/// 组织体检.
pub mod health;
/// The opened program.
pub mod house;
/// One form, one effect.
pub mod idem;
/// 导入团员.
pub mod imports;
/// The queue of jobs.
pub mod jobs;
/// Which ring of keys is written with.
pub mod keyring;
/// Keys and ciphertext.
pub mod keys;
/// Keyed marks of the rows that carry authority.
pub mod marks;
/// Messages in the program and by other channels.
pub mod messages;
/// 团组织: the tree.
pub mod orgs;
/// How much a piece of long work takes at once.
pub mod pace;
/// Persons, members and cadres.
pub mod people;
/// Personal data that masks itself.
pub mod pii;
/// Acts of operators that need two people.
pub mod proposals;
/// Whether the background work is alive.
pub mod pulse;
/// No changes for a while.
pub mod read_only;
/// Moving what is sealed to new keys.
mod rekey;
/// 组织迁移, 合并 and 拆分.
pub mod relocations;
/// A database that came back from a backup.
pub mod restore;
/// The rules as data, and the pure functions that decide with them.
pub mod rules;
/// 学校专区.
pub mod schools;
/// Live counters and completeness.
pub mod stats;
/// The laboratory for tests.
#[cfg(feature = "testkit")]
pub mod testkit;
/// 组织关系转接.
pub mod transfers;
/// Accounts and sign-ins.
pub mod users;

pub use access::{Action, Grant, OrgRef, Permit, Reach, Role, Scope};
pub use cx::{Cx, Origin, Pass, Visitor, Who};
pub use error::{Error, FieldError, Refusal, Result};
pub use house::{Captcha, House, Settings};

/// Which database and how it is opened; for the program's command line.
pub mod storage {
    pub use db::{Db, Isolation, Options, Schema};
}
/// What the program does when it was started only to read one workbook.
pub use sheet::child_main as read_sheet;
