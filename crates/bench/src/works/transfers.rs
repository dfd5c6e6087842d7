//! Approving a transfer, beside the statements that it comes down to through the driver alone.

use crate::Options;
use crate::measure::Meter;
use crate::table::{Bench, Outcome, Side};
use crate::works::ground::{ENGINES, Ground, broken};
use crate::works::raw::{Arg, Statement};
use anyhow::{Result, ensure};
use app::demo::{Plan, Scale};
use app::{OrgRef, Who, transfers};

pub(crate) async fn work(options: &Options, meter: &Meter, bench: &mut Bench) -> Result<()> {
    let mut outcomes = vec![];
    for engine in ENGINES {
        let plan = Plan::of(Scale::Nation(20_000));
        let Some(ground) = Ground::make(options, engine, &plan).await? else {
            outcomes.push(Outcome::NotRun("no server"));
            continue;
        };
        outcomes.push(Outcome::Measured(measured(&ground, meter, options).await?));
        ground.end().await?;
    }
    let postgres = outcomes.pop().unwrap_or(Outcome::NotRun("no server"));
    let sqlite = outcomes.pop().unwrap_or(Outcome::NotRun("not run"));
    bench.row("approve a transfer", "≥ half of raw", sqlite, postgres);
    Ok(())
}

/// Members of other branches on their way to the demonstration's branch.
const WAITING: &str = "INSERT INTO business (id, no, kind, person_id, variant, started_by, started_org, from_org, to_org, reason, state, waits_for, deadline, created_at) SELECT m.person_id, 'ZJ20260101-' || m.person_id, 'transfer', m.person_id, 'V2', m.person_id, m.org_id, m.org_id, $1, 'other', 'pending_target', $1, $2, $3 FROM member m WHERE m.org_id <> $1 AND m.status = 'active' AND m.person_id NOT IN (SELECT person_id FROM cadre) ORDER BY m.person_id LIMIT $4";
const MOVING: &str = "UPDATE member SET status = 'moving' WHERE person_id IN (SELECT person_id FROM business WHERE kind = 'transfer' AND ended_at IS NULL)";
const NUMBERS: &str =
    "SELECT no FROM business WHERE ended_at IS NULL AND no LIKE 'ZJ20260101-%' ORDER BY id";

async fn measured(ground: &Ground, meter: &Meter, options: &Options) -> Result<Side> {
    let times = if options.quick { 100 } else { 1_000 };
    let (who, to) = (ground.acting("branch").await?, ground.org("branch").await?);
    let now = ground.house.now();
    let args = vec![
        Arg::Int(to.id.0),
        Arg::Int(now + 5 * app::clock::DAY),
        Arg::Int(now),
        Arg::Int(i64::from(times) * 2),
    ];
    let put = ground.raw.run(&[(WAITING, args), (MOVING, vec![])]).await?;
    ensure!(put >= u64::from(times) * 2, "only {put} transfers could be put in");
    let numbers = ground.raw.texts(NUMBERS).await?;
    let (first, second) = numbers.split_at(times as usize);

    let ours = async |n: u32| approve(ground, &who, &first[n as usize]).await;
    let ours = meter.repeat(times, ours).await?;
    let raw = async |n: u32| {
        let id = second[n as usize].trim_start_matches("ZJ20260101-").parse()?;
        let statements = statements(&to, id, ground, now);
        ensure!(ground.raw.run(&statements).await? >= 8, "a baseline approval changed too little");
        Ok(())
    };
    let side = Side::new(ours).beside(meter.repeat(times, raw).await?);
    Ok(side.judged(|_, speed| speed >= Some(0.5)))
}

async fn approve(ground: &Ground, who: &Who, no: &str) -> Result<()> {
    let mut cx = ground.house.write(who.clone()).await.map_err(broken)?;
    transfers::approve(&mut cx, no, 1, None).await.map_err(broken)?;
    cx.commit().await.map_err(broken)
}

/// What an approval writes: the decision, its step, how to take it back, the member's place, what both counters
/// change by, the audit row and the letters to both sides.
fn statements(to: &OrgRef, id: i64, ground: &Ground, now: i64) -> Vec<Statement> {
    let text = |t: &str| Arg::Text(t.to_owned());
    let new_id = || Arg::Int(ground.house.new_id());
    let event = ground.house.new_id();
    let (org, path) = (Arg::Int(to.id.0), Arg::Text(to.path.clone()));
    let (id, now) = (Arg::Int(id), Arg::Int(now));
    vec![
        (
            "UPDATE business SET state = 'done', waits_for = NULL, deadline = NULL, ended_at = $1, branch_id = $2, version = version + 1 WHERE id = $3 AND version = 1 AND state = 'pending_target'",
            vec![now.clone(), org.clone(), id.clone()],
        ),
        (
            "INSERT INTO business_step (business_id, no, at, verb, actor, actor_id, org_id, state, note) VALUES ($1, 1, $2, 'approve', 'bench', 1, $3, 'done', '')",
            vec![id.clone(), now.clone(), org.clone()],
        ),
        (
            "INSERT INTO transfer_undo (transfer_id, version, by_person, by_org, until, state, deadline, moved) VALUES ($1, 2, $1, $2, $3, 'pending_target', $3, '{}')",
            vec![id.clone(), org.clone(), now.clone()],
        ),
        (
            "UPDATE member SET org_id = $1, org_path = $2, status = 'active', entered_at = $3, version = version + 1 WHERE person_id = $4",
            vec![org.clone(), path.clone(), now.clone(), id.clone()],
        ),
        (
            "INSERT INTO delta (id, org_path, members, at) VALUES ($1, '000', -1, $2)",
            vec![new_id(), now.clone()],
        ),
        (
            "INSERT INTO delta (id, org_path, members, at) VALUES ($1, $2, 1, $3)",
            vec![new_id(), path.clone(), now.clone()],
        ),
        (
            "INSERT INTO event (id, at, actor_id, actor, acting_org, kind, object, object_id, org_path, person_id, detail, request_id, mac) VALUES ($1, $2, 1, 'bench', $3, 'transfer.approved', 'transfer', $4, $5, $4, '{}', '', $6)",
            vec![
                Arg::Int(event),
                now.clone(),
                org.clone(),
                id.clone(),
                path,
                Arg::Blob(vec![7; 32]),
            ],
        ),
        ("INSERT INTO event_unsealed (event_id) VALUES ($1)", vec![Arg::Int(event)]),
        (
            "INSERT INTO message (id, to_org, kind, title, body, href, created_at) VALUES ($1, $2, 'transfer', $3, $3, '', $4)",
            vec![new_id(), org, text("已转入"), now.clone()],
        ),
        (
            "INSERT INTO message (id, to_person, kind, title, body, href, created_at) VALUES ($1, $2, 'transfer', $3, $3, '', $4)",
            vec![new_id(), id, text("已转入"), now],
        ),
    ]
}
