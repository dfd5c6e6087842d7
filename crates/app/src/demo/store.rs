//! Puts the demonstration into the database: thousands of rows a statement, sealed like
//! everything personal, counters summed up on the way instead of by deltas.

use super::{persons::Person, tree::Grown};
use crate::{
    House, Result, Who,
    clock::Millis,
    keys::{Keys, Place},
    orgs::{Category, code, grams, pinyin},
    people::PersonId,
    pii::Sex,
    rules::{Rules, completeness, tree::Category as RuleCategory},
    stats::Sector,
};
use db::{Rows, Value, sql};
use rand::{Rng, rngs::StdRng};
use std::{collections::BTreeMap, ops::AddAssign};

/// Rows a statement.
const PIECE: usize = 5_000;
/// Rows of one kind after which a batch is full.
const FULL: usize = 20_000;

/// Rows waiting to be written, in the order in which they must be.
#[derive(Default)]
pub(super) struct Batch {
    orgs: Rows,
    persons: Rows,
    members: Rows,
    cadres: Rows,
    seats: Rows,
    tallies: Rows,
    grams: Rows,
}
impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.orgs.is_empty() && self.persons.is_empty() && self.tallies.is_empty()
    }
    pub(super) fn is_full(&self) -> bool {
        [&self.orgs, &self.persons, &self.grams, &self.tallies]
            .iter()
            .any(|rows| rows.len() >= FULL)
    }
}

/// What an organisation adds to the counters.
#[derive(Clone, Copy, Default)]
struct Counts {
    orgs: i64,
    branches: i64,
    branches_done: i64,
    bodies_done: i64,
    members: i64,
    members_done: i64,
    cadres: i64,
    cadres_done: i64,
}
impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.orgs += more.orgs;
        self.branches += more.branches;
        self.branches_done += more.branches_done;
        self.bodies_done += more.bodies_done;
        self.members += more.members;
        self.members_done += more.members_done;
        self.cadres += more.cadres;
        self.cadres_done += more.cadres_done;
    }
}

/// An organisation on the way from the root to the place where the walk stands.
struct Open {
    id: i64,
    path: String,
    full: String,
    category: Category,
    children: bool,
    sector: Option<Sector>,
    own: Counts,
    direct: Counts,
    below: Counts,
    /// Of what lies below, by sector.
    sectors: BTreeMap<Sector, Counts>,
}

/// The organisation that people are put into.
pub(super) struct At {
    pub(super) id: i64,
    pub(super) code: String,
    pub(super) path: String,
    pub(super) category: Category,
}

/// Collects rows; writes nothing itself.
pub(super) struct Book<'a> {
    house: &'a House,
    now: Millis,
    open: Vec<Open>,
    pub(super) batch: Batch,
    pub(super) orgs: u64,
    pub(super) members: u64,
    index_version: i64,
    /// Where the numbering of organisation codes begins.
    first_code: u64,
}

impl<'a> Book<'a> {
    pub(super) fn new(house: &'a House, seed: u64) -> Self {
        Self {
            house,
            now: house.now(),
            open: vec![],
            batch: Batch::default(),
            orgs: 0,
            members: 0,
            index_version: house.keys().index_version(),
            first_code: seed.wrapping_mul(7_919) % 1_000_000,
        }
    }

