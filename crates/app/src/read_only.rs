//! No changes for a while: people sign in and read, nothing else is taken, jobs and deadlines wait.
//! Switched for all nodes while they run, by a row; a program can also be started so. What signing
//! in needs is still written (attempts, the session, its audit rows), and the audit book is sealed.

use crate::{Action, Cx, House, Refusal, Result, Who, act, error::Error, events::Event};
use db::{args, sql};
use serde::{Deserialize, Serialize};

/// The switch as it was last set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    pub on: bool,
    /// When, and by whom.
    pub at: i64,
    pub by: String,
    /// What everybody reads above every page.
    pub reason: String,
}

/// The switch, if anybody has ever set it.
pub async fn switch(cx: &mut Cx) -> Result<Option<Switch>> {
    let found: Option<(String,)> =
        cx.tx.opt(sql!("SELECT value FROM setting WHERE name = 'read_only'"), &[]).await?;
    Ok(found.and_then(|(value,)| serde_json::from_str(&value).ok()))
}

/// Sets the switch for all nodes; each follows within a second or two.
pub async fn set(cx: &mut Cx, on: bool, reason: &str) -> Result<()> {
    let reason = reason.trim();
    if reason.chars().count() > 100 {
        let said = "说明请在 100 字以内。";
        return Err(Error::field("reason", "too_long", said));
    }
    let permit = match cx.who() {
        Who::System(_) => cx.permit_system(Action::RunSystem)?,
        _ => cx.permit_here(Action::Operate)?,
    };
    let now_on = switch(cx).await?.is_some_and(|switch| switch.on) || cx.house().is_read_only();
    if now_on == on {
        let said =
            if on { "现在已经是只读状态。" } else { "现在已经可以正常办理。" };
        cx.return_unused(permit);
        return Err(Error::conflict(Refusal::new("read_only_same", said)));
    }
    let (at, by) = (cx.now(), cx.actor_name().to_owned());
    let switch = Switch { on, at, by, reason: reason.into() };
    let value = serde_json::to_string(&switch).map_err(|e| Error::Broken(e.to_string()))?;
    cx.tx
        .run(
            sql!("INSERT INTO setting (name, value) VALUES ('read_only', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value"),
            args![&value],
        )
        .await?;
    let kind = if on { "system.read_only" } else { "system.writable" };
    let detail = serde_json::json!({ "reason": reason });
    cx.record(permit, Event::new(kind, "setting", 0).detail(detail)).await
}

/// Looks at the switch and does as it says, if it was set since the last look. A program that was
/// started as read-only stays so until somebody sets the switch.
pub async fn follow(house: &House) -> Result<()> {
    let mut cx = house.read(Who::System("read-only")).await?;
    let found = switch(&mut cx).await?;
    drop(cx);
    house.obey(found);
    Ok(())
}

/// The same by command, for `tuanjian read-only`.
pub async fn set_by_command(house: &House, on: bool, reason: &str) -> Result<()> {
    act!(house, Who::System("tuanjian read-only"), |cx| set(cx, on, reason).await)
}
