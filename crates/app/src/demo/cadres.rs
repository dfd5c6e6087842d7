//! What the demonstration's administrators find to do: seats that wait for the yearly confirmation,
//! observers of whom one's time is up, terms that end soon or are over.

use super::Place;
use crate::{
    House, Result, Who, act,
    clock::{DAY, day},
    orgs::Category,
};
use db::{args, sql};

/// Puts it in around the demonstration's committee and branch.
pub(super) async fn make(house: &House, cast: &[Place]) -> Result<()> {
    let star = |category: Category| cast.iter().rev().find(|p| p.star && p.at.category == category);
    let Some(committee) = star(Category::Committee) else { return Ok(()) };
    let watchers = cast.iter().filter(|p| !p.star).flat_map(|p| p.members.iter()).take(2);
    let watchers: Vec<i64> = watchers.map(|known| known.id).collect();
    let branch = star(Category::Branch).map(|p| p.at.id);
    let general = star(Category::General).map(|p| p.at.id);
    let parents: Vec<i64> = [Some(committee.at.id), general].into_iter().flatten().collect();
    let (parents, watchers) = (&parents, &watchers);
    act!(house, Who::System("demo"), |cx| {
        let now = cx.now();
        for parent in parents {
            cx.tx
                .run(
                    sql!("UPDATE admin_seat SET granted_at = $1, confirmed_at = $1, remind_at = $2 WHERE slot = 1 AND org_id IN (SELECT id FROM org WHERE parent_id = $3 ORDER BY sort_no LIMIT 4)"),
                    args![now - 400 * DAY, now + 30 * DAY, *parent],
                )
                .await?;
        }
        // One right rests because nobody used it, another one will; nobody's who signs in here.
        for parent in parents {
            cx.tx
                .run(
                    sql!("UPDATE admin_seat SET used_at = $1, idle_at = $2, warned_at = $3, suspended_at = CASE WHEN org_id = (SELECT MAX(id) FROM org WHERE parent_id = $4 AND id <> $6 AND id <> $7) THEN CAST($5 AS BIGINT) ELSE NULL END WHERE slot = 1 AND org_id IN (SELECT id FROM org WHERE parent_id = $4 AND id <> $6 AND id <> $7 ORDER BY id DESC LIMIT 2)"),
                    args![
                        now - 95 * DAY, now + 9 * DAY, now - 14 * DAY, *parent, now - 2 * DAY,
                        general.unwrap_or_default(), branch.unwrap_or_default()
                    ],
                )
                .await?;
        }
        for (person, left) in watchers.iter().zip([20, -3]) {
            cx.tx
                .run(
                    sql!("INSERT INTO observer (org_id, person_id, expires_at, granted_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"),
                    args![committee.at.id, *person, now + left * DAY, now - 60 * DAY],
                )
                .await?;
        }
        // A student branch elects every year: this one is due in three weeks.
        let elected = [(branch, day(now - 344 * DAY)), (general, day(now - 1110 * DAY))];
        for (org, on) in elected {
            cx.tx
                .run(
                    sql!("UPDATE org SET elected_on = $1 WHERE id = $2"),
                    args![on.to_string(), org],
                )
                .await?;
        }
        Ok(())
    })
}
