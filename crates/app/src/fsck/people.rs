//! Persons, members, cadres and seats: I1, I2, I4, I5, I9, I16, I21, copies and completeness.

use super::{Check, PIECE};
use crate::{
    Result,
    clock::day,
    exceptions,
    keys::Place,
    orgs::Category,
    people::PersonId,
    pii::IdNumber,
    rules::{Column, Rules, SheetKind, YearMonth, age, completeness, dev_number},
};
use db::{Rows, args, sql};
use std::collections::BTreeSet;

db::row! {
    struct Person {
        id: i64,
        code: String,
        name: String,
        name_py: String,
        id_ct: Vec<u8>,
        id_bi: Vec<u8>,
        id_bi_ver: i64,
        sex: String,
        birth_ym: String,
        mobile_ct: Option<Vec<u8>>,
        mobile_bi: Option<Vec<u8>>,
        contact_ct: Option<Vec<u8>>,
        ethnic: Option<String>,
        political: Option<String>,
        education: Option<String>,
        check_state: String,
        missing: String,
        complete: bool,
        member_org: Option<i64>,
        member_category: Option<String>,
        member_path: Option<String>,
        member_name: Option<String>,
        member_py: Option<String>,
        joined: Option<String>,
        dev_number: Option<String>,
        member_status: Option<String>,
        member_complete: Option<bool>,
        member_check: Option<String>,
        org_path: Option<String>,
        org_category: Option<String>,
        org_status: Option<String>,
        org_province: Option<String>,
        open_transfers: i64,
    }
}
impl Person {
    fn key(&self) -> String {
        format!("person {}", self.code)
    }
}

/// Every person with her membership.
pub(super) async fn persons(check: &mut Check<'_>) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let found: Vec<Person> = check
            .cx
            .tx
            .all(
                sql!("SELECT p.id, p.code, p.name, p.name_py, p.id_ct, p.id_bi, p.id_bi_ver, p.sex, p.birth_ym, p.mobile_ct, p.mobile_bi, p.contact_ct, p.ethnic, p.political, p.education, p.check_state, p.missing, p.complete, m.org_id, m.org_category, m.org_path, m.name, m.name_py, m.joined, m.dev_number, m.status, m.complete, m.check_state, o.path, o.category, o.status, o.province, (SELECT COUNT(*) FROM business t WHERE t.person_id = p.id AND t.kind = 'transfer' AND t.ended_at IS NULL) FROM person p LEFT JOIN member m ON m.person_id = p.id LEFT JOIN org o ON o.id = m.org_id WHERE p.id > $1 ORDER BY p.id LIMIT $2"),
                args![after, PIECE],
            )
            .await?;
        let Some(last) = found.last() else { break };
        after = last.id;
        check.looked_at(found.len());
        let mut elsewhere = vec![];
        for person in found {
            let number = sealed(check, &person);
            if let Some(number) = &number {
                under_other_rings(check, &person, number, &mut elsewhere);
            }
            membership(check, &person);
            if let Some(number) = &number {
                admission(check, &person, number).await?;
            }
            profile(check, &person);
        }
        twice_across_rings(check, elsewhere).await?;
    }
    orphans(check).await
}

/// Where else the same person could stand: under the rings of keys that her row is not under.
fn under_other_rings(check: &Check<'_>, person: &Person, number: &IdNumber, asked: &mut Rows) {
    for (index, ring) in check.cx.house().keys().indexes("person.id", number.reveal()) {
        if ring != person.id_bi_ver {
            asked.push(vec![person.id.into(), index.into(), ring.into()]);
        }
    }
}

/// I2 across rings: no unique index sees a person who was entered once under each of two rings.
async fn twice_across_rings(check: &mut Check<'_>, asked: Rows) -> Result<()> {
    if asked.is_empty() {
        return Ok(());
    }
    let found: Vec<(i64, i64)> = check
        .cx
        .tx
        .all_of(
            sql!(
                "SELECT v.id, p.id FROM {rows: id int, bi blob, ring int} AS v
                 JOIN person p ON p.id_bi = v.bi AND p.id_bi_ver = v.ring
                 WHERE p.id > v.id ORDER BY v.id"
            ),
            &[],
            asked,
        )
        .await?;
    for (id, other) in found {
        check.found(
            "I2",
            format!("person {id}"),
            "one person an ID number",
            format!("also {other}"),
        );
    }
    Ok(())
}

