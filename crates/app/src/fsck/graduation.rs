//! Marks of graduation (118-127): a month or a reason, 毕业生团组织 only after the day of their turn,
//! people's marks only where people are marked.

use super::{Check, PIECE};
use crate::{
    Result, clock,
    rules::{
        Rules, YearMonth,
        graduation::{Mark, PersonMark, Standing},
        tree::Category,
    },
};
use db::{args, sql};

db::row! {
    struct Org {
        code: String,
        path: String,
        category: String,
        province: String,
        special_kind: String,
        graduates: Option<String>,
        no_graduation: Option<String>,
        graduated_at: Option<i64>,
    }
}

/// Every organisation that carries a mark or should.
pub(super) async fn branches(check: &mut Check<'_>) -> Result<()> {
    let mut after = String::new();
    loop {
        let found: Vec<Org> = check
            .cx
            .tx
            .all(
                sql!("SELECT code, path, category, province, special_kind, graduates, no_graduation, graduated_at FROM org WHERE path > $1 AND (graduates IS NOT NULL OR no_graduation IS NOT NULL OR graduated_at IS NOT NULL OR category = 'GRADUATE' OR special_kind <> 'NONE') ORDER BY path LIMIT $2"),
                args![&after, PIECE],
            )
            .await?;
        let Some(last) = found.last() else { return Ok(()) };
        after = last.path.clone();
        check.looked_at(found.len());
        for org in found {
            branch(check, &org);
        }
    }
}

fn branch(check: &mut Check<'_>, org: &Org) {
    let key = format!("org {}", org.code);
    if org.graduates.is_some() && org.no_graduation.is_some() {
        check.found("graduation", &key, "a month or a reason", "both");
    }
    let category = Category::from_code(&org.category);
    let owns = matches!(category, Some(Category::Branch | Category::Graduate));
    if !owns && (org.graduates.is_some() || org.no_graduation.is_some()) {
        check.found("graduation", &key, "a mark on a branch only", &org.category);
    }
    let school = ["DELAYED_GRADUATION", "ABROAD_STUDY", "SCHOOL_MOBILE"];
    if school.contains(&org.special_kind.as_str())
        && category == Some(Category::Branch)
        && org.no_graduation.as_deref() != Some("mixed")
    {
        check.found("graduation", &key, "a special branch marked as mixed", "another mark");
    }
    let month = org.graduates.as_deref().and_then(|m| m.parse::<YearMonth>().ok());
    if org.graduates.is_some() && month.is_none() {
        check.found("graduation", &key, "a month as YYYY-MM", "another text");
    }
    let graduate = category == Some(Category::Graduate);
    match (graduate, org.graduated_at, month) {
        (false, None, _) => {}
        (false, Some(_), _) => {
            check.found("graduation", &key, "a moment of the turn on GRADUATE only", &org.category);
        }
        (true, Some(at), Some(month)) => {
            let day = Rules::builtin().graduation.turns_on(month.year(), &org.province);
            if day.is_none_or(|day| clock::day(at) < day) {
                let found = clock::show_day(at);
                check.found("graduation", &key, format!("turned after the day of {month}"), found);
            }
        }
        (true, ..) => {
            check.found("graduation", &key, "GRADUATE by conversion only", "no conversion")
        }
    }
}

db::row! {
    struct Member {
        id: i64,
        code: String,
        graduation: Option<String>,
        until: Option<String>,
        at: Option<i64>,
        category: String,
        graduates: Option<String>,
        no_graduation: Option<String>,
    }
}

/// Every person with a mark, and everybody in a 毕业生团组织.
pub(super) async fn persons(check: &mut Check<'_>) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let found: Vec<Member> = check
            .cx
            .tx
            .all(
                sql!("SELECT m.person_id, p.code, m.graduation, m.graduation_until, m.graduation_at, o.category, o.graduates, o.no_graduation FROM member m JOIN person p ON p.id = m.person_id JOIN org o ON o.id = m.org_id WHERE m.person_id > $1 AND (m.graduation IS NOT NULL OR m.graduation_until IS NOT NULL OR m.graduation_at IS NOT NULL OR o.category = 'GRADUATE') ORDER BY m.person_id LIMIT $2"),
                args![after, PIECE],
            )
            .await?;
        let Some(last) = found.last() else { return Ok(()) };
        after = last.id;
        check.looked_at(found.len());
        for member in found {
            person(check, &member);
        }
    }
}

fn person(check: &mut Check<'_>, member: &Member) {
    let key = format!("person {}", member.code);
    let mark = member.graduation.as_deref().and_then(PersonMark::from_code);
    let branch = Mark::stored(member.graduates.as_deref(), member.no_graduation.as_deref());
    let standing = Category::from_code(&member.category).map(|c| Standing::of(c, branch));
    match (standing, mark) {
        (Some(Standing::Graduate(_)), None) => {
            check.found("graduation", &key, "a mark in a GRADUATE branch", "none");
        }
        (Some(Standing::Other) | None, Some(mark)) => {
            let expected = "marks in GRADUATE and mixed branches only";
            check.found("graduation", &key, expected, mark.code());
        }
        _ => {}
    }
    let delayed = mark == Some(PersonMark::Delayed);
    if delayed != member.until.is_some() || mark.is_some() != member.at.is_some() {
        check.found(
            "graduation",
            &key,
            "a date with 延迟毕业 only, a moment with every mark",
            "another",
        );
    }
}
