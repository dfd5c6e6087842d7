//! People with roles.

use super::Lab;
use crate::{
    Cx, Grant, OrgRef, Result, Role, Visitor, Who, access, act, keys::Place,
    orgs::pinyin::person_initials as initials, people::PersonId,
};
use db::{args, sql};
use std::sync::{Arc, atomic::Ordering};

impl Lab {
    /// An ID number that nobody in this laboratory has yet: valid, 合肥市庐阳区, born in 2001.
    pub fn next_id_number(&self) -> String {
        let n = self.people.fetch_add(1, Ordering::Relaxed);
        let (month, day, order) = (n / 27_972 % 12 + 1, n / 999 % 28 + 1, n % 999 + 1);
        with_check_digit(&format!("3401032001{month:02}{day:02}{order:03}"))
    }

    /// Plants a person whose profile is complete.
    pub async fn person(&self, name: &str) -> PersonId {
        let id_number = self.next_id_number();
        self.person_with(name, &id_number).await
    }

    /// Plants a person with this ID number whose profile is complete.
    pub async fn person_with(&self, name: &str, id_number: &str) -> PersonId {
        act!(self.house, Who::System("testkit"), |cx| insert_person(cx, name, id_number).await)
            .expect("a person can be planted")
    }

    /// Plants a person as member of a branch (admitted in September 2015, profile complete).
    pub async fn member(&self, branch: &OrgRef, name: &str) -> PersonId {
        let id_number = self.next_id_number();
        act!(self.house, Who::System("testkit"), |cx| {
            let person = insert_person(cx, name, &id_number).await?;
            let graduated = branch.category == crate::orgs::Category::Graduate;
            cx.tx
                .run(
                    sql!("INSERT INTO member (person_id, org_id, org_category, org_path, name, name_py, joined, complete, entered_at, graduation, graduation_at) VALUES ($1, $2, $3, $4, $5, $6, '2015-09', TRUE, $7, $8, $9)"),
                    args![
                        person, branch.id, branch.category.code(), &branch.path, name,
                        initials(name), cx.now(),
                        graduated.then_some("graduate"), graduated.then(|| cx.now())
                    ],
                )
                .await?;
            cx.tx
                .run(
                    sql!("INSERT INTO delta (id, org_path, members, members_done, at) VALUES ($1, $2, 1, 1, $3)"),
                    args![cx.new_id(), &branch.path, cx.now()],
                )
                .await?;
            Ok(person)
        })
        .expect("a member can be planted")
    }

    /// Makes a planted person a member of a branch.
    pub async fn joins(&self, branch: &OrgRef, person: PersonId) {
        act!(self.house, Who::System("testkit"), |cx| {
            cx.tx
                .run(
                    sql!("INSERT INTO member (person_id, org_id, org_category, org_path, name, name_py, joined, complete, entered_at) SELECT id, $1, $2, $3, name, name_py, '2015-09', complete, $4 FROM person WHERE id = $5"),
                    args![branch.id, branch.category.code(), &branch.path, cx.now(), person],
                )
                .await?;
            cx.tx
                .run(
                    sql!("INSERT INTO delta (id, org_path, members, members_done, at) VALUES ($1, $2, 1, 1, $3)"),
                    args![cx.new_id(), &branch.path, cx.now()],
                )
                .await?;
            Ok(())
        })
        .expect("a person can join");
    }

    /// Gives a person a post; returns the id of the row.
    pub async fn cadre(&self, org: &OrgRef, person: PersonId, post: &str) -> i64 {
        act!(self.house, Who::System("testkit"), |cx| {
            let id = cx.new_id();
            cx.tx
                .run(
                    sql!("INSERT INTO cadre (id, person_id, org_id, org_path, name, name_py, post, since, nature, complete, started_at) SELECT $1, id, $2, $3, name, name_py, $4, '2024-09', '专职', TRUE, $5 FROM person WHERE id = $6"),
                    args![id, org.id, &org.path, post, cx.now(), person],
                )
                .await?;
            cx.tx
                .run(
                    sql!("INSERT INTO delta (id, org_path, cadres, cadres_done, at) VALUES ($1, $2, 1, 1, $3)"),
                    args![cx.new_id(), &org.path, cx.now()],
                )
                .await?;
            Ok(id)
        })
        .expect("a post can be given")
    }

    /// Plants a person as administrator of an organisation (a cadre with the next free seat) and
    /// lets her act there.
    pub async fn admin(&self, org: &OrgRef, name: &str) -> Who {
        let person = self.person(name).await;
        self.admin_with(org, (person, name), "副书记").await
    }

    /// Gives somebody who is there a post and the next seat, and lets her act there.
    pub async fn admin_with(
        &self,
        org: &OrgRef,
        (person, name): (PersonId, &str),
        post: &str,
    ) -> Who {
        self.seat(org, person, post).await;
        self.acting(person, name, org, access::admin_role(org.category, org.depth()))
    }