    /// Enters an organisation; the ones beside and below it that stand open are closed.
    pub(super) fn org(&mut self, grown: &Grown, rng: &mut StdRng) -> At {
        let depth = grown.path.len() / 3;
        self.close_to(depth - 1);
        let id = self.house.new_id();
        let code = code::nth(self.first_code + self.orgs);
        let seed = &grown.seed;
        let name_py = pinyin::initials(&seed.short);
        let parent_full = self.open.last().map_or("", |o| o.full.as_str());
        for gram in grams::of_org(&seed.short, &seed.full, parent_full, seed.category) {
            self.batch.grams.push(vec![gram.into(), (depth as i64).into(), (&grown.path).into()]);
        }
        let staffed =
            matches!(seed.category, Category::Lead | Category::Committee | Category::Work);
        let staff = |n: i64| Value::Int(staffed.then_some(n));
        let lead = seed.category == Category::Lead;
        let founded = 1980 + rng.random_range(0..40);
        let school = seed.category == Category::Committee
            && seed.industry.is_some_and(|i| i.starts_with("school_"))
            && !seed.short.contains("学院团委");
        let township =
            matches!(seed.industry, Some("rural_township" | "city_street")).then_some(staffed);
        self.batch.orgs.push(vec![
            id.into(),
            (&code).into(),
            self.open.last().map(|o| o.id).into(),
            (&grown.path).into(),
            (depth as i64).into(),
            grown.sort_no.into(),
            grown.children.into(),
            (&seed.short).into(),
            (&seed.full).into(),
            name_py.into(),
            seed.category.code().into(),
            seed.industry.into(),
            (&seed.province).into(),
            seed.special.into(),
            lead.then(|| format!("0551-6{:07}", rng.random_range(0..10_000_000))).into(),
            lead.then(|| format!("tw{}@example.cn", self.orgs)).into(),
            staff(if lead { 12 } else { 2 }),
            staff(if lead { 10 } else { 1 }),
            staff(if lead { 4 } else { 3 }),
            staff(if lead { 4 } else { 3 }),
            school.then(|| format!("4{}{:07}", &seed.province, self.orgs)).into(),
            township.into(),
            format!("{founded}-05-04").into(),
            format!("2025-{:02}-18", rng.random_range(1..13)).into(),
        ]);
        self.orgs += 1;
        self.open.push(Open {
            id,
            path: grown.path.clone(),
            full: seed.full.clone(),
            category: seed.category,
            children: grown.children > 0,
            own: Counts {
                orgs: 1,
                branches: i64::from(seed.category.owns_members()),
                ..Counts::default()
            },
            direct: Counts::default(),
            below: Counts::default(),
            sector: Sector::of(seed.category, seed.industry),
            sectors: BTreeMap::new(),
        });
        At { id, code, path: grown.path.clone(), category: seed.category }
    }

    /// Enters a person; as a member of the branch `at` if she has a month of admission.
    pub(super) fn person(&mut self, at: &At, person: &Person, rng: &mut StdRng) -> i64 {
        let id = self.house.new_id();
        let name_py = pinyin::person_initials(&person.name);
        let missing = person.missing();
        let complete = missing.is_empty();
        let keys = self.house.keys();
        let sealed = |column, text: &str| {
            keys.seal(Place { column, row: id }, text, self.house.chance_source())
        };
        let index = |column, text: &str| Keys::index(keys, column, text).0;
        self.batch.persons.push(vec![
            id.into(),
            opaque(rng).into(),
            (&person.name).into(),
            (&name_py).into(),
            sealed("person.id_ct", &person.id_number).into(),
            index("person.id", &person.id_number).into(),
            self.index_version.into(),
            if person.sex == Sex::Male { "male" } else { "female" }.into(),
            (&person.birth_ym).into(),
            person.mobile.as_ref().map(|m| sealed("person.mobile_ct", m)).into(),
            person.mobile.as_ref().map(|m| index("person.mobile", m)).into(),
            person.ethnic.into(),
            person.political.into(),
            person.education.into(),
            person.check.into(),
            missing.into(),
            complete.into(),
        ]);
        let Some(joined) = person.joined.as_ref().filter(|_| at.category.owns_members()) else {
            return id;
        };
        self.members += 1;
        self.batch.members.push(vec![
            id.into(),
            at.id.into(),
            at.category.code().into(),
            (&at.path).into(),
            (&person.name).into(),
            name_py.into(),
            joined.into(),
            person.dev_number.clone().into(),
            complete.into(),
            person.check.into(),
        ]);
        if let Some(open) = self.open.last_mut() {
            open.own.members += 1;
            open.own.members_done += i64::from(complete);
        }
        id
    }

    /// Gives a person a post, and a seat as administrator.
    pub(super) fn cadre(
        &mut self,
        at: &At,
        who: (i64, &Person),
        post: &str,
        slot: Option<i64>,
        rng: &mut StdRng,
    ) {
        let (person_id, person) = who;
        let id = self.house.new_id();
        let complete = person.missing().is_empty();
        let full_time = at.category == Category::Lead;
        self.batch.cadres.push(vec![
            id.into(),
            person_id.into(),
            at.id.into(),
            (&at.path).into(),
            (&person.name).into(),
            pinyin::person_initials(&person.name).into(),
            post.into(),
            format!("2025-{:02}", rng.random_range(1..11)).into(),
            if full_time { "专职" } else { "兼职" }.into(),
            (post == "书记" && !at.category.owns_members()).into(),
            complete.into(),
        ]);
        if let Some(slot) = slot {
            self.batch.seats.push(vec![
                at.id.into(),
                at.category.code().into(),
                slot.into(),
                id.into(),
                person_id.into(),
            ]);
        }
        if let Some(open) = self.open.last_mut() {
            open.own.cadres += 1;
            open.own.cadres_done += i64::from(complete);
        }
    }