/// Members whose person is gone.
async fn orphans(check: &mut Check<'_>) -> Result<()> {
    let found: Vec<(i64,)> = check
        .cx
        .tx
        .all(
            sql!("SELECT m.person_id FROM member m LEFT JOIN person p ON p.id = m.person_id WHERE p.id IS NULL ORDER BY m.person_id LIMIT 1000"),
            &[],
        )
        .await?;
    for (id,) in found {
        check.found("I1", format!("member {id}"), "a person", "none");
    }
    Ok(())
}

/// I16: every ciphertext opens in its place; I2: the blind index is that of what it says.
fn sealed(check: &mut Check<'_>, person: &Person) -> Option<IdNumber> {
    let house = check.cx.house().clone();
    let keys = house.keys();
    let key = person.key();
    let open = |column, sealed: &Vec<u8>| keys.unseal(Place { column, row: person.id }, sealed);
    let fits = |column, text: &str, index: &Vec<u8>, version: Option<i64>| {
        let all = keys.indexes(column, text);
        all.iter().any(|(made, v)| made == index && version.is_none_or(|wanted| wanted == *v))
    };
    match (&person.mobile_ct, &person.mobile_bi) {
        (Some(sealed), index) => match open("person.mobile_ct", sealed) {
            Err(e) => check.found("I16", &key, "mobile_ct opens", e.to_string()),
            Ok(text) => {
                if !index.as_ref().is_some_and(|i| fits("person.mobile", &text, i, None)) {
                    check.found("I2", &key, "mobile_bi is that of the number", "another");
                }
            }
        },
        (None, Some(_)) => check.found("I2", &key, "no mobile_bi without mobile_ct", "one"),
        (None, None) => {}
    }
    if let Some(sealed) = &person.contact_ct
        && let Err(e) = open("person.contact_ct", sealed)
    {
        check.found("I16", &key, "contact_ct opens", e.to_string());
    }
    let text = match open("person.id_ct", &person.id_ct) {
        Ok(text) => text,
        Err(e) => {
            check.found("I16", &key, "id_ct opens", e.to_string());
            return None;
        }
    };
    if !fits("person.id", &text, &person.id_bi, Some(person.id_bi_ver)) {
        check.found("I2", &key, "id_bi is that of the ID number", "another");
    }
    let number = IdNumber::from_stored(&text);
    match &number {
        None => check.found("I2", &key, "a normalised ID number", "another text"),
        Some(number) => {
            let birth = number.birth().strftime("%Y-%m").to_string();
            let male = matches!(number.sex(), crate::pii::Sex::Male);
            let sex = if male { "male" } else { "female" };
            if birth != person.birth_ym || sex != person.sex {
                check.found("copies", &key, "birth and sex as the ID number says", "others");
            }
        }
    }
    number
}

/// I1 and the copies that stand in `member` for searching.
fn membership(check: &mut Check<'_>, person: &Person) {
    let key = person.key();
    let moving = person.member_status.as_deref() == Some("moving");
    if person.member_org.is_none() {
        if person.open_transfers > 0 {
            check.found("I12", &key, "a membership while a transfer is open", "none");
        }
        return;
    }
    check.same("I12", &key, "moving", (person.open_transfers > 0, moving));
    let (Some(path), Some(category), Some(status)) =
        (&person.org_path, &person.org_category, &person.org_status)
    else {
        return check.found("I1", &key, "a branch that exists", "none");
    };
    if !Category::from_code(category).is_some_and(Category::owns_members) {
        check.found("I1", &key, "a branch", category);
    }
    if status == "DELETED" {
        check.found("I1", &key, "a living branch", "DELETED");
    }
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let copies = [
        ("org_category", category.clone(), or_empty(&person.member_category)),
        ("org_path", path.clone(), or_empty(&person.member_path)),
        ("check_state", person.check_state.clone(), or_empty(&person.member_check)),
    ];
    for (what, expected, found) in copies {
        check.same("copies", &key, what, (expected, found));
    }
    if Some(&person.name) != person.member_name.as_ref()
        || Some(&person.name_py) != person.member_py.as_ref()
    {
        check.found("copies", &key, "name and initials as in person", "others");
    }
    let complete = person.member_complete.unwrap_or_default();
    check.same("complete", &key, "member.complete", (person.complete, complete));
}

