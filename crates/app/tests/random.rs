//! Thousands of random acts by everybody on one small tree, some of them two at once: whatever is
//! tried, the answer is one for people, and the house is whole afterwards.
//!
//! `TUANJIAN_RANDOM=60000` tries more, `TUANJIAN_SEED=7` draws other ones. The same seed draws the
//! same acts; a failure prints its seed and the last of them.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop there")]
#![expect(clippy::disallowed_methods, reason = "how many acts and which are asked by the caller")]
#![expect(clippy::large_futures, reason = "one act is one future, awaited where it is made")]

use app::{
    Error, OrgRef, Result, Who, access, act,
    business::{self, machine::Kind},
    cadres,
    clock::{HOUR, MINUTE},
    closings, codes, events, fsck, imports, jobs,
    orgs::{self, Category, OrgId},
    people::{self, PersonId, edit::Changes},
    relocations,
    rules::{
        Column,
        person::{Draft, RawCell},
    },
    stats,
    testkit::{self, Lab},
    transfers::{self, LookedUp, NewIn, Origin},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::sync::Mutex;

/// What is tried, and how often beside the others.
#[derive(Clone, Copy, Debug)]
enum What {
    SendOut,
    AskFor,
    Decide,
    DecideMany,
    TakeBack,
    UndoDecision,
    Urge,
    Enter,
    Edit,
    Import,
    UndoImport,
    EnterCadre,
    LetGo,
    Appoint,
    Revoke,
    Create,
    Close,
    Restore,
    Reorder,
    IssueCodes,
    RevokeCodes,
    Relocate,
    Observe,
    TimePasses,
}
const MIX: [(What, u32); 24] = [
    (What::SendOut, 16),
    (What::AskFor, 6),
    (What::Decide, 22),
    (What::DecideMany, 3),
    (What::TakeBack, 6),
    (What::UndoDecision, 6),
    (What::Urge, 2),
    (What::Enter, 8),
    (What::Edit, 8),
    (What::Import, 3),
    (What::UndoImport, 2),
    (What::EnterCadre, 5),
    (What::LetGo, 3),
    (What::Appoint, 4),
    (What::Revoke, 3),
    (What::Create, 3),
    (What::Close, 3),
    (What::Restore, 3),
    (What::Reorder, 2),
    (What::IssueCodes, 3),
    (What::RevokeCodes, 2),
    (What::Relocate, 3),
    (What::Observe, 3),
    (What::TimePasses, 6),
];

/// One act as it was drawn: what, and numbers that choose who, whom and where.
#[derive(Clone, Copy, Debug)]
struct Drawn {
    what: What,
    n: [usize; 4],
}

fn draw(rng: &mut StdRng) -> Drawn {
    let mut left = rng.random_range(0..MIX.iter().map(|(_, weight)| weight).sum());
    let chosen = MIX.iter().find(|(_, weight)| {
        let here = left < *weight;
        left = left.saturating_sub(if here { 0 } else { *weight });
        here
    });
    let n = std::array::from_fn(|_| rng.random_range(0..1_000_000));
    Drawn { what: chosen.unwrap().0, n }
}

struct World {
    lab: Lab,
    orgs: Mutex<Vec<OrgId>>,
    people: Mutex<Vec<PersonId>>,
    imports: Mutex<Vec<(OrgId, imports::ImportId)>>,
}

fn pick<T: Copy>(list: &Mutex<Vec<T>>, n: usize) -> T {
    let list = list.lock().unwrap();
    list[n % list.len()]
}

fn draft(name: &str, number: &str, mobile: usize) -> Draft {
    Draft {
        name: RawCell::text(name),
        id_number: RawCell::text(number),
        ethnic: RawCell::text("汉族"),
        political: RawCell::text("共青团员"),
        education: RawCell::text("大学本科"),
        joined: RawCell::text("2015-09"),
        mobile: RawCell::text(format!("138{:08}", mobile % 100_000_000)),
        ..Draft::default()
    }
}

impl World {
    async fn new() -> Self {
        let lab = testkit::fresh().await;
        let t = lab.tree().await;
        let all = [
            &t.centre,
            &t.province,
            &t.city,
            &t.county,
            &t.committee,
            &t.general,
            &t.branch,
            &t.sister,
            &t.direct,
            &t.other_committee,
            &t.other_branch,
            &t.far_province,
            &t.far_committee,
            &t.far_branch,
        ];
        let mut people = Vec::new();
        for org in all {
            for name in ["王老师", "李老师"] {
                let Who::Person(visitor) = lab.admin(org, name).await else { unreachable!() };
                people.push(visitor.person);
            }
            if org.category.owns_members() {
                for name in ["张一", "张二", "张三", "张四"] {
                    people.push(lab.member(org, name).await);
                }
            }
        }
        let orgs = all.iter().map(|org| org.id).collect();
        Self { lab, orgs: Mutex::new(orgs), people: Mutex::new(people), imports: Mutex::default() }
    }

    async fn org(&self, id: OrgId) -> Result<OrgRef> {
        let mut cx = self.lab.house.read(Who::System("test")).await?;
        orgs::by_id(&mut cx, id).await
    }
    async fn person(&self, id: PersonId) -> Result<people::Person> {
        let mut cx = self.lab.house.read(Who::System("test")).await?;
        people::person::read(&mut cx, id).await
    }
    /// Somebody of the people acts for an organisation, as if she were its administrator.
    async fn acting(&self, org: OrgId, n: usize) -> Result<(Who, OrgRef)> {
        let org = self.org(org).await?;
        let role = access::admin_role(org.category, org.depth());
        Ok((self.lab.acting(pick(&self.people, n), "代理", &org, role), org))
    }
    /// Where she is a member now, or anywhere.
    async fn home(&self, person: PersonId, n: usize) -> Result<OrgId> {
        let home = self.person(person).await?.membership.map(|m| m.org.id);
        Ok(home.unwrap_or_else(|| pick(&self.orgs, n)))
    }
    /// A number of business in somebody's hands or begun by her.
    async fn business(&self, who: &Who, started: bool, n: usize) -> Result<String> {
        let mut cx = self.lab.house.read(who.clone()).await?;
        let ask = business::Ask::default();
        let mut lines = match started {
            true => business::started(&mut cx, &ask, 50).await?.lines,
            false => business::waiting(&mut cx, &ask, 50).await?.lines,
        };
        if !started {
            lines.extend(business::waiting_below(&mut cx, &ask, 50).await?.lines);
        }
        let found = lines.get(n % lines.len().max(1)).map(|line| line.no.clone());
        found.ok_or(Error::NotFound)
    }
    /// An organisation that has something to decide, if there is one within some tries.
    async fn decider(&self, n: [usize; 4], started: bool) -> Result<(Who, OrgRef, String)> {
        let all = self.orgs.lock().unwrap().len();
        for more in 0..all {
            let Ok((who, org)) = self.acting(pick(&self.orgs, n[0] + more), n[1]).await else {
                continue;
            };
            if let Ok(no) = self.business(&who, started, n[2]).await {
                return Ok((who, org, no));
            }
        }
        Err(Error::NotFound)
    }

    async fn act(&self, drawn: Drawn) -> Result<()> {
        let (house, n) = (&self.lab.house, drawn.n);
        // Now and then a page that is older than the data.
        let stale = i64::from(n[3] % 10 == 0);
        match drawn.what {
            What::SendOut => {
                let person = pick(&self.people, n[0]);
                let (who, _) = self.acting(self.home(person, n[1]).await?, n[2]).await?;
                let new = transfers::New {
                    person: self.person(person).await?.code,
                    to: self.org(pick(&self.orgs, n[3])).await?.code,
                    reason: ["job_change", "school", "other"][n[1] % 3].into(),
                    fields: [("unit_name".to_owned(), "六中".to_owned())].into(),
                    remark: String::new(),
                };
                act!(house, who, |cx| transfers::start(cx, &new).await.map(|_| ()))
            }
            What::AskFor => {
                let person = self.person(pick(&self.people, n[0])).await?;
                let (who, _) = self.acting(pick(&self.orgs, n[1]), n[2]).await?;
                let number = person.id_number.reveal().to_owned();
                let looked = act!(house, who.clone(), |cx| {
                    transfers::by_number(cx, &person.name, &number).await
                })?;
                let LookedUp::Found(ticket) = looked else { return Ok(()) };
                let new = NewIn {
                    origin: Origin::Ticket(ticket),
                    reason: "job_change".into(),
                    fields: [("unit_name".to_owned(), "六中".to_owned())].into(),
                    remark: String::new(),
                };
                act!(house, who, |cx| transfers::start_in(cx, &new).await.map(|_| ()))
            }
            What::Decide => {
                let (who, _, no) = self.decider(n, false).await?;
                self.decide(&who, &no, n[3], stale).await
            }
            What::DecideMany => {
                let (who, _, no) = self.decider(n, false).await?;
                let mut cx = house.read(who.clone()).await?;
                let lines = business::waiting(&mut cx, &business::Ask::default(), 20).await?.lines;
                drop(cx);
                let choices: Vec<transfers::Choice> = lines
                    .into_iter()
                    .map(|line| transfers::Choice { no: line.no, version: 1, branch: None })
                    .chain([transfers::Choice { no, version: 2, branch: None }])
                    .collect();
                transfers::decide_many(house, &who, &app::Origin::default(), &choices).await;
                Ok(())
            }
            What::TakeBack => {
                let (who, _, no) = self.decider(n, true).await?;
                let version = self.version(&who, &no).await? - stale;
                match business::kind_of(&no) {
                    Some(Kind::Transfer) => act!(house, who, |cx| {
                        transfers::withdraw(cx, &no, version).await.map(|_| ())
                    }),
                    _ => act!(house, who, |cx| {
                        relocations::withdraw(cx, &no, version).await.map(|_| ())
                    }),
                }
            }
            What::UndoDecision => {
                let (who, _) = self.acting(pick(&self.orgs, n[0]), n[1]).await?;
                let mut cx = house.read(who.clone()).await?;
                let list = transfers::undoable(&mut cx).await?;
                drop(cx);
                let Some(one) = list.get(n[2] % list.len().max(1)) else { return Ok(()) };
                let version = self.version(&who, &one.no).await? - stale;
                act!(house, who, |cx| transfers::undo(cx, &one.no, version).await.map(|_| ()))
            }
            What::Urge => {
                let (who, _, no) = self.decider(n, true).await?;
                act!(house, who, |cx| transfers::urge(cx, &no).await.map(|_| ()))
            }
            What::Enter => {
                let (who, org) = self.acting(pick(&self.orgs, n[0]), n[1]).await?;
                // Every third time somebody who is known already.
                let known = match n[2] % 3 {
                    0 => Some(self.person(pick(&self.people, n[3])).await?),
                    _ => None,
                };
                let (name, number) = match &known {
                    Some(person) => (person.name.clone(), person.id_number.reveal().to_owned()),
                    None => ("新来的".to_owned(), self.lab.next_id_number()),
                };
                let form = draft(&name, &number, n[3]);
                let id = act!(house, who, |cx| people::add(cx, &org, &form).await)?;
                if known.is_none() {
                    self.people.lock().unwrap().push(id);
                }
                Ok(())
            }
            What::Edit => {
                let person = pick(&self.people, n[0]);
                let (who, _) = self.acting(self.home(person, n[1]).await?, n[2]).await?;
                let card = self.person(person).await?;
                let mobile = format!("139{:08}", n[3] % 100_000_000);
                let fields = [(Column::Mobile, mobile)].into();
                let changes = Changes { version: card.version - stale, fields };
                act!(house, who, |cx| people::edit::edit(cx, &card.code, &changes).await)
            }
            What::Import => self.import(n).await,
            What::UndoImport => {
                let last = self.imports.lock().unwrap().pop();
                let Some((org, id)) = last else { return Ok(()) };
                let (who, _) = self.acting(org, n[0]).await?;
                act!(house, who, |cx| imports::undo::undo(cx, id).await.map(|_| ()))
            }
            What::EnterCadre => {
                let (who, org) = self.acting(pick(&self.orgs, n[0]), n[1]).await?;
                let person = self.person(pick(&self.people, n[2])).await?;
                let new = cadres::NewCadre {
                    name: person.name.clone(),
                    id_number: RawCell::text(person.id_number.reveal()),
                    mobile: String::new(),
                    post: cadres::PostForm {
                        post: ["书记", "副书记", "组织委员"][n[3] % 3].into(),
                        since: "2026-05".into(),
                        ..cadres::PostForm::default()
                    },
                };
                act!(house, who, |cx| cadres::change::enter(cx, &org, &new).await.map(|_| ()))
            }
            What::LetGo | What::Appoint | What::Revoke => self.cadre(drawn).await,
            What::Create => {
                let (who, org) = self.acting(pick(&self.orgs, n[0]), n[1]).await?;
                let kinds = [Category::Branch, Category::General, Category::Committee];
                let category = kinds[n[2] % 3];
                let new = orgs::New {
                    short_name: format!("第{}{}", n[3] % 40, category.label()),
                    full_name: None,
                    category,
                    industry: Some("school_senior".into()),
                };
                let made = act!(house, who, |cx| orgs::create_child(cx, &org, new.clone()).await)?;
                self.orgs.lock().unwrap().push(made.id);
                Ok(())
            }
            What::Close => {
                // Those that were made on the way, so that the tree does not die out.
                let made: Vec<OrgId> = self.orgs.lock().unwrap()[14..].to_vec();
                let Some(id) = made.get(n[0] % made.len().max(1)) else { return Ok(()) };
                let org = self.org(*id).await?;
                let Some(above) = orgs::parent_path(&org.path).map(str::to_owned) else {
                    return Ok(());
                };
                let (who, _) = self.acting(self.at_path(&above).await?, n[1]).await?;
                let ask = closings::Ask {
                    people: i64::try_from(n[2] % 4).unwrap(),
                    typed: org.short_name.clone(),
                };
                act!(house, who, |cx| closings::close(cx, &org.code, &ask).await.map(|_| ()))
            }
            What::Restore => {
                let (who, _) = self.acting(pick(&self.orgs, n[0]), n[1]).await?;
                let mut cx = house.read(who.clone()).await?;
                let closed = closings::list(&mut cx, None).await?.rows;
                drop(cx);
                let Some(one) = closed.get(n[2] % closed.len().max(1)) else { return Ok(()) };
                let how = closings::Restore { short_name: String::new(), people: n[3] % 2 == 0 };
                act!(house, who, |cx| closings::restore(cx, &one.code, &how).await.map(|_| ()))
            }
            What::Reorder => {
                let (who, parent) = self.acting(pick(&self.orgs, n[0]), n[1]).await?;
                let mut cx = house.read(who.clone()).await?;
                let (rows, _) = orgs::ranked(&mut cx, &parent, 1, 50).await?;
                drop(cx);
                let Some(row) = rows.get(n[2] % rows.len().max(1)) else { return Ok(()) };
                let to = [orgs::Move::Up, orgs::Move::Down, orgs::Move::Place(2)][n[3] % 3];
                act!(house, who, |cx| {
                    let child = orgs::by_code(cx, &row.code).await?;
                    orgs::reorder(cx, &child, to).await.map(|_| ())
                })
            }
            What::IssueCodes | What::RevokeCodes => {
                let (who, _) = self.acting(pick(&self.orgs, n[0]), n[1]).await?;
                let child = vec![self.org(pick(&self.orgs, n[2])).await?.code];
                match drawn.what {
                    What::IssueCodes => {
                        act!(house, who, |cx| codes::issue(cx, &child).await.map(|_| ()))
                    }
                    _ => act!(house, who, |cx| codes::revoke(cx, &child).await.map(|_| ())),
                }
            }
            What::Relocate => {
                let (who, _) = self.acting(pick(&self.orgs, n[0]), n[1]).await?;
                let to = self.org(pick(&self.orgs, n[2])).await?.code;
                let new = relocations::New { to, reason: "并入新校区管理".into() };
                act!(house, who, |cx| relocations::start(cx, &new).await.map(|_| ()))
            }
            What::Observe => {
                let (who, _) = self.acting(pick(&self.orgs, n[0]), n[1]).await?;
                let person = self.person(pick(&self.people, n[2])).await?;
                if n[3] % 3 == 0 {
                    return act!(house, who, |cx| {
                        cadres::observers::dismiss(cx, &person.code).await.map(|_| ())
                    });
                }
                let new = cadres::observers::NewObserver {
                    name: person.name.clone(),
                    id_number: RawCell::text(person.id_number.reveal()),
                    until: app::clock::day(house.now() + 40 * 24 * HOUR).to_string(),
                };
                act!(house, who, |cx| cadres::observers::appoint(cx, &new).await.map(|_| ()))
            }
            What::TimePasses => {
                let minutes = [1, 20, 90, 60 * 13][n[0] % 4];
                self.lab.clock.advance(minutes * MINUTE);
                jobs::tick(house).await?;
                jobs::run_all(house).await
            }
        }
    }

    async fn at_path(&self, path: &str) -> Result<OrgId> {
        let mut cx = self.lab.house.read(Who::System("test")).await?;
        Ok(orgs::names_to(&mut cx, path).await?.pop().ok_or(Error::NotFound)?.id)
    }
    async fn version(&self, who: &Who, no: &str) -> Result<i64> {
        let mut cx = self.lab.house.read(who.clone()).await?;
        Ok(match business::kind_of(no) {
            Some(Kind::Transfer) => transfers::by_no(&mut cx, no).await?.transfer.version,
            _ => relocations::by_no(&mut cx, no).await?.relocation.version,
        })
    }
    async fn decide(&self, who: &Who, no: &str, n: usize, stale: i64) -> Result<()> {
        let house = &self.lab.house;
        let version = self.version(who, no).await? - stale;
        if business::kind_of(no) != Some(Kind::Transfer) {
            return match n % 4 {
                0 => act!(house, who.clone(), |cx| {
                    relocations::give_back(cx, no, version, "不同意并入，请先协商")
                        .await
                        .map(|_| ())
                }),
                _ => act!(house, who.clone(), |cx| {
                    relocations::approve(cx, no, version).await.map(|_| ())
                }),
            };
        }
        let mut cx = house.read(who.clone()).await?;
        let shown = transfers::by_no(&mut cx, no).await?;
        let branches = match shown.rights.allocate {
            true => transfers::branches_of(&mut cx, &shown.transfer.to).await?,
            false => Vec::new(),
        };
        drop(cx);
        let branch = branches.get(n / 7 % branches.len().max(1)).map(|(code, _)| code.as_str());
        act!(house, who.clone(), |cx| match (n % 6, branch) {
            (0, _) => transfers::give_back(cx, no, version, "wrong_target", "").await.map(|_| ()),
            (1, _) => transfers::pass_on(cx, no, "superior", "").await.map(|_| ()),
            (2, Some(branch)) => transfers::allocate(cx, no, version, branch).await.map(|_| ()),
            _ => transfers::approve(cx, no, version, branch).await.map(|_| ()),
        })
    }
    async fn cadre(&self, drawn: Drawn) -> Result<()> {
        let (house, n) = (&self.lab.house, drawn.n);
        let (who, org) = self.acting(pick(&self.orgs, n[0]), n[1]).await?;
        let mut cx = house.read(who.clone()).await?;
        let board = cadres::admins::board(&mut cx, &org).await?;
        drop(cx);
        match drawn.what {
            What::Appoint => {
                let Some(one) = board.candidates.get(n[2] % board.candidates.len().max(1)) else {
                    return Ok(());
                };
                act!(house, who, |cx| cadres::admins::appoint(cx, &org, &one.code)
                    .await
                    .map(|_| ()))
            }
            _ => {
                let Some(seat) = board.seats.get(n[2] % board.seats.len().max(1)) else {
                    return Ok(());
                };
                let code = self.person(seat.person).await?.code;
                if matches!(drawn.what, What::Revoke) {
                    return act!(house, who, |cx| cadres::admins::revoke(cx, &org, &code)
                        .await
                        .map(|_| ()));
                }
                act!(house, who, |cx| {
                    let now = cadres::change::changing(cx, &org, &code).await?;
                    let version = now.held.ok_or(Error::NotFound)?.version;
                    cadres::change::remove(cx, &org, &code, version, "离任").await.map(|_| ())
                })
            }
        }
    }
    async fn import(&self, n: [usize; 4]) -> Result<()> {
        let house = &self.lab.house;
        let (who, org) = self.acting(pick(&self.orgs, n[0]), n[1]).await?;
        let known = self.person(pick(&self.people, n[2])).await?;
        let row = |name: &str, number: &str, n: usize| {
            format!("{name}\t{number}\t汉\t共青团员\t本科\t2016-05\t138{:08}\n", n % 100_000_000)
        };
        let text = format!(
            "姓名\t身份证号\t民族\t政治面貌\t学历\t入团年月\t手机号码\n{}{}{}",
            row("新一", &self.lab.next_id_number(), n[3]),
            row(&known.name, known.id_number.reveal(), n[2]),
            row("坏行", "123", n[1]),
        );
        let read = imports::read(house, imports::Source::Pasted(text)).await?;
        let import = act!(house, who.clone(), |cx| imports::stage(cx, &org, &read).await)?;
        act!(house, who, |cx| {
            imports::commit(cx, import.id, imports::Mode::Good).await.map(|_| ())
        })?;
        self.imports.lock().unwrap().push((org.id, import.id));
        jobs::run_all(house).await
    }
}

/// Whether an answer is one for people; the others are mistakes of ours.
fn is_for_people(answer: &Result<()>) -> bool {
    !matches!(
        answer,
        Err(Error::Broken(_)
            | Error::Unrecorded
            | Error::Storage(_)
            | Error::Unread(_)
            | Error::Retry
            | Error::Clash(_)
            | Error::SignedOut
            | Error::Restored
            | Error::ReadOnly)
    )
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_is_done_in_whatever_order_the_house_stays_whole() {
    let (seed, most) = (number("TUANJIAN_SEED", 1), number("TUANJIAN_RANDOM", 5_000));
    let mut rng = StdRng::seed_from_u64(seed);
    let w = World::new().await;
    let (mut last, mut done, mut tried) = (Vec::new(), 0_u64, 0_u64);
    while tried < most {
        let drawn = draw(&mut rng);
        // Every fifth is met by another one in the same moment.
        let beside = rng.random_ratio(1, 5).then(|| draw(&mut rng));
        last.push((drawn, beside));
        let answers = match beside {
            Some(other) => {
                let (a, b) = tokio::join!(w.act(drawn), w.act(other));
                vec![a, b]
            }
            None => vec![w.act(drawn).await],
        };
        for answer in answers {
            tried += 1;
            done += u64::from(answer.is_ok());
            let recent = &last[last.len().saturating_sub(5)..];
            assert!(
                is_for_people(&answer),
                "seed {seed}, act {tried}: {answer:?} after {recent:#?}"
            );
        }
        if tried % 500 < 2 {
            stats::settle(&w.lab.house).await.unwrap();
            let report = fsck::run(&w.lab.house, false).await.unwrap();
            assert!(report.is_clean(), "seed {seed}, act {tried}: {:#?}", report.findings);
        }
    }
    // A third at least was no refusal: the mix still does something.
    assert!(done * 3 > tried, "{done} of {tried} acts were done");
    jobs::run_all(&w.lab.house).await.unwrap();
    stats::settle(&w.lab.house).await.unwrap();
    w.lab.is_whole().await;
    while events::seal(&w.lab.house, 2_000).await.unwrap().0 == 2_000 {}
    let (rows, faults) = events::verify(&w.lab.house, None).await.unwrap();
    assert_eq!(faults, []);
    assert!(rows > done / 2, "every act is in the book: {rows}");
    println!("seed {seed}: {tried} acts, {done} done, {rows} rows in the audit book");
}
