//! Step 4: importing what is good, in pieces that follow the machine's pace. The rows' states are the cursor, so that
//! a commit that was cut off goes on where it stood and nobody comes in twice (I19).

use super::{
    Finding, Import, ImportId, Kind, RowState, changed_meanwhile, children, find,
    judge::{self, Judgement},
    rows,
    sql::{self, Stored},
};
use crate::{
    Cx, Error, House, OrgRef, Permit, Refusal, Result, Who, act,
    events::Event,
    jobs::{self, Job, JobId, Turn},
    messages::{self, Message, To},
    orgs,
    pace::Pace,
    people::{self, Outcome, PersonId},
    rules::person::NewPerson,
};
use db::Rows;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::time::Instant;

/// What is to be imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// What is good now; the rest stays for repair.
    #[default]
    Good,
    /// Only when nothing has to be put right.
    All,
}

/// Starts the import of everything that is good; a second call while it runs gives the same job.
pub async fn commit(cx: &mut Cx, id: ImportId, mode: Mode) -> Result<JobId> {
    let (import, org) = find(cx, id).await?;
    if import.state == "running" {
        if let Some(job) = still_running(cx, &import).await? {
            return Ok(job);
        }
    } else if import.state != "review" {
        return Err(changed_meanwhile(&import));
    } else if mode == Mode::All && import.to_fix > 0 {
        let message = format!(
            "还有 {} 行需要修改。请先改好或跳过,再全部导入;也可以选“先导入可以导入的”。",
            import.to_fix
        );
        let refusal = Refusal::new("import_not_ready", message);
        let page = format!("{}/review?show=fix", at(cx, id));
        return Err(Error::refused(refusal.way("回去修改", page)));
    } else if import.ready == 0 {
        let message = "现在没有可以导入的行。请先修改有问题的行。";
        let refusal = Refusal::new("import_nothing", message);
        let page = format!("{}/review", at(cx, id));
        return Err(Error::refused(refusal.way("回去修改", page)));
    }
    let permit = cx.permit(import.kind().action(), &org)?;
    orgs::hold_living(cx, &org).await?;
    super::take_hold(cx, &permit, &import).await?;
    sql::set_state(cx, &permit, id, "running").await?;
    let work = Job::Import { import: id.0, total: import.ready };
    let job = jobs::enqueue(cx, &work, Some(&org), import.ready).await?;
    sql::set_job(cx, &permit, id, job).await?;
    let detail = json!({ "ready": import.ready, "to_fix": import.to_fix });
    cx.record(permit, Event::new("import.committed", "import", id.0).detail(detail)).await?;
    Ok(job)
}

/// The import's address for whoever acts.
fn at(cx: &Cx, id: ImportId) -> String {
    let code = cx.org().map(|org| org.code.clone()).unwrap_or_default();
    format!("/o/{code}/imports/{id}")
}

/// The job of a running import, unless it has given up.
async fn still_running(cx: &mut Cx, import: &Import) -> Result<Option<JobId>> {
    let Some(job) = import.job_id.map(JobId) else { return Ok(None) };
    let state = jobs::state(cx, job).await?;
    Ok((!state.is_over_undone()).then_some(job))
}

/// The job: pieces until nothing is left.
pub async fn run(turn: &Turn<'_>, import: ImportId, total: i64) -> Result<Json> {
    let mut pace = Pace::default();
    loop {
        if let Some(end) = step(turn.house, import, Some((turn, total)), &mut pace).await? {
            return Ok(end);
        }
    }
}

/// Begins and ends an import without a job, for the command line.
pub async fn run_here(house: &House, import: ImportId) -> Result<Json> {
    act!(house, Who::System("import"), |cx| {
        let (found, org) = find(cx, import).await?;
        let permit = cx.permit(found.kind().action(), &org)?;
        super::take_hold(cx, &permit, &found).await?;
        sql::set_state(cx, &permit, import, "running").await?;
        let detail = json!({ "ready": found.ready, "to_fix": found.to_fix });
        let event = Event::new("import.committed", "import", import.0);
        cx.record(permit, event.detail(detail)).await
    })?;
    let mut pace = Pace::default();
    loop {
        if let Some(end) = step(house, import, None, &mut pace).await? {
            return Ok(end);
        }
    }
}