    /// Closes everything that stands open: the walk is over.
    pub(super) fn close(&mut self) {
        self.close_to(0);
    }

    fn close_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some(mut open) = self.open.pop() else { return };
            let rules = Rules::builtin();
            let category =
                RuleCategory::from_code(open.category.code()).unwrap_or(RuleCategory::Branch);
            if open.category.owns_members() {
                let done =
                    completeness::branch_complete(open.own.members, open.own.members_done, rules);
                open.own.branches_done = i64::from(done);
            } else {
                let done = completeness::cadres_complete(
                    category,
                    open.own.cadres,
                    open.own.cadres_done,
                    rules,
                );
                open.own.bodies_done = i64::from(done);
            }
            let mut subtree = open.below;
            subtree += open.own;
            if let Some(sector) = open.sector {
                *open.sectors.entry(sector).or_default() += open.own;
            }
            self.tally(&open.path, "self", open.sector, open.own);
            if open.children {
                self.tally(&open.path, "direct", None, open.direct);
            }
            self.tally(&open.path, "subtree", None, subtree);
            for (sector, counts) in &open.sectors {
                self.tally(&open.path, sector.code(), None, *counts);
            }
            if let Some(parent) = self.open.last_mut() {
                parent.direct += open.own;
                parent.below += subtree;
                for (sector, counts) in open.sectors {
                    *parent.sectors.entry(sector).or_default() += counts;
                }
            }
        }
    }

    fn tally(&mut self, path: &str, scope: &str, sector: Option<Sector>, c: Counts) {
        self.batch.tallies.push(vec![
            path.into(),
            scope.into(),
            sector.map(Sector::code).into(),
            c.orgs.into(),
            c.branches.into(),
            c.branches_done.into(),
            c.bodies_done.into(),
            c.members.into(),
            c.members_done.into(),
            c.cadres.into(),
            c.cadres_done.into(),
        ]);
    }

    /// Takes the rows that wait.
    pub(super) fn take(&mut self) -> Batch {
        std::mem::take(&mut self.batch)
    }
    /// The moment at which everything was made.
    pub(super) fn now(&self) -> Millis {
        self.now
    }
}

/// An opaque public code: 26 lower-case letters and digits.
fn opaque(rng: &mut StdRng) -> String {
    let mut bits = rng.random::<u128>();
    let mut out = String::with_capacity(26);
    for _ in 0..26 {
        out.push(char::from(b"0123456789abcdefghjkmnpqrstvwxyz"[(bits & 31) as usize]));
        bits >>= 5;
    }
    out
}