/// I21: age at admission and development number.
async fn admission(check: &mut Check<'_>, person: &Person, number: &IdNumber) -> Result<()> {
    let Some(joined) = person.joined.as_deref().and_then(|j| j.parse::<YearMonth>().ok()) else {
        return Ok(());
    };
    let today = day(check.cx.now());
    let key = person.key();
    let here = person.org_province.as_deref().unwrap_or_default();
    let age = |rules| age::at_joining(number.birth(), joined, here, today, rules);
    if let Err(problem) = age(Rules::builtin())
        && check.rules.iter().all(|rules| age(rules).is_err())
        && !exceptions::excused(&mut check.cx, PersonId(person.id), &problem).await?
    {
        check.found("I21", &key, "old enough at admission", problem.code);
    }
    let Some(typed) = person.dev_number.as_deref() else { return Ok(()) };
    // Somebody who moved between provinces keeps the number of the first one; its digits name it.
    let regions = [here, typed.get(4..6).unwrap_or_default()];
    let judged = regions.map(|r| dev_number::judge(typed, joined, r, today, Rules::builtin()));
    let before = |rules| {
        regions.iter().any(|r| {
            matches!(dev_number::judge(typed, joined, r, today, rules), Ok(Some(n)) if n == typed)
        })
    };
    if judged.iter().all(|j| !matches!(j, Ok(Some(n)) if n == typed))
        && !check.rules.iter().any(before)
    {
        let code = judged.into_iter().find_map(|j| j.err().map(|p| p.code)).unwrap_or("normalised");
        check.found("I21", &key, "a development number of the admission year", code);
    }
    Ok(())
}

/// Row 151: what is missing, judged anew.
fn profile(check: &mut Check<'_>, person: &Person) {
    let member = person.member_org.is_some();
    let house = check.cx.house().clone();
    let place = Place { column: "person.contact_ct", row: person.id };
    let contact = person.contact_ct.as_ref().and_then(|c| house.keys().unseal(place, c).ok());
    let contact: serde_json::Value =
        contact.and_then(|c| serde_json::from_str(&c).ok()).unwrap_or_default();
    let joined = person.joined.as_deref().filter(|j| !j.is_empty());
    let facts = completeness::Facts {
        sheet: if member { SheetKind::Members } else { SheetKind::Cadres },
        political: person.political.as_deref(),
        joined: joined.and_then(|j| j.parse().ok()),
        region: person.org_province.as_deref().unwrap_or_default(),
        today: day(check.cx.now()),
    };
    let filled = |column: Column| match column {
        Column::Name | Column::IdNumber => true,
        Column::Mobile => person.mobile_ct.is_some(),
        Column::Ethnic => person.ethnic.is_some(),
        Column::Political => person.political.is_some(),
        Column::Education => person.education.is_some(),
        // Who is no member has no place for them.
        Column::Joined => joined.is_some() || !member,
        Column::DevNumber => person.dev_number.is_some() || !member,
        other => contact.get(other.key()).is_some(),
    };
    let needed = completeness::missing_of_person(&facts, filled, Rules::builtin());
    let needed: BTreeSet<&str> = needed.into_iter().map(Column::key).collect();
    let stored = person.missing.split(',').filter(|k| !k.is_empty());
    let stored: BTreeSet<&str> =
        stored.filter(|k| member || !matches!(*k, "joined" | "dev_number")).collect();
    if needed != stored && !check.rejudging {
        let text = |keys: BTreeSet<&str>| keys.into_iter().collect::<Vec<_>>().join(",");
        check.found("complete", person.key(), text(needed), text(stored));
    }
    if person.complete != person.missing.is_empty() {
        check.found("complete", person.key(), "complete when nothing is missing", "otherwise");
    }
}

db::row! {
    struct Cadre {
        id: i64,
        name: String,
        name_py: String,
        path: String,
        complete: bool,
        person_name: Option<String>,
        person_py: Option<String>,
        person_complete: Option<bool>,
        org_path: Option<String>,
        org_status: Option<String>,
    }
}

