//! A college with a thousand branches and forty thousand members moves below another committee,
//! while somebody else keeps writing: how long it takes, and how long the other one waits at most.

use crate::Options;
use crate::measure::Meter;
use crate::table::{Bench, Outcome, Side};
use crate::works::ground::{ENGINES, Ground, acting, beside_a_writer, broken};
use anyhow::{Context, Result, ensure};
use app::demo::{Plan, Scale};
use app::orgs::{self, Category};
use app::people::PersonId;
use app::{OrgRef, Role, Who, act, stats};
use app::{business::machine::State, relocations};
use db::Engine;
use std::time::Duration;

/// The whole move.
const LONGEST: Duration = Duration::from_secs(5);
/// Another writer's wait.
const PATIENCE: Duration = Duration::from_secs(1);
const PEOPLE: &str = "SELECT CAST(id AS TEXT) FROM person ORDER BY id LIMIT 3";
const COMMITTEES: &str =
    "SELECT code FROM org WHERE category = 'COMMITTEE' AND status = 'ACTIVE' ORDER BY path";

pub(crate) async fn work(options: &Options, meter: &Meter, bench: &mut Bench) -> Result<()> {
    let mut columns: Vec<(Outcome, Outcome)> = vec![];
    for engine in ENGINES {
        let Some(ground) = Ground::make(options, engine, &Plan::of(Scale::School)).await? else {
            columns.push((Outcome::NotRun("no server"), Outcome::NotRun("no server")));
            continue;
        };
        let (took, waited) = measured(&ground, engine, meter, options).await?;
        columns.push((Outcome::Measured(took), Outcome::Measured(waited)));
        ground.end().await?;
    }
    let mut columns = columns.into_iter();
    let none = || (Outcome::NotRun("not run"), Outcome::NotRun("not run"));
    let (lite, pg) = (columns.next().unwrap_or_else(none), columns.next().unwrap_or_else(none));
    let name = "a college of 1,000 branches and 40,000 members moves";
    bench.row(name, "≤ 5 s", lite.0, pg.0);
    bench.row("… another writer waits meanwhile, at most", "≤ 1 s", lite.1, pg.1);
    Ok(())
}

async fn measured(
    ground: &Ground,
    engine: Engine,
    meter: &Meter,
    options: &Options,
) -> Result<(Side, Side)> {
    let house = &ground.house;
    let old = ground.org("committee").await?;
    let new = other_committee(ground, &old).await?;
    let college = college(ground, &old, if options.quick { 2 } else { 20 }).await?;
    fill(ground, engine).await?;
    let people = ground.raw.texts(PEOPLE).await?;
    let who = |n: usize, org: &OrgRef| -> Result<Who> {
        Ok(acting(
            PersonId(people.get(n).context("too few people")?.parse()?),
            org.clone(),
            Role::Group,
        ))
    };
    let (mover, above, target) = (who(0, &college)?, who(1, &old)?, who(2, &new)?);
    let ask = relocations::New { to: new.code.clone(), reason: "并入新校区管理".into() };
    let begun = act!(house, mover.clone(), |cx| relocations::start(cx, &ask).await);
    let no = begun.map_err(broken)?.no;
    act!(house, above.clone(), |cx| relocations::approve(cx, &no, 1).await).map_err(broken)?;

    let moving = async || -> Result<()> {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let done = act!(house, target.clone(), |cx| relocations::approve(cx, &no, 2).await);
        ensure!(done.map_err(broken)?.state == State::Done, "the college did not move");
        Ok(())
    };
    let (took, waited) = beside_a_writer(ground, meter, moving).await?;
    stats::settle(house).await.map_err(broken)?;
    Ok((
        Side::new(took).judged(|f, _| f.wall <= LONGEST),
        Side::new(waited).judged(|f, _| f.wall <= PATIENCE),
    ))
}

/// A committee of the same province that neither holds `old` nor lies in it.
async fn other_committee(ground: &Ground, old: &OrgRef) -> Result<OrgRef> {
    let mut cx = ground.house.read(Who::System("bench")).await.map_err(broken)?;
    for code in ground.raw.texts(COMMITTEES).await? {
        let org = orgs::by_code(&mut cx, &code).await.map_err(broken)?;
        let apart = !org.path.starts_with(&old.path) && !old.path.starts_with(&org.path);
        if apart && org.province == old.province {
            return Ok(org);
        }
    }
    anyhow::bail!("there is no other committee")
}

/// A committee with `classes` general branches of fifty branches each, made as pages make them.
pub(super) async fn college(ground: &Ground, above: &OrgRef, classes: u32) -> Result<OrgRef> {
    let college = ground.child(above, Category::Committee, "测量学院团委".into()).await?;
    for year in 0..classes {
        let general = ground.child(&college, Category::General, format!("{year}级团总支")).await?;
        for n in 1..=50 {
            let name = format!("测量专业{year}级{n}班团支部");
            ground.child(&general, Category::Branch, name).await?;
        }
    }
    Ok(college)
}

/// Forty members in each of the college's branches, and counters that know them.
pub(super) async fn fill(ground: &Ground, engine: Engine) -> Result<()> {
    let bytes = if engine == Engine::Sqlite { "BLOB" } else { "BYTEA" };
    let numbers = "WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k < 39) SELECT k FROM n";
    let places = format!(
        "(SELECT b.id, b.category, b.path, b.no * 40 + p.k AS no FROM (SELECT id, category, path, ROW_NUMBER() OVER (ORDER BY path) AS no FROM org WHERE category = 'BRANCH' AND short_name LIKE '测量专业%') AS b CROSS JOIN ({numbers}) AS p) AS v"
    );
    for text in [
        format!(
            "INSERT INTO person (id, code, name, name_py, id_ct, id_bi, id_bi_ver, sex, birth_ym, missing, complete, created_at, updated_at) SELECT 900000000 + no, 'X' || no, '王' || no, 'w' || no, CAST('x' AS {bytes}), CAST('' || no AS {bytes}), 77, 'male', '2005-01', '', TRUE, 1, 1 FROM {places}"
        ),
        format!(
            "INSERT INTO member (person_id, org_id, org_category, org_path, name, name_py, joined, complete, entered_at) SELECT 900000000 + no, id, category, path, '王' || no, 'w' || no, '2019-01', TRUE, 1 FROM {places}"
        ),
    ] {
        let mut tx = ground.house.db().write().await?;
        tx.run(db::Sql::built(text), &[]).await?;
        tx.commit().await?;
    }
    stats::recount(&ground.house).await.map_err(broken)?;
    ground.raw.analyze().await
}