/// Writes a batch in one transaction.
pub(super) async fn write(house: &House, batch: Batch, now: Millis) -> Result<()> {
    let mut cx = house.write(Who::System("demo")).await?;
    let tx = &mut cx.tx;
    let at = db::args![now];
    for rows in pieces(batch.orgs) {
        tx.run_of(sql!("INSERT INTO org (id, code, parent_id, path, depth, sort_no, next_child, short_name, full_name, name_py, category, industry, province, special_kind, phone, email, admin_posts, admin_filled, staff_posts, staff_filled, school_code, is_township, founded_on, elected_on, created_at, updated_at) SELECT id, code, parent_id, path, depth, sort_no, next_child, short_name, full_name, name_py, category, industry, province, special_kind, phone, email, admin_posts, admin_filled, staff_posts, staff_filled, school_code, is_township, founded_on, elected_on, $1, $1 FROM {rows: id int, code text, parent_id int, path text, depth int, sort_no int, next_child int, short_name text, full_name text, name_py text, category text, industry text, province text, special_kind text, phone text, email text, admin_posts int, admin_filled int, staff_posts int, staff_filled int, school_code text, is_township bool, founded_on text, elected_on text} AS v"), at, rows).await?;
    }
    for rows in pieces(batch.persons) {
        tx.run_of(sql!("INSERT INTO person (id, code, name, name_py, id_ct, id_bi, id_bi_ver, sex, birth_ym, mobile_ct, mobile_bi, ethnic, political, education, check_state, missing, complete, created_at, updated_at) SELECT id, code, name, name_py, id_ct, id_bi, id_bi_ver, sex, birth_ym, mobile_ct, mobile_bi, ethnic, political, education, check_state, missing, complete, $1, $1 FROM {rows: id int, code text, name text, name_py text, id_ct blob, id_bi blob, id_bi_ver int, sex text, birth_ym text, mobile_ct blob, mobile_bi blob, ethnic text, political text, education text, check_state text, missing text, complete bool} AS v"), at, rows).await?;
    }
    for rows in pieces(batch.members) {
        tx.run_of(sql!("INSERT INTO member (person_id, org_id, org_category, org_path, name, name_py, joined, dev_number, complete, check_state, entered_at) SELECT person_id, org_id, org_category, org_path, name, name_py, joined, dev_number, complete, check_state, $1 FROM {rows: person_id int, org_id int, org_category text, org_path text, name text, name_py text, joined text, dev_number text, complete bool, check_state text} AS v"), at, rows).await?;
    }
    for rows in pieces(batch.cadres) {
        tx.run_of(sql!("INSERT INTO cadre (id, person_id, org_id, org_path, name, name_py, post, since, nature, in_party_committee, complete, started_at) SELECT id, person_id, org_id, org_path, name, name_py, post, since, nature, in_party_committee, complete, $1 FROM {rows: id int, person_id int, org_id int, org_path text, name text, name_py text, post text, since text, nature text, in_party_committee bool, complete bool} AS v"), at, rows).await?;
    }
    for rows in pieces(batch.seats) {
        tx.run_of(sql!("INSERT INTO admin_seat (org_id, org_category, slot, cadre_id, person_id, granted_at, confirmed_at, used_at) SELECT org_id, org_category, slot, cadre_id, person_id, $1, $1, $1 FROM {rows: org_id int, org_category text, slot int, cadre_id int, person_id int} AS v"), at, rows).await?;
    }
    for rows in pieces(batch.tallies) {
        tx.run_of(sql!("INSERT INTO tally (org_path, scope, sector, orgs, branches, branches_done, bodies_done, members, members_done, cadres, cadres_done, changed_at) SELECT org_path, scope, sector, orgs, branches, branches_done, bodies_done, members, members_done, cadres, cadres_done, $1 FROM {rows: org_path text, scope text, sector text, orgs int, branches int, branches_done int, bodies_done int, members int, members_done int, cadres int, cadres_done int} AS v"), at, rows).await?;
    }
    // The index is sorted by gram: in order a batch touches each of its pages once.
    for rows in pieces(batch.grams) {
        tx.run_of(sql!("INSERT INTO org_gram (gram, depth, path) SELECT gram, depth, path FROM {rows: gram text, depth int, path text} AS v ORDER BY gram, depth, path"), &[], rows).await?;
    }
    cx.commit().await
}

fn pieces(rows: Rows) -> Vec<Rows> {
    let mut rows = rows.into_iter();
    let mut found = vec![];
    loop {
        let piece: Rows = rows.by_ref().take(PIECE).collect();
        if piece.is_empty() {
            return found;
        }
        found.push(piece);
    }
}

/// Gives a large bulk the memory it needs on SQLite, and takes it back afterwards.
pub(super) async fn prepare(house: &House, bulk: bool) -> Result<()> {
    let mut cx = house.write(Who::System("demo")).await?;
    if cx.tx.engine() == db::Engine::Sqlite {
        let text = if bulk {
            sql!("{lite: PRAGMA cache_size = -262144}{pg: SELECT 1}")
        } else {
            sql!("{lite: PRAGMA cache_size = -2048}{pg: SELECT 1}")
        };
        cx.tx.run(text, &[]).await?;
    }
    cx.commit().await
}

/// Notes that everybody made until now was planted: the book does not tell how they came in (I24).
pub(super) async fn note_planted(cx: &mut crate::Cx) -> Result<()> {
    let now = cx.now().to_string();
    cx.tx
        .run(
            sql!("INSERT INTO setting (name, value) VALUES ('people_planted_until', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value"),
            db::args![now],
        )
        .await?;
    Ok(())
}

/// An account with this password, and a token for programs, which is returned.
pub(super) async fn account(house: &House, person: i64, password: &str) -> Result<String> {
    let hash = crate::users::password::hash(house, password).await?;
    crate::act!(house, Who::System("demo"), |cx| {
        let now = cx.now();
        Ok(cx
            .tx
            .run(
                sql!("INSERT INTO account (person_id, password_hash, created_at, changed_at) VALUES ($1, $2, $3, $3)"),
                db::args![person, &hash, now],
            )
            .await?)
    })?;
    crate::users::tokens::make(house, PersonId(person), "演示", 365).await
}
