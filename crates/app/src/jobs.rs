//! Work that outlives a request: a queue in the database. A job is put in with the transaction that
//! needs it, claimed under a lease, and may be run again after a crash: every job must come to the
//! same end when it is repeated. Each class has its own workers, so that an import never waits for
//! a re-encryption; a job that failed too often is set aside for the operators.

pub use crate::clockwork::tick;
use crate::{
    Action, Cx, Error, House, OrgRef, Refusal, Result, Who, act,
    clock::{MINUTE, Millis},
    engine,
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

/// Which workers take a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Somebody waits in front of the page.
    Urgent,
    /// Somebody comes back for it.
    Normal,
    /// May take hours.
    Long,
}
impl Class {
    /// Every class with the number of its workers on each node.
    pub const ALL: [(Self, u32); 3] = [(Self::Urgent, 2), (Self::Normal, 1), (Self::Long, 1)];

    /// As it is stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::Normal => "normal",
            Self::Long => "long",
        }
    }
}

impl Job {
    fn class(&self) -> Class {
        match self {
            Self::Import { .. } | Self::IssueCodes(_) => Class::Urgent,
            Self::ExportMembers(_) | Self::ExportHealth(_) => Class::Normal,
            Self::Rekey | Self::Rejudge => Class::Long,
        }
    }
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
        #[cfg(feature = "testkit")]
        crate::testkit::fall_if_told(turn.id);
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
/// How often a worker says that it still has its job.
const KEEP: Duration = Duration::from_secs(30);
/// A job that was begun so often is set aside, whatever cut it off.
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
            sql!("INSERT INTO job (id, kind, payload, unique_key, run_at, org_id, person_id, total, created_at, class) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $5, $9) ON CONFLICT (unique_key) WHERE state IN ('waiting','running') DO NOTHING"),
            args![id, job.kind(), &payload, key.clone(), cx.now(), org.map(|o| o.id), person, total, job.class().code()],
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
    /// It has given up, or an operator has given it up.
    pub fn is_over_undone(&self) -> bool {
        matches!(self.state.as_str(), "failed" | "dropped")
    }
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
    /// The worker's name in the pulse.
    worker: String,
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
        self.house.pulse().beat(&self.worker, cx.now());
        if kept == 1 { Ok(()) } else { Err(Error::Gone) }
    }
    /// Does the job's work while the lease is kept; [`Error::Gone`] when somebody else has the job.
    async fn keeping<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let keep = async {
            loop {
                tokio::time::sleep(KEEP).await;
                match self.keep().await {
                    Ok(false) => return,
                    Ok(true) => {}
                    Err(e) => tracing::warn!(job = self.id.0, error = %e, "a lease was not kept"),
                }
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            () = keep => Err(Error::Gone),
        }
    }
    async fn keep(&self) -> Result<bool> {
        act!(self.house, Who::System("jobs"), |cx| {
            let kept = cx
                .tx
                .run(
                    sql!("UPDATE job SET lease_until = $1 WHERE id = $2 AND owner = $3 AND state = 'running'"),
                    args![cx.now() + LEASE, self.id, &self.owner],
                )
                .await?;
            Ok(kept == 1)
        })
    }
}

/// Claims the next job that is due, of whatever class, and runs it. `false` when none is due. For
/// tests and the demonstration.
pub async fn run_next(house: &House) -> Result<bool> {
    for (class, _) in Class::ALL {
        if run_next_of(house, class, "").await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Claims the next job of a class and runs it. `false` when none is due.
pub async fn run_next_of(house: &House, class: Class, worker: &str) -> Result<bool> {
    if house.is_restored() || house.is_read_only() || !is_due(house, class).await? {
        return Ok(false);
    }
    let (turn, payload) = match claim(house, class, worker).await? {
        Claim::Nothing => return Ok(false),
        Claim::SetAside => return Ok(true),
        Claim::Mine(turn, payload) => (turn, payload),
    };
    let done = match serde_json::from_str::<Job>(&payload) {
        Ok(job) => {
            engine::caught(Box::pin(turn.keeping(job.run(&turn)))).await.unwrap_or_else(|said| {
                house.pulse().panicked(worker);
                Err(Error::Broken(format!("panic: {said}")))
            })
        }
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

/// Looks before anything is written: most looks find nothing.
async fn is_due(house: &House, class: Class) -> Result<bool> {
    let mut cx = house.read(Who::System("jobs")).await?;
    let now = cx.now();
    let waiting: Option<(JobId,)> = cx
        .tx
        .opt(
            sql!("SELECT id FROM job WHERE state = 'waiting' AND class = $1 AND run_at <= $2 ORDER BY run_at, id LIMIT 1"),
            args![class.code(), now],
        )
        .await?;
    if waiting.is_some() {
        return Ok(true);
    }
    let lost: Option<(JobId,)> = cx
        .tx
        .opt(
            sql!("SELECT id FROM job WHERE state = 'running' AND lease_until < $1 ORDER BY lease_until, id LIMIT 1"),
            args![now],
        )
        .await?;
    Ok(lost.is_some())
}

enum Claim<'a> {
    Nothing,
    /// The next one had been begun often enough.
    SetAside,
    Mine(Turn<'a>, String),
}

async fn claim<'a>(house: &'a House, class: Class, worker: &str) -> Result<Claim<'a>> {
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
        let got: Option<(JobId, String, Option<i64>, i64)> = cx
            .tx
            .opt(
                sql!("UPDATE job SET state = 'running', owner = $1, node = $5, lease_until = $2, attempts = attempts + 1 WHERE state = 'waiting' AND id = (SELECT id FROM job WHERE state = 'waiting' AND class = $4 AND run_at <= $3 ORDER BY run_at, id LIMIT 1 {pg: FOR UPDATE SKIP LOCKED}) RETURNING id, payload, person_id, attempts"),
                args![owner_ref, now + LEASE, now, class.code(), house.node()],
            )
            .await?;
        let Some((id, payload, person, attempts)) = got else { return Ok(None) };
        if attempts > MOST_ATTEMPTS {
            // Begun often enough, and cut off each time or it would have been noted before.
            cx.tx
                .run(
                    sql!("UPDATE job SET state = 'failed', attempts = attempts - 1, ended_at = $1, owner = NULL, error = COALESCE(error, 'begun and cut off too often') WHERE id = $2"),
                    args![now, id],
                )
                .await?;
            tracing::error!(job = id.0, attempts, "a job is set aside");
        }
        Ok(Some((id, payload, person, attempts > MOST_ATTEMPTS)))
    })?;
    Ok(match claimed {
        None => Claim::Nothing,
        Some((_, _, _, true)) => Claim::SetAside,
        Some((id, payload, person, false)) => {
            let (job_person, worker) = (person.map(PersonId), worker.to_owned());
            Claim::Mine(Turn { house, id, job_person, owner, worker }, payload)
        }
    })
}

