//! Work that outlives a request: a queue in the database and one list of clockwork. A job is put
//! in with the transaction that needs it, claimed under a lease, and may be run again after a
//! crash: every job must come to the same end when it is repeated.

use crate::{
    Action, Cx, Error, House, OrgRef, Result, Who, act,
    clock::{HOUR, MINUTE, Millis},
    events::Event,
    people::PersonId,
};
use db::{args, sql};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::time::Duration;

db::id!(
    /// A job.
    JobId
);

/// Everything that is done in the background.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Job {
    /// Moves what is encrypted with old keys over to the newest ones, piece by piece.
    Rekey,
    /// Judges anew who is complete, when the rules that say so have changed.
    Rejudge,
    /// A long list of members as a workbook.
    ExportMembers(Box<crate::people::export::Order>),
    /// A long list of the check-up as a workbook.
    ExportHealth(Box<crate::health::export::Order>),
    /// Registration codes for many direct children.
    IssueCodes(crate::codes::Order),
    /// What is good of an import, in pieces; `total` rows were good when it began.
    Import { import: i64, total: i64 },
}
impl Job {
    fn kind(&self) -> &'static str {
        match self {
            Self::Rekey => "rekey",
            Self::Rejudge => "rejudge",
            Self::ExportMembers(_) => "export_members",
            Self::ExportHealth(_) => "export_health",
            Self::IssueCodes(_) => "issue_codes",
            Self::Import { .. } => "import",
        }
    }
    /// Jobs of one key wait or run at most once at a time.
    fn unique_key(&self) -> Option<String> {
        match self {
            Self::Rekey => Some("rekey".into()),
            Self::Rejudge => Some("rejudge".into()),
            Self::ExportMembers(_) | Self::ExportHealth(_) => None,
            Self::IssueCodes(order) => Some(order.unique_key()),
            Self::Import { import, .. } => Some(format!("import:{import}")),
        }
    }
    async fn run(self, turn: &Turn<'_>) -> Result<Json> {
        match self {
            Self::Rekey => crate::rekey::run(turn).await,
            Self::Rejudge => crate::people::rejudge(turn).await,
            Self::ExportMembers(order) => crate::people::export::run(turn, *order).await,
            Self::ExportHealth(order) => crate::health::export::run(turn, *order).await,
            Self::IssueCodes(order) => crate::codes::run(turn, order).await,
            Self::Import { import, total } => {
                crate::imports::run(turn, crate::imports::ImportId(import), total).await
            }
        }
    }
}

/// How long a claimed job belongs to its worker without a word from it.
const LEASE: Millis = 2 * MINUTE;
const MOST_ATTEMPTS: i64 = 8;
/// Seconds for which a worker tries to note how a job ended.
const NOTE_TRIES: u32 = 20;

/// Puts a job in; it starts after the commit. A job of the same unique key that waits or runs
/// already is returned instead.
pub async fn enqueue(cx: &mut Cx, job: &Job, org: Option<&OrgRef>, total: i64) -> Result<JobId> {
    let person = cx.visitor().ok().map(|v| v.person);
    enqueue_for(cx, job, org, total, person).await
}

/// As [`enqueue`], for somebody else than whoever acts.
pub(crate) async fn enqueue_for(
    cx: &mut Cx,
    job: &Job,
    org: Option<&OrgRef>,
    total: i64,
    person: Option<PersonId>,
) -> Result<JobId> {
    let id = JobId(cx.new_id());
    let key = job.unique_key();
    let payload = serde_json::to_string(job).map_err(|e| Error::Broken(e.to_string()))?;
    let put = cx
        .tx
        .run(
            sql!("INSERT INTO job (id, kind, payload, unique_key, run_at, org_id, person_id, total, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $5) ON CONFLICT (unique_key) WHERE state IN ('waiting','running') DO NOTHING"),
            args![id, job.kind(), &payload, key.clone(), cx.now(), org.map(|o| o.id), person, total],
        )
        .await?;
    if put == 1 {
        return Ok(id);
    }
    let (there,): (JobId,) = cx
        .tx
        .one(
            sql!("SELECT id FROM job WHERE unique_key = $1 AND state IN ('waiting','running')"),
            args![key],
        )
        .await?;
    Ok(there)
}

