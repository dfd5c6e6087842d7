//! Where a work stands: a fresh database of an engine, filled by the demonstration's generator,
//! opened as the program opens it, and once more through the driver alone.

use crate::Options;
use crate::measure::{Figure, Meter};
use crate::works::raw::Raw;
use anyhow::{Context, Result, ensure};
use app::{
    Cx, Grant, House, OrgRef, Role, Settings, Visitor, Who, act,
    clock::{self, SystemChance, SystemClock},
    demo::{self, Made, Plan},
    events::Event,
    keys::Keys,
    orgs::{self, Category, New},
    people::PersonId,
    rules::id_number,
};
use db::{Db, Engine};
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A filled database.
pub(crate) struct Ground {
    pub(crate) house: House,
    pub(crate) made: Made,
    /// How long filling it took.
    pub(crate) took: Duration,
    pub(crate) raw: Raw,
    /// Where the database is, as `db::Options` takes it.
    pub(crate) url: String,
    /// Holds the keys as `keys.toml`.
    pub(crate) folder: TempDir,
}

/// Both engines, SQLite first; `None` where there is no server.
pub(crate) const ENGINES: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];

impl Ground {
    /// Makes and fills a database; `None` when the engine's server was not given.
    pub(crate) async fn make(
        options: &Options,
        engine: Engine,
        plan: &Plan,
    ) -> Result<Option<Ground>> {
        let folder = tempfile::tempdir()?;
        let place = match (engine, &options.pg) {
            (Engine::Sqlite, _) => db::Options::file(&folder.path().join("bench.sqlite")),
            (Engine::Postgres, Some(server)) => db::Options::at(Raw::fresh_database(server).await?),
            (Engine::Postgres, None) => return Ok(None),
        };
        let file = folder.path().join("keys.toml");
        Keys::create(&file, &SystemChance)?;
        let house = open(&place, &file).await?;
        let begun = Instant::now();
        let made = demo::make(&house, plan).await.map_err(broken)?;
        let took = begun.elapsed();
        let raw = Raw::open(engine, &place.url).await?;
        raw.analyze().await?;
        Ok(Some(Ground { house, made, took, raw, url: place.url, folder }))
    }

    /// The organisation that the person of this role acts for.
    pub(crate) async fn org(&self, role: &str) -> Result<OrgRef> {
        let sign_in = self.made.sign_ins.iter().find(|s| s.role == role);
        let code = &sign_in.with_context(|| format!("the demonstration has no {role}"))?.org;
        let mut cx = self.house.read(Who::System("bench")).await.map_err(broken)?;
        app::orgs::by_code(&mut cx, code).await.map_err(broken)
    }

    /// The demonstration's person of this role, acting for her organisation.
    pub(crate) async fn acting(&self, role: &str) -> Result<Who> {
        let sign_in = self.made.sign_ins.iter().find(|s| s.role == role);
        let typed = &sign_in.with_context(|| format!("the demonstration has no {role}"))?.id_number;
        let id = id_number::parse(typed, clock::day(self.house.now()))
            .map_err(|problem| anyhow::anyhow!("{}", problem.code))?;
        let mut cx = self.read(&Who::System("bench")).await?;
        let person = app::people::find_by_id_number(&mut cx, &id).await.map_err(broken)?;
        let org = self.org(role).await?;
        let role = match role {
            "branch" => Role::Branch,
            "province" => Role::Province,
            "centre" | "county" => Role::Lead,
            _ => Role::Group,
        };
        Ok(acting(person.context("an administrator is nowhere")?.person, org, role))
    }

    /// A new organisation, made as pages make them.
    pub(crate) async fn child(
        &self,
        parent: &OrgRef,
        category: Category,
        short_name: String,
    ) -> Result<OrgRef> {
        let industry = Some("school_university".to_owned());
        let new = New { short_name, full_name: None, category, industry };
        let made = act!(self.house, Who::System("bench"), |cx| {
            orgs::create_child(cx, parent, new.clone()).await
        });
        made.map_err(broken)
    }

    /// A reading transaction, as a page gets one.
    pub(crate) async fn read(&self, who: &Who) -> Result<Cx> {
        self.house.read(who.clone()).await.map_err(broken)
    }

    /// Closes everything and drops a server's database.
    pub(crate) async fn end(self) -> Result<()> {
        self.house.db().close().await;
        self.raw.end().await
    }
}

/// Opens the program on a database, bringing its schema up to date.
pub(crate) async fn open(place: &db::Options, keys: &Path) -> Result<House> {
    let db = Db::open(place).await?;
    db.migrate().await?;
    let settings = Settings { captcha: app::Captcha::Off, ..Settings::default() };
    let keys = Keys::open(keys)?;
    House::open(db, keys, SystemClock, SystemChance, settings).await.map_err(broken)
}

/// Somebody who acts for an organisation in a role.
pub(crate) fn acting(person: PersonId, org: OrgRef, role: Role) -> Who {
    let grant = Grant { org, role };
    Who::Person(Arc::new(Visitor {
        person,
        name: "bench".into(),
        session: None,
        token: None,
        grants: vec![grant.clone()],
        acting: Some(grant),
    }))
}

/// The business's error as an error of ours; none of its texts carries personal data.
pub(crate) fn broken(error: app::Error) -> anyhow::Error {
    anyhow::anyhow!("{error}")
}

/// Runs `work` once while somebody else keeps writing; what it took, and how long the other one
/// waited at most.
pub(crate) async fn beside_a_writer(
    ground: &Ground,
    meter: &Meter,
    work: impl AsyncFn() -> Result<()>,
) -> Result<(Figure, Figure)> {
    let (over, longest) = (Cell::new(false), Cell::new(Duration::ZERO));
    let others = async || -> Result<()> {
        while !over.get() {
            let begun = Instant::now();
            let event = || Event::new("bench", "org", 1);
            let written = act!(ground.house, Who::System("bench"), |cx| cx.note(event()).await);
            written.map_err(broken)?;
            longest.set(longest.get().max(begun.elapsed()));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    };
    let work = async || {
        let done = work().await;
        over.set(true);
        done
    };
    let took = meter.repeat(1, async |_| tokio::try_join!(work(), others()).map(|_| ())).await?;
    let (wall, p95) = (longest.get(), Some(longest.get()));
    let none = Duration::ZERO;
    let waited = Figure { times: 1, cpu: none, server_cpu: None, wall, p95, peak: None };
    Ok((took, waited))
}

/// Fails a work that measures something empty.
pub(crate) fn found(what: &str, count: usize) -> Result<()> {
    ensure!(count > 0, "{what}: nothing was found, so there is nothing to measure");
    Ok(())
}
