//! The demonstration: a deterministic generator of trees, people and pending business, from a
//! school of a thousand members to a nation. It feeds `tuanjian demo`, tests and benchmarks. The
//! same seed and clock make the same data.

mod business;
mod cadres;
mod codes;
mod names;
mod org_workbooks;
mod persons;
mod season;
mod store;
mod tidy;
mod tree;
mod waiting;
/// Sample workbooks.
pub mod workbooks;

use crate::{Error, House, Result, Who, act, clock, events::Event, orgs::Category};
use persons::{People, Person};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::Serialize;
use store::{At, Book};
use tree::{Grown, Walk};

/// How large the demonstration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// About 1,000 members: one school and a few neighbours on a thin way down from 团中央.
    School,
    /// About 100,000 members: 合肥 with all its counties.
    City,
    /// About a million members: 安徽 with all its cities.
    Province,
    /// All provinces, about so many members in all.
    Nation(u64),
}
impl Scale {
    fn members(self) -> u64 {
        match self {
            Self::School => 1_000,
            Self::City => 100_000,
            Self::Province => 1_000_000,
            Self::Nation(members) => members,
        }
    }
}

/// What is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub scale: Scale,
    /// Members a branch instead of about 25; 0 makes organisations alone (the scale's number
    /// divided by 25 is the number of branches), with cadres only where somebody signs in.
    pub members_per_branch: Option<u32>,
    pub seed: u64,
}
impl Plan {
    /// The usual demonstration of a scale.
    pub fn of(scale: Scale) -> Self {
        Self { scale, members_per_branch: None, seed: 20_221_115 }
    }
}

/// Members a branch, on the average.
const A_BRANCH: u64 = 25;

/// The password of everybody in [`Made::sign_ins`].
pub const PASSWORD: &str = "Qinghe-Xiaoqiao74";

/// What was made.
#[derive(Serialize)]
pub struct Made {
    pub orgs: u64,
    pub members: u64,
    pub sign_ins: Vec<SignIn>,
    /// For sample workbooks: the demonstration's branch and people who are known already.
    #[serde(skip)]
    pub samples: Samples,
}

/// Somebody who can sign in. Deliberately without `Debug`: it carries an ID number.
#[derive(Serialize)]
pub struct SignIn {
    /// operator, centre, province, county, committee, general-branch, branch, member or
    /// second-operator (acts of operators need two).
    pub role: &'static str,
    pub name: String,
    pub id_number: String,
    pub password: &'static str,
    /// 组织码 of the organisation that she acts for.
    pub org: String,
    /// A personal token for programs.
    pub token: String,
}

/// What sample workbooks need to know.
#[derive(Default)]
pub struct Samples {
    /// 组织码 and name of the demonstration's branch.
    pub branch: (String, String),
    /// The province of the branch.
    pub province: String,
    /// September of this year is when the branch's people entered the university.
    pub entered: i16,
    /// Name, ID number and month of admission of a member of the branch.
    pub here: Option<(String, String, String)>,
    /// The same of a member of another branch.
    pub elsewhere: Option<(String, String, String)>,
    /// A development number that is taken.
    pub taken_number: Option<String>,
}

impl Samples {
    /// Whether the demonstration has a branch with people.
    pub fn has_people(&self) -> bool {
        self.here.is_some()
    }
}

/// A person of the demonstration's way down, for sign-ins and pending business.
struct Known {
    id: i64,
    name: String,
    id_number: String,
}
/// An organisation of the way down or beside it.
struct Place {
    at: At,
    short: String,
    star: bool,
    admin: Option<Known>,
    members: Vec<Known>,
}

