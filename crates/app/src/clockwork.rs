//! The clockwork: everything that happens by itself, in one list. Each entry has its own cadence and
//! its own task ([`crate::engine`]); a lease in the database lets one node have the turn.

use crate::{
    Action, Cx, House, Result, Who, act,
    clock::{HOUR, MINUTE, Millis},
    engine::caught,
    events::Event,
};
use db::{args, sql};
use std::time::Duration;

/// One scheduled task.
pub struct Wheel {
    pub name: &'static str,
    pub every: Millis,
    /// Also while the program takes no changes: what signing in leaves behind, and figures.
    pub always: bool,
    pub turn: fn(House) -> Running,
}
/// A turn under way.
pub type Running = std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>>;

macro_rules! wheel {
    ($name:literal, $every:expr, $turn:expr) => {
        Wheel { always: false, ..wheel!($name, always $every, $turn) }
    };
    ($name:literal, always $every:expr, $turn:expr) => {
        Wheel {
            name: $name,
            every: $every,
            always: true,
            turn: |house| Box::pin(async move { $turn(&house).await }),
        }
    };
}

const SECOND: Millis = 1000;

/// The clockwork: everything that happens by itself, in one list.
pub(crate) const CLOCKWORK: &[Wheel] = &[
    wheel!("seal", always SECOND, seal),
    wheel!("fold", always SECOND, crate::stats::turn),
    wheel!("history", always 5 * SECOND, crate::stats::move_history),
    wheel!("sweep", always HOUR, crate::users::sessions::sweep),
    wheel!("imports", HOUR, crate::imports::sweep),
    wheel!("letters nobody carries", 10 * MINUTE, crate::messages::warn_unserved),
    wheel!("old files", HOUR, old_files),
    wheel!("code reminders", HOUR, code_reminders),
    wheel!("old messages", HOUR, crate::messages::forget_old),
    wheel!("graduation", 10 * SECOND, crate::graduation::turn),
    wheel!("graduation ahead", 10 * MINUTE, crate::graduation::announce),
    wheel!("overdue transfers", MINUTE, overdue_transfers),
    wheel!("orphaned transfers", HOUR, orphaned_transfers),
    wheel!("closed undos", HOUR, closed_undos),
    wheel!("transfer reminders", 10 * MINUTE, transfer_reminders),
    wheel!("overdue proposals", MINUTE, crate::proposals::expire_due),
    wheel!("rejudge", MINUTE, crate::people::look_at_rules),
    wheel!("admin confirmations", HOUR, admin_confirmations),
    wheel!("unused rights", HOUR, unused_rights),
    wheel!("terms", HOUR, terms),
    wheel!("overdue relocations", MINUTE, overdue_relocations),
    wheel!("orphaned relocations", HOUR, orphaned_relocations),
    wheel!("relocation reminders", 10 * MINUTE, relocation_reminders),
    wheel!("closings", HOUR, crate::closings::finish_due),
    wheel!("check-up", 5 * SECOND, crate::health::turn),
    wheel!("check-up round", MINUTE, crate::health::round),
    wheel!("holding branches", HOUR, crate::closings::remind_due),
];

async fn old_files(house: &House) -> Result<()> {
    loop {
        let gone = act!(house, Who::System("old files"), |cx| {
            let permit = cx.permit_system(Action::RunSystem)?;
            let gone = crate::files::sweep(cx, &permit).await?;
            if gone == 0 {
                cx.return_unused(permit);
            } else {
                let event = Event::new("files.swept", "file", 0);
                cx.record(permit, event.detail(serde_json::json!({ "files": gone }))).await?;
            }
            Ok(gone)
        })?;
        if gone == 0 {
            return Ok(());
        }
    }
}

async fn code_reminders(house: &House) -> Result<()> {
    crate::codes::remind_due(house).await.map(|_| ())
}
async fn overdue_transfers(house: &House) -> Result<()> {
    crate::transfers::expire_due(house).await.map(|_| ())
}
async fn orphaned_transfers(house: &House) -> Result<()> {
    crate::transfers::cancel_orphans(house).await.map(|_| ())
}
async fn closed_undos(house: &House) -> Result<()> {
    crate::transfers::forget_undos(house).await.map(|_| ())
}
async fn transfer_reminders(house: &House) -> Result<()> {
    crate::transfers::remind_due(house).await.map(|_| ())
}