    /// Gives a person a post and the next free seat in an organisation.
    pub async fn seat(&self, org: &OrgRef, person: PersonId, post: &str) {
        let cadre = self.cadre(org, person, post).await;
        act!(self.house, Who::System("testkit"), |cx| {
            Ok(cx
                .tx
                .run(
                    sql!("INSERT INTO admin_seat (org_id, org_category, slot, cadre_id, person_id, granted_at, confirmed_at) SELECT $1, $2, COALESCE(MAX(slot), 0) + 1, $3, $4, $5, $5 FROM admin_seat WHERE org_id = $1"),
                    args![org.id, org.category.code(), cadre, person, cx.now()],
                )
                .await?)
        })
        .expect("there is a free seat");
    }
    /// Opens an account for a person with a stored password.
    pub async fn account(&self, person: PersonId, hash: &str) {
        act!(self.house, Who::System("testkit"), |cx| {
            let now = cx.now();
            cx.tx
                .run(
                    sql!(
                        "INSERT INTO account (person_id, password_hash, created_at, changed_at)
                         VALUES ($1, $2, $3, $3) ON CONFLICT (person_id) DO NOTHING"
                    ),
                    args![person, hash, now],
                )
                .await?;
            Ok(())
        })
        .expect("an account can be planted");
    }

    /// Plants a person as observer of an organisation for 90 days and lets her act there.
    pub async fn observer(&self, org: &OrgRef, name: &str) -> Who {
        let person = self.person(name).await;
        act!(self.house, Who::System("testkit"), |cx| {
            Ok(cx
                .tx
                .run(
                    sql!("INSERT INTO observer (org_id, person_id, expires_at, granted_at) VALUES ($1, $2, $3, $4)"),
                    args![org.id, person, cx.now() + 90 * crate::clock::DAY, cx.now()],
                )
                .await?)
        })
        .expect("an observer can be planted");
        self.acting(person, name, org, Role::Observer)
    }

    /// Plants a person as operator and lets her act at the root.
    pub async fn operator(&self, root: &OrgRef, name: &str) -> Who {
        let person = self.person(name).await;
        act!(self.house, Who::System("testkit"), |cx| {
            Ok(cx
                .tx
                .run(
                    sql!("INSERT INTO operator (person_id, granted_at) VALUES ($1, $2)"),
                    args![person, cx.now()],
                )
                .await?)
        })
        .expect("an operator can be planted");
        self.acting(person, name, root, Role::Operator)
    }

    /// A person who acts for `org` in `role`, whatever the tables say: for tests of one room.
    pub fn acting(&self, person: PersonId, name: &str, org: &OrgRef, role: Role) -> Who {
        let grant = Grant { org: org.clone(), role };
        Who::Person(Arc::new(Visitor {
            person,
            name: name.into(),
            session: None,
            token: None,
            grants: vec![grant.clone()],
            acting: Some(grant),
        }))
    }

    /// A person who has signed in and acts for no organisation (个人首页).
    pub fn alone(&self, person: PersonId, name: &str) -> Who {
        Who::Person(Arc::new(Visitor {
            person,
            name: name.into(),
            session: None,
            token: None,
            grants: Vec::new(),
            acting: None,
        }))
    }
}

async fn insert_person(cx: &mut Cx, name: &str, id_number: &str) -> Result<PersonId> {
    let id = cx.new_id();
    cx.tx
        .run(
            sql!("INSERT INTO setting (name, value) VALUES ('people_planted_until', $1) ON CONFLICT (name) DO NOTHING"),
            args![i64::MAX.to_string()],
        )
        .await?;
    let house = cx.house().clone();
    let seal = |column, text: &str| {
        house.keys().seal(Place { column, row: id }, text, house.chance_source())
    };
    let mobile = format!("138{:08}", id % 100_000_000);
    let (id_bi, version) = house.keys().index("person.id", id_number);
    let (mobile_bi, _) = house.keys().index("person.mobile", &mobile);
    let birth = format!("{}-{}", &id_number[6..10], &id_number[10..12]);
    let male = id_number.as_bytes().get(16).is_some_and(|d| d % 2 == 1);
    cx.tx
        .run(
            sql!("INSERT INTO person (id, code, name, name_py, id_ct, id_bi, id_bi_ver, sex, birth_ym, mobile_ct, mobile_bi, ethnic, political, education, missing, complete, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '01', '03', '20', '', TRUE, $12, $12)"),
            args![
                id, house.new_code(12), name, initials(name), seal("person.id_ct", id_number), id_bi, version,
                if male { "male" } else { "female" }, birth, seal("person.mobile_ct", &mobile), mobile_bi, cx.now()
            ],
        )
        .await?;
    Ok(PersonId(id))
}

/// GB 11643: the eighteenth place of an ID number.
fn with_check_digit(first: &str) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 =
        first.chars().filter_map(|c| c.to_digit(10)).zip(WEIGHTS).map(|(d, w)| d * w).sum();
    let last = ["1", "0", "X", "9", "8", "7", "6", "5", "4", "3", "2"]
        .get(usize::try_from(sum % 11).unwrap_or(0))
        .copied()
        .unwrap_or("1");
    format!("{first}{last}")
}