/// Makes the demonstration in an empty, migrated database.
pub async fn make(house: &House, plan: &Plan) -> Result<Made> {
    let branches = (plan.scale.members() / A_BRANCH).max(40);
    let today = clock::day(house.now());
    let school_year = if today.month() >= 9 { today.year() } else { today.year() - 1 };
    let mut maker = Maker {
        plan,
        people: People::new(plan.seed, today),
        rng: StdRng::seed_from_u64(plan.seed ^ 0x5eed),
        book: Book::new(house, plan.seed),
        cast: vec![],
        samples: Samples::default(),
        star_paths: vec![],
    };
    let mut walk = Walk::new(plan.scale, branches, plan.seed, school_year);
    store::prepare(house, true).await?;
    let mut ready = maker.gather(&mut walk).await;
    while let Some(batch) = ready {
        // The next batch is thought up while this one is being written.
        let (written, next) =
            tokio::join!(store::write(house, batch, maker.book.now()), maker.gather(&mut walk));
        written?;
        ready = next;
    }
    store::prepare(house, false).await?;
    let (orgs, members) = (maker.book.orgs, maker.book.members);
    let Maker { cast, samples, mut people, mut rng, .. } = maker;
    let operators = [
        operator(house, &mut people, &mut rng).await?,
        operator(house, &mut people, &mut rng).await?,
    ];
    business::make(house, &cast).await?;
    cadres::make(house, &cast).await?;
    let added = tidy::make(house, &cast, orgs).await?;
    let orgs = orgs.saturating_add_signed(added);
    let orgs = orgs + season::make(house, &cast).await?;
    waiting::make(house, &cast, &operators).await?;
    let sign_ins = sign_ins(house, &cast, &operators).await?;
    let peopled = plan.members_per_branch != Some(0);
    let orgs = if peopled { orgs + codes::make(house, &cast).await? } else { orgs };
    let root = cast.first().map_or(0, |place| place.at.id);
    act!(house, Who::System("demo"), |cx| {
        store::note_planted(cx).await?;
        let scale = format!("{:?}", plan.scale).to_lowercase();
        let detail = serde_json::json!({ "scale": scale, "orgs": orgs, "members": members });
        cx.note(Event::new("demo.made", "org", root).at("000").detail(detail)).await
    })?;
    Ok(Made { orgs, members, sign_ins, samples })
}

/// Thinks up organisation after organisation with its people.
struct Maker<'a> {
    plan: &'a Plan,
    people: People,
    rng: StdRng,
    book: Book<'a>,
    cast: Vec<Place>,
    samples: Samples,
    star_paths: Vec<String>,
}

/// So many organisations beside the way down are remembered.
const CAST: usize = 400;

impl Maker<'_> {
    /// Goes on until a batch is full; `None` when the walk is over and nothing waits.
    async fn gather(&mut self, walk: &mut Walk) -> Option<store::Batch> {
        let before = self.book.orgs;
        for grown in walk.by_ref() {
            self.org(&grown);
            // Lets the writing of the last batch go on.
            tokio::task::yield_now().await;
            if self.book.batch.is_full() {
                return Some(self.book.take());
            }
        }
        self.book.close();
        let last = self.book.take();
        (self.book.orgs > before || last.is_full() || !last.is_empty()).then_some(last)
    }

    fn org(&mut self, grown: &Grown) {
        let at = self.book.org(grown, &mut self.rng);
        let parent = &grown.path[..grown.path.len().saturating_sub(3)];
        let beside = self.star_paths.iter().any(|p| p == parent) && self.cast.len() < CAST;
        let near = grown.seed.star || beside || self.is_near(parent);
        if grown.seed.star {
            self.star_paths.push(grown.path.clone());
        }
        let peopled = self.plan.members_per_branch != Some(0) || grown.seed.star;
        let mut place = Place {
            short: grown.seed.short.clone(),
            star: grown.seed.star,
            admin: None,
            members: vec![],
            at,
        };
        if at_branch(&place.at) {
            self.branch(grown, &mut place, near);
        } else if peopled {
            self.body(grown, &mut place);
        }
        if near {
            self.cast.push(place);
        }
    }

    /// Whether the superior stands directly beside the way down.
    fn is_near(&self, parent: &str) -> bool {
        self.cast.len() < CAST
            && self.cast.iter().rev().any(|p| p.at.path == parent && p.at.path.len() > 12)
    }

    /// People of a leading organ, a committee or a general branch.
    fn body(&mut self, grown: &Grown, place: &mut Place) {
        let posts: &[&str] = match grown.seed.category {
            Category::Lead => &["书记", "副书记", "部长/副部长", "工作人员"],
            Category::General => &["书记", "副书记"],
            _ => &["书记", "副书记", "委员"],
        };
        let careless = self.rng.random_range(0..100) < 8;
        for (n, post) in posts.iter().enumerate() {
            let mut person = self.people.cadre(&grown.seed.province);
            if careless && n == posts.len() - 1 {
                self.people.forget_something(&mut person);
            }
            let id = self.book.person(&place.at, &person, &mut self.rng);
            let slot = (n < 2).then_some(n as i64 + 1);
            self.book.cadre(&place.at, (id, &person), post, slot, &mut self.rng);
            if n == 0 {
                place.admin = Some(known(id, &person));
            }
        }
    }

    /// The members of a branch; the first of them hold its posts.
    fn branch(&mut self, grown: &Grown, place: &mut Place, near: bool) {
        const POSTS: [&str; 4] = ["书记", "副书记", "组织委员", "宣传委员"];
        let usual = match grown.seed.cohort {
            persons::Cohort::Working => self.rng.random_range(12..=28),
            _ => self.rng.random_range(22..=36),
        };
        let many = self.plan.members_per_branch.unwrap_or(if grown.seed.star { 36 } else { usual });
        // Gaps come in heaps: most branches have none, some have many.
        let careless = grown.seed.star || self.rng.random_range(0..100) < 25;
        for n in 0..many as usize {
            let mut person = self.people.member(grown.seed.cohort, &grown.seed.province);
            if careless && n >= POSTS.len() + 2 && self.rng.random_range(0..100) < 28 {
                self.people.forget_something(&mut person);
            }
            let id = self.book.person(&place.at, &person, &mut self.rng);
            if let Some(post) = POSTS.get(n) {
                let slot = (n < 2).then_some(n as i64 + 1);
                self.book.cadre(&place.at, (id, &person), post, slot, &mut self.rng);
            }
            if n == 0 {
                place.admin = Some(known(id, &person));
            } else if near && n >= POSTS.len() {
                place.members.push(known(id, &person));
            }
            self.sample(grown, place, n, &person);
        }
    }

    /// Remembers what sample workbooks need.
    fn sample(&mut self, grown: &Grown, place: &Place, n: usize, person: &Person) {
        let facts =
            || Some((person.name.clone(), person.id_number.clone(), person.joined.clone()?));
        if grown.seed.star && n == 8 {
            self.samples.branch = (place.at.code.clone(), place.short.clone());
            self.samples.province.clone_from(&grown.seed.province);
            self.samples.here = facts();
            if let persons::Cohort::University(entered) = grown.seed.cohort {
                self.samples.entered = entered;
            }
        } else if !grown.seed.star
            && n == 6
            && self.samples.elsewhere.is_none()
            && !self.samples.branch.0.is_empty()
        {
            self.samples.elsewhere = facts();
        }
        // Late enough that everybody of the class was old enough in that year.
        let late = person.joined.as_ref().is_some_and(|joined| {
            joined
                .get(..4)
                .and_then(|y| y.parse().ok())
                .is_some_and(|y: i16| y >= self.samples.entered - 3)
        });
        if grown.seed.star && n > 8 && late {
            self.samples.taken_number.clone_from(&person.dev_number);
        }
    }
}

