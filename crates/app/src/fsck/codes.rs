//! Registration codes (I7): one waits at a time, a used one made one account and one post.

use super::{Check, PIECE};
use crate::Result;
use db::{args, sql};

db::row! {
    struct Code {
        id: i64,
        state: String,
        issued_at: i64,
        expires_at: i64,
        ended_at: Option<i64>,
        used_by: Option<i64>,
        holder: Option<i64>,
        account: Option<i64>,
        org: Option<String>,
    }
}

/// I7: every code is in one of four states with what belongs to it.
pub(super) async fn all(check: &mut Check<'_>) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let found: Vec<Code> = check
            .cx
            .tx
            .all(
                sql!("SELECT c.id, c.state, c.issued_at, c.expires_at, c.ended_at, c.used_by, k.person_id, a.person_id, o.code FROM reg_code c LEFT JOIN cadre k ON k.id = c.cadre_id LEFT JOIN account a ON a.person_id = c.used_by LEFT JOIN org o ON o.id = c.org_id WHERE c.id > $1 ORDER BY c.id LIMIT $2"),
                args![after, PIECE],
            )
            .await?;
        let Some(last) = found.last() else { break };
        after = last.id;
        check.looked_at(found.len());
        for code in &found {
            one(check, code);
        }
    }
    let twins: Vec<(i64, i64)> = check
        .cx
        .tx
        .all(
            sql!("SELECT org_id, COUNT(*) FROM reg_code WHERE state = 'waiting' GROUP BY org_id HAVING COUNT(*) > 1 ORDER BY org_id LIMIT 1000"),
            &[],
        )
        .await?;
    for (org, count) in twins {
        check.found("I7", format!("codes of org {org}"), "one that waits", count.to_string());
    }
    Ok(())
}

fn one(check: &mut Check<'_>, code: &Code) {
    let key = format!("code {}", code.id);
    let wrong: Option<(&str, &str)> = match code.state.as_str() {
        "used" if code.account.is_none() => Some(("an account of whoever used it", "none")),
        "used" if code.holder.is_none() => Some(("the post that it made", "none")),
        "used" if code.holder != code.used_by => {
            Some(("the post of whoever used it", "somebody else's"))
        }
        "used" if code.ended_at.is_none_or(|at| at >= code.expires_at || at < code.issued_at) => {
            Some(("used while it was good", "otherwise"))
        }
        "expired" if code.ended_at.is_none_or(|at| at < code.expires_at) => {
            Some(("run out at its end", "before"))
        }
        "used" | "expired" | "revoked" if code.ended_at.is_some() => None,
        "waiting" if code.ended_at.is_none() && code.used_by.is_none() => None,
        _ => Some(("waiting, used, expired or revoked, and its end", "otherwise")),
    };
    if let Some((expected, found)) = wrong {
        check.found("I7", &key, expected, found);
    }
    if code.org.is_none() {
        check.found("I7", &key, "its organisation", "none");
    }
}