async fn admin_confirmations(house: &House) -> Result<()> {
    crate::cadres::remind_confirmations(house).await.map(|_| ())
}
async fn unused_rights(house: &House) -> Result<()> {
    crate::cadres::idle::rest_unused(house).await.map(|_| ())
}
async fn terms(house: &House) -> Result<()> {
    crate::cadres::remind_terms(house).await.map(|_| ())
}
async fn overdue_relocations(house: &House) -> Result<()> {
    crate::relocations::expire_due(house).await.map(|_| ())
}
async fn orphaned_relocations(house: &House) -> Result<()> {
    crate::relocations::cancel_orphans(house).await.map(|_| ())
}
async fn relocation_reminders(house: &House) -> Result<()> {
    crate::relocations::remind_due(house).await.map(|_| ())
}

async fn seal(house: &House) -> Result<()> {
    loop {
        let (count, newest) = crate::events::seal(house, 2000).await?;
        if let Some(newest) = newest.filter(|_| count > 0) {
            crate::events::note_seal(house, &newest)?;
        }
        if count < 2000 {
            return Ok(());
        }
    }
}

/// The longest that a task sleeps before it looks whether another node's turn is overdue.
const LONGEST_SLEEP: Millis = MINUTE;

/// Turns every wheel that is due, each on one node only. For tests: move the clock, tick.
pub async fn tick(house: &House) -> Result<()> {
    house.look_at_anchor().await?;
    for wheel in CLOCKWORK {
        if take_turn(house, wheel).await?.is_some() {
            continue;
        }
        if let Err(e) = (wheel.turn)(house.clone()).await {
            tracing::warn!(wheel = wheel.name, error = %e, "the clockwork stumbled");
        }
    }
    Ok(())
}

/// Turns one wheel, if it is due and no other node's turn; returns how long to sleep.
pub(crate) async fn turn(house: &House, wheel: &Wheel) -> Result<Duration> {
    if let Some(until) = take_turn(house, wheel).await? {
        let rest = (until - house.now()).clamp(SECOND / 4, LONGEST_SLEEP);
        return Ok(millis(rest));
    }
    let done = caught((wheel.turn)(house.clone())).await;
    if !matches!(done, Ok(Ok(()))) {
        // Not in an hour, when this was a turn of an hour: again after the pause of the failed.
        again(house, wheel).await?;
    }
    match done {
        Ok(done) => done.map(|()| millis(wheel.every.min(LONGEST_SLEEP))),
        Err(said) => std::panic::resume_unwind(Box::new(said)),
    }
}

fn millis(millis: Millis) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

/// Takes the turn; or says when it may be taken. Looks before it writes: on SQLite there is one
/// writer, and most looks find nothing to do.
async fn take_turn(house: &House, wheel: &Wheel) -> Result<Option<Millis>> {
    house.look_at_anchor().await?;
    if house.is_restored() || (house.is_read_only() && !wheel.always) {
        return Ok(Some(house.now() + SECOND));
    }
    let mut cx = house.read(Who::System("clockwork")).await?;
    let until: Option<(Millis,)> =
        cx.tx.opt(sql!("SELECT until FROM lease WHERE name = $1"), args![wheel.name]).await?;
    drop(cx);
    if let Some((until,)) = until
        && until > house.now()
    {
        return Ok(Some(until));
    }
    let mine = act!(house, Who::System("clockwork"), |cx| {
        let now = cx.now();
        let mine = cx
            .tx
            .run(
                sql!("INSERT INTO lease (name, owner, until, ran_at) VALUES ($1, $4, $2, $3) ON CONFLICT (name) DO UPDATE SET until = excluded.until, ran_at = excluded.ran_at, owner = excluded.owner WHERE lease.until <= $3"),
                args![wheel.name, now + wheel.every, now, house.node()],
            )
            .await?;
        Ok(mine == 1)
    })?;
    Ok((!mine).then(|| house.now() + wheel.every))
}

/// A turn that failed is due again.
async fn again(house: &House, wheel: &Wheel) -> Result<()> {
    act!(house, Who::System("clockwork"), |cx| {
        cx.tx
            .run(sql!("UPDATE lease SET until = $1 WHERE name = $2"), args![cx.now(), wheel.name])
            .await?;
        Ok(())
    })
}

db::row! {
    /// When a scheduled task last had its turn, on whatever node.
    #[derive(Clone, Debug)]
    pub struct LastTurn {
        pub name: String,
        pub ran_at: i64,
    }
}

/// When each scheduled task last had its turn, on whatever node.
pub async fn last_turns(cx: &mut Cx) -> Result<Vec<LastTurn>> {
    cx.scope(Action::Operate)?;
    let turns: Vec<LastTurn> =
        cx.tx.all(sql!("SELECT name, ran_at FROM lease ORDER BY name LIMIT 200"), &[]).await?;
    let scheduled = |turn: &LastTurn| CLOCKWORK.iter().any(|wheel| wheel.name == turn.name);
    Ok(turns.into_iter().filter(scheduled).collect())
}