fn at_branch(at: &At) -> bool {
    at.category.owns_members()
}

fn known(id: i64, person: &Person) -> Known {
    Known { id, name: person.name.clone(), id_number: person.id_number.clone() }
}

/// A system operator: a person who is in no organisation.
async fn operator(house: &House, people: &mut People, rng: &mut StdRng) -> Result<Known> {
    let person = people.cadre("11");
    let mut book = Book::new(house, 0);
    let nowhere = At { id: 0, code: String::new(), path: String::new(), category: Category::Lead };
    let id = book.person(&nowhere, &person, rng);
    store::write(house, book.take(), book.now()).await?;
    act!(house, Who::System("demo"), |cx| {
        let now = cx.now();
        Ok(cx
            .tx
            .run(
                db::sql!("INSERT INTO operator (person_id, granted_at) VALUES ($1, $2)"),
                db::args![id, now],
            )
            .await?)
    })?;
    Ok(known(id, &person))
}

/// Accounts and tokens for one person of every role.
async fn sign_ins(house: &House, cast: &[Place], operators: &[Known; 2]) -> Result<Vec<SignIn>> {
    let root = cast.first().ok_or_else(|| Error::Broken("the demonstration has no root".into()))?;
    let mut chosen: Vec<(&'static str, &Known, &At)> = vec![("operator", &operators[0], &root.at)];
    for place in cast.iter().filter(|p| p.star) {
        let role = match (place.at.category, place.at.path.len() / 3) {
            (Category::Lead, 1) => "centre",
            (Category::Lead, 2) => "province",
            (Category::Lead, 4) => "county",
            (Category::Committee, 4) => "committee",
            (Category::General, _) => "general-branch",
            (Category::Branch, _) => "branch",
            _ => continue,
        };
        chosen.extend(place.admin.as_ref().map(|admin| (role, admin, &place.at)));
        if role == "branch" {
            chosen.extend(place.members.get(1).map(|member| ("member", member, &place.at)));
        }
    }
    chosen.push(("second-operator", &operators[1], &root.at));
    let mut found = vec![];
    for (role, who, at) in chosen {
        let token = store::account(house, who.id, PASSWORD).await?;
        found.push(SignIn {
            role,
            name: who.name.clone(),
            id_number: who.id_number.clone(),
            password: PASSWORD,
            org: at.code.clone(),
            token,
        });
    }
    Ok(found)
}