/// What this node was at when it was killed is due again at once: nobody else will come back to it.
/// Another node's jobs are left alone, and so is the count of attempts.
pub async fn take_back(house: &House) -> Result<()> {
    let dead = &house.settings().dead_nodes;
    for node in dead.iter().map(String::as_str).chain([house.node()]) {
        let jobs = act!(house, Who::System("jobs"), |cx| {
            let now = cx.now();
            Ok(cx
                .tx
                .run(
                    sql!("UPDATE job SET state = 'waiting', owner = NULL, run_at = $1 WHERE state = 'running' AND node = $2"),
                    args![now, node],
                )
                .await?)
        })?;
        if jobs > 0 {
            tracing::info!(node, jobs, "jobs that were cut off go on");
        }
    }
    Ok(())
}

/// Before this node ends: what it could not finish is due for others; being told to stop is no
/// failed attempt.
pub(crate) async fn give_back(house: &House) -> Result<()> {
    act!(house, Who::System("jobs"), |cx| {
        let now = cx.now();
        cx.tx
            .run(
                sql!("UPDATE job SET state = 'waiting', owner = NULL, run_at = $1, attempts = attempts - 1 WHERE state = 'running' AND node = $2"),
                args![now, house.node()],
            )
            .await?;
        Ok(())
    })
}

db::row! {
    /// A job that was set aside.
    #[derive(Clone, Debug)]
    pub struct Failed {
        pub id: JobId,
        pub kind: String,
        pub attempts: i64,
        pub error: Option<String>,
        pub created_at: i64,
        pub ended_at: i64,
        pub org: Option<String>,
    }
}

/// The jobs that were set aside, the newest first, for the operators.
pub async fn failed(cx: &mut Cx) -> Result<Vec<Failed>> {
    cx.scope(Action::Operate)?;
    Ok(cx
        .tx
        .all(
            sql!("SELECT j.id, j.kind, j.attempts, j.error, j.created_at, COALESCE(j.ended_at, j.created_at), o.short_name FROM job j LEFT JOIN org o ON o.id = j.org_id WHERE j.state = 'failed' ORDER BY j.ended_at DESC, j.id DESC LIMIT 50"),
            &[],
        )
        .await?)
}

/// How many jobs of a class wait, counted to 1,000 at most.
pub async fn waiting(cx: &mut Cx, class: Class) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM (SELECT id FROM job WHERE state = 'waiting' AND class = $1 LIMIT 1000) AS t"),
            args![class.code()],
        )
        .await?;
    Ok(count)
}

/// An operator lets a job that was set aside begin anew.
pub async fn retry(cx: &mut Cx, id: JobId) -> Result<()> {
    let permit = cx.permit_here(Action::Operate)?;
    let changed = cx
        .tx
        .run(
            sql!("UPDATE job SET state = 'waiting', attempts = 0, run_at = $1, ended_at = NULL WHERE id = $2 AND state = 'failed' AND (unique_key IS NULL OR NOT EXISTS (SELECT 1 FROM job other WHERE other.unique_key = job.unique_key AND other.state IN ('waiting','running')))"),
            args![cx.now(), id],
        )
        .await?;
    if changed == 0 {
        return Err(elsewhere());
    }
    cx.record(permit, Event::new("job.retried", "job", id.0)).await
}

/// An operator gives a job up that was set aside.
pub async fn drop_failed(cx: &mut Cx, id: JobId) -> Result<()> {
    let permit = cx.permit_here(Action::Operate)?;
    let changed = cx
        .tx
        .run(sql!("UPDATE job SET state = 'dropped' WHERE id = $1 AND state = 'failed'"), args![id])
        .await?;
    if changed == 0 {
        return Err(elsewhere());
    }
    cx.record(permit, Event::new("job.dropped", "job", id.0)).await
}

fn elsewhere() -> Error {
    let said =
        "这项任务已经不在“没有完成的任务”里：可能已由他人重试或放弃，或者同一项任务正在进行。";
    Error::conflict(Refusal::new("job_elsewhere", said))
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
                house.pulse().failed(&turn.worker);
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