/// Every present post and its copies.
pub(super) async fn cadres(check: &mut Check<'_>) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let found: Vec<Cadre> = check
            .cx
            .tx
            .all(
                sql!("SELECT c.id, c.name, c.name_py, c.org_path, c.complete, p.name, p.name_py, p.complete, o.path, o.status FROM cadre c LEFT JOIN person p ON p.id = c.person_id LEFT JOIN org o ON o.id = c.org_id WHERE c.ended_at IS NULL AND c.id > $1 ORDER BY c.id LIMIT $2"),
                args![after, PIECE],
            )
            .await?;
        let Some(last) = found.last() else { return Ok(()) };
        after = last.id;
        check.looked_at(found.len());
        for cadre in found {
            let key = format!("cadre {}", cadre.id);
            if cadre.person_name.as_ref() != Some(&cadre.name)
                || cadre.person_py.as_ref() != Some(&cadre.name_py)
            {
                check.found("copies", &key, "name and initials as in person", "others");
            }
            let path = cadre.org_path.clone().unwrap_or_default();
            check.same("copies", &key, "org_path", (path, cadre.path));
            let complete = cadre.person_complete.unwrap_or_default();
            check.same("complete", &key, "cadre.complete", (complete, cadre.complete));
            if cadre.org_status.as_deref().is_none_or(|s| s == "DELETED") {
                check.found("I9", &key, "a living organisation", "none");
            }
        }
    }
}

db::row! {
    struct Seat {
        org_id: i64,
        slot: i64,
        person_id: i64,
        category: String,
        org_code: Option<String>,
        org_category: Option<String>,
        cadre_org: Option<i64>,
        cadre_person: Option<i64>,
        cadre_ended: Option<i64>,
    }
}

/// I4, I5: every administrator's seat.
pub(super) async fn seats(check: &mut Check<'_>) -> Result<()> {
    let mut after = (i64::MIN, 0);
    loop {
        let found: Vec<Seat> = check
            .cx
            .tx
            .all(
                sql!("SELECT s.org_id, s.slot, s.person_id, s.org_category, o.code, o.category, c.org_id, c.person_id, c.ended_at FROM admin_seat s LEFT JOIN org o ON o.id = s.org_id LEFT JOIN cadre c ON c.id = s.cadre_id WHERE (s.org_id, s.slot) > ($1, $2) ORDER BY s.org_id, s.slot LIMIT $3"),
                args![after.0, after.1, PIECE],
            )
            .await?;
        let Some(last) = found.last() else { return Ok(()) };
        after = (last.org_id, last.slot);
        check.looked_at(found.len());
        for seat in found {
            let code = seat.org_code.clone().unwrap_or_else(|| seat.org_id.to_string());
            let key = format!("seat {} of org {code}", seat.slot);
            let category = seat.org_category.clone().unwrap_or_default();
            check.same("I4", &key, "category", (category.clone(), seat.category));
            let most = Category::from_code(&category)
                .map_or(0, |c| i64::from(Rules::builtin().tree.category(c).admin_seats));
            if seat.slot < 1 || seat.slot > most {
                check.found("I4", &key, format!("at most {most} seats"), seat.slot.to_string());
            }
            if seat.cadre_org != Some(seat.org_id) || seat.cadre_person != Some(seat.person_id) {
                check.found("I5", &key, "a post of the same person there", "none");
            } else if seat.cadre_ended.is_some() {
                check.found("I5", &key, "a present post", "an ended one");
            }
        }
    }
}

/// What unique indexes hold, asked once more: people registered twice (I2), two open transfers
/// (I3), one development number for two (I21).
pub(super) async fn twins(check: &mut Check<'_>) -> Result<()> {
    let same_person: Vec<(i64, i64)> = check
        .cx
        .tx
        .all(
            sql!("SELECT MIN(id), COUNT(*) FROM person GROUP BY id_bi, id_bi_ver HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 1000"),
            &[],
        )
        .await?;
    for (id, count) in same_person {
        check.found("I2", format!("person {id}"), "one person an ID number", count.to_string());
    }
    let transfers: Vec<(i64, i64)> = check
        .cx
        .tx
        .all(
            sql!("SELECT person_id, COUNT(*) FROM business WHERE kind = 'transfer' AND ended_at IS NULL GROUP BY person_id HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 1000"),
            &[],
        )
        .await?;
    for (id, count) in transfers {
        check.found("I3", format!("person {id}"), "one open transfer", count.to_string());
    }
    let numbers: Vec<(i64, i64)> = check
        .cx
        .tx
        .all(
            sql!("SELECT MIN(person_id), COUNT(*) FROM member WHERE dev_number IS NOT NULL GROUP BY dev_number HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 1000"),
            &[],
        )
        .await?;
    for (id, count) in numbers {
        check.found("I21", format!("member {id}"), "a number of her own", count.to_string());
    }
    Ok(())
}