db::row! {
    /// A job as pages show it.
    #[derive(Clone, Debug)]
    pub struct State {
        pub id: JobId,
        pub kind: String,
        pub state: String,
        pub done: i64,
        pub total: i64,
        pub result: String,
        pub error: Option<String>,
        pub created_at: i64,
        pub ended_at: Option<i64>,
        pub org_id: Option<i64>,
        pub person_id: Option<i64>,
        payload: String,
    }
}
impl State {
    /// The work itself; `None` for one of another version of the program.
    pub fn work(&self) -> Option<Job> {
        serde_json::from_str(&self.payload).ok()
    }
    /// The sheet of codes that the job fills, if it does.
    pub fn code_sheet(&self) -> Option<String> {
        match serde_json::from_str(&self.payload) {
            Ok(Job::IssueCodes(order)) => Some(order.sheet().to_string()),
            _ => None,
        }
    }
    /// The import that the job carries out, if it is one.
    pub fn import(&self) -> Option<i64> {
        match serde_json::from_str(&self.payload) {
            Ok(Job::Import { import, .. }) => Some(import),
            _ => None,
        }
    }
}

/// A job's state, if there is such a job.
pub async fn state(cx: &mut Cx, id: JobId) -> Result<State> {
    cx.tx
        .opt(
            sql!("SELECT id, kind, state, done, total, result, error, created_at, ended_at, org_id, person_id, payload FROM job WHERE id = $1"),
            args![id],
        )
        .await?
        .ok_or(Error::NotFound)
}

/// The newest jobs of an organisation (A5), newest first.
pub async fn of_org(cx: &mut Cx, org: &OrgRef) -> Result<Vec<State>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, kind, state, done, total, result, error, created_at, ended_at, org_id, person_id, payload FROM job WHERE org_id = $1 ORDER BY id DESC LIMIT 50"),
            args![org.id],
        )
        .await?)
}

/// A claimed job in a worker's hands.
pub struct Turn<'a> {
    pub house: &'a House,
    pub id: JobId,
    pub job_person: Option<PersonId>,
    owner: String,
}
impl Turn<'_> {
    /// Tells how far the job is and keeps the lease. [`Error::Gone`] when somebody else has taken
    /// the job over: stop at once.
    pub async fn progress(&self, cx: &mut Cx, done: i64, total: i64) -> Result<()> {
        let kept = cx
            .tx
            .run(
                sql!("UPDATE job SET done = $1, total = $2, lease_until = $3 WHERE id = $4 AND owner = $5 AND state = 'running'"),
                args![done, total, cx.now() + LEASE, self.id, &self.owner],
            )
            .await?;
        if kept == 1 { Ok(()) } else { Err(Error::Gone) }
    }
}