/// One piece in a transaction of its own; the end's result when nothing was left.
pub async fn step(
    house: &House,
    id: ImportId,
    turn: Option<(&Turn<'_>, i64)>,
    pace: &mut Pace,
) -> Result<Option<Json>> {
    let most = pace.rows();
    // Of the last try alone: waiting for the writer's place is nobody's load.
    let (mut begun, mut done) = (Instant::now(), 0);
    // The review asked who is there already. Only when somebody came in since, all is asked again.
    let mut looked_for = true;
    let end = act!(house, Who::System("import"), |cx| {
        begun = Instant::now();
        let looked_for = std::mem::replace(&mut looked_for, false);
        let Some(import) = sql::find(cx, id).await? else { return Ok(Some(Json::Null)) };
        let org = orgs::by_id(cx, import.org_id).await?;
        match orgs::hold_living(cx, &org).await {
            // The branch was closed, and this import ended with it.
            Err(Error::Conflict(_)) => return Ok(Some(summary(&import))),
            held => held?,
        }
        let permit = cx.permit(import.kind().action(), &org)?;
        if !sql::hold(cx, &permit, id, "running").await? {
            // Finished already: this turn comes after one that was thought lost.
            cx.return_unused(permit);
            return Ok(Some(summary(&import)));
        }
        let (rows, added) = match import.kind() {
            Kind::Members => {
                let stored = sql::rows_in(cx, id, ["ready", "warned", "warned"], 0, most).await?;
                let added = match stored.is_empty() {
                    true => 0,
                    false => piece(cx, &permit, &org, &import, &stored, looked_for).await?,
                };
                (stored.len(), added)
            }
            Kind::Orgs => children::piece(cx, &permit, &org, &import, most).await?,
        };
        if rows == 0 {
            return finish(cx, permit, &org, &import).await.map(Some);
        }
        sql::recount(cx, &permit, id).await?;
        let now = sql::find(cx, id).await?.ok_or(Error::NotFound)?;
        if let Some((turn, total)) = turn {
            turn.progress(cx, (total - now.ready).max(0), total).await?;
        }
        let detail = json!({ "rows": rows, "added": added });
        cx.record(permit, Event::new("import.applied", "import", id.0).detail(detail)).await?;
        done = rows;
        Ok(None)
    })?;
    if end.is_none() {
        pace.took(done, begun.elapsed());
    }
    Ok(end)
}

/// Judges the rows of a piece once more and enters them; returns how many people came in.
async fn piece(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    import: &Import,
    stored: &[Stored],
    looked_for: bool,
) -> Result<usize> {
    let mapping = import.columns();
    let place = people::entry::place_for(cx, org).await?;
    let house = cx.house().clone();
    let mut outcomes: Rows = Vec::with_capacity(stored.len());
    let (mut people, mut good): (Vec<NewPerson>, Vec<&Stored>) = (Vec::new(), Vec::new());
    for row in stored {
        let cells = rows::open(&house, import.id, row)?;
        let Judgement { judged, .. } = judge::one(cx, &place, &mapping, (row.no, &cells));
        match judged.person {
            Some(mut person) => {
                if row.take {
                    person.take = people::merge::CONTACTS.to_vec();
                }
                people.push(person);
                good.push(row);
            }
            None => {
                let findings: Vec<Finding> =
                    judged.problems.into_iter().map(Finding::from).collect();
                outcomes.push(refused(row, &findings));
            }
        }
    }
    let results = if looked_for {
        people::add_looked_for(cx, permit, org, people, Some(import.id.0)).await?
    } else {
        people::add_many(cx, permit, org, people, Some(import.id.0)).await?
    };
    let mut added = 0;
    for (row, outcome) in good.into_iter().zip(results) {
        if let Outcome::Added(person) | Outcome::Filled(person) = outcome {
            added += 1;
            outcomes.push(imported(row, person));
        } else {
            let mut findings: Vec<Finding> =
                serde_json::from_str(&row.problems).unwrap_or_default();
            findings.extend(outcome.problem().map(Finding::from));
            outcomes.push(refused(row, &findings));
        }
    }
    sql::set_outcomes(cx, permit, import.id, outcomes).await?;
    Ok(added)
}

fn imported(row: &Stored, person: PersonId) -> Vec<db::Value> {
    let state = RowState::Imported.code();
    vec![row.no.into(), state.into(), (&row.problems).into(), person.into()]
}

fn refused(row: &Stored, findings: &[Finding]) -> Vec<db::Value> {
    let problems = judge::findings_text(findings);
    vec![row.no.into(), RowState::ToFix.code().into(), problems.into(), None::<i64>.into()]
}

async fn finish(cx: &mut Cx, permit: Permit, org: &OrgRef, import: &Import) -> Result<Json> {
    sql::recount(cx, &permit, import.id).await?;
    let import = sql::find(cx, import.id).await?.ok_or(Error::NotFound)?;
    let state = if import.to_fix > 0 { "review" } else { "done" };
    sql::set_state(cx, &permit, import.id, state).await?;
    sql::set_ended(cx, &permit, import.id).await?;
    if import.person_id != 0 {
        tell(cx, &import).await?;
    }
    if import.kind() == Kind::Orgs {
        children::tell_those_below(cx, org, &import).await?;
    }
    let end = summary(&import);
    cx.record(permit, Event::new("import.finished", "import", import.id.0).detail(end.clone()))
        .await?;
    Ok(end)
}

/// 成功导入 n 位,m 位导入失败 (69).
pub fn sentence(import: &Import) -> String {
    let (done, failed) = (import.imported, import.to_fix + import.failed);
    match import.kind() {
        Kind::Members => format!("成功导入 {done} 位,{failed} 位导入失败"),
        Kind::Orgs => format!("成功创建 {done} 个组织,{failed} 行没有创建"),
    }
}

async fn tell(cx: &mut Cx, import: &Import) -> Result<()> {
    let acting = orgs::by_id(cx, import.acting_org).await?;
    let rest = if import.to_fix > 0 { "剩下的行可以改好后继续导入。" } else { "" };
    let message = Message {
        to: To::Person(PersonId(import.person_id)),
        kind: "import",
        title: match import.kind() {
            Kind::Members => format!("导入完成:{}", sentence(import)),
            Kind::Orgs => format!("批量创建完成:{}", sentence(import)),
        },
        body: format!("“{}”已处理完。{rest}24 小时内可以撤销本次导入。", import.file_name),
        href: format!("/o/{}/imports/{}/result", acting.code, import.id),
    };
    messages::send(cx, message).await
}

fn summary(import: &Import) -> Json {
    json!({ "imported": import.imported, "to_fix": import.to_fix, "skipped": import.skipped })
}
