//! Pages of a superior among a million organisations: the list of direct children and the checklist
//! before one of them is closed.

use crate::Options;
use crate::measure::Meter;
use crate::table::Side;
use crate::works::ground::{Ground, broken, found};
use crate::works::raw::Arg;
use anyhow::{Result, ensure};
use app::{OrgRef, Who, closings, orgs};
use std::time::Duration;

/// Both pages.
const MOST: Duration = Duration::from_micros(1_500);
/// The superiors with the most children: their pages are full.
const WIDEST: &str = "SELECT p.code FROM org c JOIN org p ON p.id = c.parent_id GROUP BY p.code ORDER BY COUNT(*) DESC, p.code LIMIT 200";
const PAGE: &str = "SELECT o.id, o.sort_no, o.code, o.path, o.short_name, o.full_name, o.category, o.industry, o.phone, o.is_township, (SELECT COUNT(*) FROM admin_seat s WHERE s.org_id = o.id), COALESCE(t.members, 0), COALESCE(t.members_done, 0), EXISTS (SELECT 1 FROM org c WHERE c.parent_id = o.id AND c.status <> 'DELETED') FROM org o LEFT JOIN tally t ON t.org_path = o.path AND t.scope = 'subtree' WHERE o.parent_id = $1 AND o.status <> 'DELETED' ORDER BY o.sort_no, o.id LIMIT 51";
const CLOSING: [&str; 3] = [
    "SELECT code, short_name FROM org WHERE parent_id = $1 AND status <> 'DELETED' ORDER BY sort_no, id LIMIT 100",
    "SELECT name, post FROM cadre WHERE org_id = $1 AND ended_at IS NULL",
    "SELECT no FROM business WHERE to_org = $1 AND ended_at IS NULL LIMIT 201",
];

/// The two rows: name and goal of each with what was measured.
pub(crate) async fn measured(
    ground: &Ground,
    meter: &Meter,
    options: &Options,
) -> Result<[Side; 2]> {
    let who = Who::System("bench");
    let mut cx = ground.read(&who).await?;
    let mut wide: Vec<OrgRef> = vec![];
    for code in ground.raw.texts(WIDEST).await? {
        wide.push(orgs::by_code(&mut cx, &code).await.map_err(broken)?);
    }
    drop(cx);
    ensure!(!wide.is_empty(), "nobody has children");
    let times = if options.quick { 200 } else { 2_000 };
    let superior = |n: u32| &wide[n as usize % wide.len()];

    let ours = async |n: u32| {
        let mut cx = ground.read(&who).await?;
        let page = orgs::children(&mut cx, superior(n), None, 50).await.map_err(broken)?;
        found("children", page.rows.len())
    };
    let raw = async |n: u32| {
        let statement = (PAGE, vec![Arg::Int(superior(n).id.0)]);
        found("children", ground.raw.rows(&[statement]).await?)
    };
    ours(0).await?;
    raw(0).await?;
    let list = Side::new(meter.repeat(times, ours).await?);
    let list = list.beside(meter.repeat(times, raw).await?);

    let ours = async |n: u32| {
        let mut cx = ground.read(&who).await?;
        let page = closings::checklist(&mut cx, superior(n)).await.map_err(broken)?;
        found("steps", page.steps.len())
    };
    let raw = async |n: u32| {
        let id = Arg::Int(superior(n).id.0);
        let statements = CLOSING.map(|text| (text, vec![id.clone()]));
        ground.raw.rows(&statements).await.map(|_| ())
    };
    ours(0).await?;
    raw(0).await?;
    let closing = Side::new(meter.repeat(times, ours).await?);
    let closing = closing.beside(meter.repeat(times, raw).await?);
    Ok([list, closing].map(|side| side.judged(|ours, _| ours.cost() <= MOST)))
}