/// Claims the next job that is due and runs it. `false` when none is due.
pub async fn run_next(house: &House) -> Result<bool> {
    if house.is_restored() {
        return Ok(false);
    }
    let Some((turn, payload)) = claim(house).await? else { return Ok(false) };
    let done = match serde_json::from_str::<Job>(&payload) {
        Ok(job) => job.run(&turn).await,
        Err(e) => Err(Error::Broken(format!("a job that nobody knows: {e}"))),
    };
    // The database may be away, or its disk full, for the same reason: as soon as it is back the job
    // is noted as due again, instead of when its lease has run out.
    let mut tries = 0;
    loop {
        match finish(house, &turn, &done).await {
            Err(Error::Storage(_)) if tries < NOTE_TRIES => tries += 1,
            noted => return noted.map(|()| true),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Runs everything that is due, until nothing is. For tests and the demonstration.
pub async fn run_all(house: &House) -> Result<()> {
    while run_next(house).await? {}
    Ok(())
}

async fn claim(house: &House) -> Result<Option<(Turn<'_>, String)>> {
    let owner = house.new_code(12);
    let owner_ref = &owner;
    let claimed = act!(house, Who::System("jobs"), |cx| {
        let now = cx.now();
        cx.tx
                .run(
                    sql!("UPDATE job SET state = 'waiting', owner = NULL WHERE state = 'running' AND lease_until < $1"),
                    args![now],
                )
                .await?;
        let got: Option<(JobId, String, Option<i64>)> = cx
                .tx
                .opt(
                    sql!("UPDATE job SET state = 'running', owner = $1, lease_until = $2, attempts = attempts + 1 WHERE state = 'waiting' AND id = (SELECT id FROM job WHERE state = 'waiting' AND run_at <= $3 ORDER BY run_at, id LIMIT 1 {pg: FOR UPDATE SKIP LOCKED}) RETURNING id, payload, person_id"),
                    args![owner_ref, now + LEASE, now],
                )
                .await?;
        Ok(got)
    })?;
    Ok(claimed.map(|(id, payload, person)| {
        (Turn { house, id, job_person: person.map(PersonId), owner }, payload)
    }))
}

async fn finish(house: &House, turn: &Turn<'_>, done: &Result<Json>) -> Result<()> {
    act!(house, Who::System("jobs"), |cx| {
        let now = cx.now();
        match done {
            Ok(result) => {
                cx.tx
                        .run(
                            sql!("UPDATE job SET state = 'done', result = $1, ended_at = $2, owner = NULL WHERE id = $3 AND owner = $4"),
                            args![result.to_string(), now, turn.id, &turn.owner],
                        )
                        .await?;
            }
            Err(e) => {
                tracing::warn!(job = turn.id.0, error = %e, "a job did not come to its end");
                cx.tx
                        .run(
                            sql!("UPDATE job SET state = CASE WHEN attempts >= $1 THEN 'failed' ELSE 'waiting' END, run_at = $2 + 1000 * attempts * attempts, error = $3, owner = NULL, ended_at = CASE WHEN attempts >= $1 THEN $2 ELSE NULL END WHERE id = $4 AND owner = $5"),
                            args![MOST_ATTEMPTS, now, e.to_string(), turn.id, &turn.owner],
                        )
                        .await?;
            }
        }
        Ok(())
    })
}

/// One wheel of the clockwork.
struct Wheel {
    name: &'static str,
    every: Millis,
    turn: fn(House) -> Running,
}
type Running = std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>>;

macro_rules! wheel {
    ($name:literal, $every:expr, $turn:expr) => {
        Wheel {
            name: $name,
            every: $every,
            turn: |house| Box::pin(async move { $turn(&house).await }),
        }
    };
}

const SECOND: Millis = 1000;

/// The clockwork: everything that happens by itself, in one list.
const CLOCKWORK: &[Wheel] = &[
    wheel!("seal", SECOND, seal),
    wheel!("fold", SECOND, crate::stats::turn),
    wheel!("history", 5 * SECOND, crate::stats::move_history),
    wheel!("sweep", HOUR, crate::users::sessions::sweep),
    wheel!("imports", HOUR, crate::imports::sweep),
    wheel!("outbox", SECOND, crate::messages::deliver),
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

/// Turns every wheel that is due, each on one node only. Also for tests: move the clock, tick.
pub async fn tick(house: &House) -> Result<()> {
    house.look_at_anchor().await?;
    if house.is_restored() {
        return Ok(());
    }
    for wheel in CLOCKWORK {
        if !take_turn(house, wheel).await? {
            continue;
        }
        if let Err(e) = (wheel.turn)(house.clone()).await {
            tracing::warn!(wheel = wheel.name, error = %e, "the clockwork stumbled");
        }
    }
    Ok(())
}

async fn take_turn(house: &House, wheel: &Wheel) -> Result<bool> {
    act!(house, Who::System("clockwork"), |cx| {
        let now = cx.now();
        let mine = cx
                .tx
                .run(
                    sql!("INSERT INTO lease (name, owner, until, ran_at) VALUES ($1, '', $2, $3) ON CONFLICT (name) DO UPDATE SET until = excluded.until, ran_at = excluded.ran_at WHERE lease.until <= $3"),
                    args![wheel.name, now + wheel.every, now],
                )
                .await?;
        Ok(mine == 1)
    })
}

/// Works for ever: jobs as they come, the clockwork every second; ends when `stop` does.
pub async fn work(house: House, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    loop {
        let round = async {
            if let Err(e) = tick(&house).await {
                tracing::warn!(error = %e, "the clockwork could not look");
            }
            loop {
                match run_next(&house).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(e) => {
                        tracing::warn!(error = %e, "no job could be claimed");
                        break;
                    }
                }
            }
        };
        // A job is not cut off: it ends its piece, and its lease keeps others away meanwhile.
        round.await;
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(Duration::from_millis(250)) => {}
        }
    }
}
