//! Posts, observers, and the rights that were taken: what the room of cadres promises.

use super::{Check, PIECE};
use crate::{Result, clock::DAY, rules::Rules};
use db::{args, sql};

/// What unique indexes hold, asked once more (C5): one post a person and organisation, one 书记 an
/// organisation.
pub(super) async fn posts(check: &mut Check<'_>) -> Result<()> {
    let twice: Vec<(i64, i64)> = check
        .cx
        .tx
        .all(
            sql!("SELECT MIN(id), COUNT(*) FROM cadre WHERE ended_at IS NULL GROUP BY person_id, org_id HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 1000"),
            &[],
        )
        .await?;
    for (id, count) in twice {
        check.found("posts", format!("cadre {id}"), "one post there", count.to_string());
    }
    let two: Vec<(String, i64)> = check
        .cx
        .tx
        .all(
            sql!("SELECT MIN(o.code), COUNT(*) FROM cadre c JOIN org o ON o.id = c.org_id WHERE c.post = '书记' AND c.ended_at IS NULL GROUP BY c.org_id HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 1000"),
            &[],
        )
        .await?;
    for (code, count) in two {
        check.found("posts", format!("org {code}"), "one 书记", count.to_string());
    }
    Ok(())
}

/// Observers (decision 9): of a living organisation, and no longer than the policy allows.
pub(super) async fn observers(check: &mut Check<'_>) -> Result<()> {
    let longest = (Rules::builtin().policy.cadres.observer_max_days + 1) * DAY;
    let found: Vec<(String, i64, i64, String)> = check
        .cx
        .tx
        .all(
            sql!("SELECT o.code, b.person_id, b.expires_at - b.granted_at, o.status FROM observer b JOIN org o ON o.id = b.org_id WHERE o.status = 'DELETED' OR b.expires_at - b.granted_at > $1 ORDER BY o.code, b.person_id LIMIT 1000"),
            args![longest],
        )
        .await?;
    for (code, person, span, status) in found {
        let key = format!("observer {person} of org {code}");
        if status == "DELETED" {
            check.found("I9", &key, "a living organisation", &status);
        }
        if span > longest {
            check.found(
                "observer",
                &key,
                "an end within the policy",
                format!("{} days", span / DAY),
            );
        }
    }
    Ok(())
}

/// Event, who acted, whose right it was, for which organisation she acted, where, details.
type Revoked = (i64, Option<i64>, Option<i64>, Option<i64>, i64, String);

/// I6: nobody took her own right away, and no organisation its last one, as the book tells.
pub(super) async fn revocations(check: &mut Check<'_>) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let found: Vec<Revoked> = check
            .cx
            .tx
            .all(
                sql!("SELECT id, actor_id, person_id, acting_org, object_id, detail FROM event WHERE kind = 'admin.revoked' AND id > $1 ORDER BY id LIMIT $2"),
                args![after, PIECE],
            )
            .await?;
        let Some(&(last, ..)) = found.last() else { return Ok(()) };
        after = last;
        check.looked_at(found.len());
        for (id, actor, person, acting, org, detail) in found {
            let key = format!("event {id}");
            let detail: serde_json::Value = serde_json::from_str(&detail).unwrap_or_default();
            // What followed from a larger act was nobody's revocation: somebody may leave, and be the
            // last one.
            if detail["with"].is_string() {
                continue;
            }
            if actor.is_some() && actor == person {
                check.found("I6", &key, "a right taken by somebody else", "her own");
            }
            if acting == Some(org) && detail["left"].as_i64() == Some(0) {
                check.found("I6", &key, "an administrator left", "none");
            }
        }
    }
}
