//! Creating many organisations at once, and taking them back (rows 36, 37). Called by imports,
//! which hold the permit and write down what became of each row.

use super::{
    Category, New, OrgId,
    batch_sql::{self, Seat},
    code,
    create::{self, Above, Entry, tidy},
    grams, industry_name, path_part, pinyin,
};
use crate::{
    Cx, Error, FieldError, OrgRef, Permit, Result,
    events::{self, Event},
    stats::{self, Change},
};
use db::Rows;
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet};

/// An organisation to be made below another one.
#[derive(Clone, Debug)]
pub struct Planned {
    pub parent: OrgId,
    pub new: New,
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum Fate {
    Made(OrgRef),
    /// Not made: what is wrong, and the code of a sister who has the name already.
    Refused(Vec<FieldError>, Option<String>),
}

/// Numbers of children end here (three base-36 characters).
pub const NUMBERS: i64 = 46_656;

/// An organisation that new ones may stand under, or that has the name of one.
#[derive(Clone, Debug)]
pub struct Site {
    pub id: OrgId,
    pub code: String,
    pub path: String,
    pub short_name: String,
    pub full_name: String,
    pub category: Category,
    pub industry: Option<String>,
    /// How many children's numbers were given away.
    pub numbers: i64,
    pub living: bool,
}

/// Living organisations by id, in any order.
pub async fn sites(cx: &mut Cx, ids: &[OrgId]) -> Result<Vec<Site>> {
    batch_sql::sites(cx, ids.iter().map(|id| vec![(*id).into()]).collect()).await
}

/// Living organisations by 组织码.
pub async fn sites_by_code(cx: &mut Cx, codes: &[String]) -> Result<Vec<Site>> {
    batch_sql::sites_by_code(cx, codes.iter().map(|code| vec![code.into()]).collect()).await
}

/// Living children of these names, as (superior, child).
pub async fn sisters(cx: &mut Cx, names: &[(OrgId, String)]) -> Result<Vec<(OrgId, Site)>> {
    let rows = names.iter().map(|(id, name)| vec![(*id).into(), db::fold(name).into()]).collect();
    batch_sql::sisters(cx, rows).await
}

/// Makes the organisations that may be made, each below a superior within the permit's
/// organisation; says of each what became of it. Two batches at once get different numbers and no
/// two sisters of one name: the superiors' rows are touched first.
pub async fn create_many(cx: &mut Cx, permit: &Permit, planned: Vec<Planned>) -> Result<Vec<Fate>> {
    let parents: BTreeMap<i64, ()> = planned.iter().map(|p| (p.parent.0, ())).collect();
    let mut seats: HashMap<i64, Seat> = HashMap::new();
    for parent in parents.into_keys() {
        if let Some(seat) = batch_sql::seat(cx, permit, OrgId(parent)).await? {
            if !seat.path.starts_with(permit.org_path()) {
                return Err(Error::Broken("a permit for another organisation".into()));
            }
            seats.insert(parent, seat);
        }
    }
    let names: Vec<(OrgId, String)> =
        planned.iter().map(|p| (p.parent, tidy(&p.new.short_name))).collect();
    let taken = sisters(cx, &names).await?;
    let taken: HashMap<(i64, String), &Site> =
        taken.iter().map(|(parent, s)| ((parent.0, db::fold(&s.short_name)), s)).collect();
    let mut seen: HashSet<(i64, String)> = HashSet::new();
    let mut entries = Vec::new();
    let mut fates: Vec<Option<Fate>> = Vec::with_capacity(planned.len());
    for plan in planned {
        let name = db::fold(&tidy(&plan.new.short_name));
        let twin = taken.get(&(plan.parent.0, name.clone())).copied();
        let again = !seen.insert((plan.parent.0, name));
        match entry_of(&mut seats, plan, twin, again)? {
            Ok(entry) => {
                entries.push(entry);
                fates.push(None);
            }
            Err((errors, twin)) => fates.push(Some(Fate::Refused(errors, twin))),
        }
    }
    let mut made = store(cx, permit, &seats, entries).await?.into_iter();
    let fates = fates.into_iter().map(|fate| fate.or_else(|| made.next().map(Fate::Made)));
    fates.collect::<Option<_>>().ok_or_else(|| Error::Broken("a made organisation is lost".into()))
}

type Refused = (Vec<FieldError>, Option<String>);

/// The row of a planned organisation, with the next number of its superior.
fn entry_of(
    seats: &mut HashMap<i64, Seat>,
    plan: Planned,
    twin: Option<&Site>,
    again: bool,
) -> Result<std::result::Result<Entry, Refused>> {
    let refuse = |field: &str, code: &str, message: &str| {
        Ok(Err((vec![FieldError::new(field, code, message.to_owned())], None)))
    };
    let Some(seat) = seats.get_mut(&plan.parent.0) else {
        return refuse("org_parent", "org_gone", "上级组织已被撤销,请另选上级组织。");
    };
    let above = match Above::at(&seat.path, &seat.category, &seat.province) {
        Err(Error::Refused(r)) => return refuse("org_parent", &r.code, &r.message),
        other => other?,
    };
    let new = plan.new;
    let short_name = tidy(&new.short_name);
    let judged = create::preview(&seat.full_name, above.category, &new);
    if !judged.errors.is_empty() {
        return Ok(Err((judged.errors, None)));
    }
    if twin.is_some() || again {
        let message = match twin {
            Some(twin) => format!("同一上级下已有“{}”，不能重名。", twin.short_name),
            None => "同一上级下已有这个名称的组织，不能重名。".to_owned(),
        };
        let twin = twin.map(|twin| twin.code.clone());
        return Ok(Err((vec![FieldError::new("short_name", "org_exists", message)], twin)));
    }
    let Some(part) = path_part(seat.number) else {
        return refuse("org_parent", "org_full", "直属下级组织的编号已用完,请联系系统运营。");
    };
    let entry = Entry {
        parent: Some(plan.parent),
        parent_full: seat.full_name.clone(),
        path: format!("{}{part}", seat.path),
        sort_no: seat.last + create::GAP,
        province: above.province_of_child(&short_name),
        short_name,
        full_name: judged.full_name,
        category: new.category,
        industry: new.industry.filter(|_| new.category != Category::Lead),
    };
    seat.number += 1;
    seat.taken += 1;
    seat.last += create::GAP;
    Ok(Ok(entry))
}

async fn store(
    cx: &mut Cx,
    permit: &Permit,
    seats: &HashMap<i64, Seat>,
    entries: Vec<Entry>,
) -> Result<Vec<OrgRef>> {
    for (parent, seat) in seats.iter().filter(|(_, seat)| seat.taken > 0) {
        batch_sql::take(cx, permit, OrgId(*parent), seat.taken).await?;
    }
    let codes = free_codes(cx, entries.len()).await?;
    let (mut orgs, mut all_grams): (Rows, Rows) = (Vec::new(), Vec::new());
    let mut made = Vec::with_capacity(entries.len());
    for (entry, code) in entries.iter().zip(codes) {
        let id = OrgId(cx.new_id());
        orgs.push(org_row(id, &code, entry));
        let depth = i64::try_from(super::depth_of(&entry.path)).unwrap_or(i64::MAX);
        let of_entry =
            grams::of_org(&entry.short_name, &entry.full_name, &entry.parent_full, entry.category);
        all_grams.extend(
            of_entry.into_iter().map(|g| vec![g.into(), depth.into(), (&entry.path).into()]),
        );
        made.push(OrgRef {
            id,
            code,
            path: entry.path.clone(),
            short_name: entry.short_name.clone(),
            category: entry.category,
            province: entry.province.clone(),
        });
    }
    batch_sql::insert(cx, permit, orgs).await?;
    batch_sql::add_grams(cx, permit, all_grams).await?;
    for (org, entry) in made.iter().zip(&entries) {
        let change = Change {
            org_path: &org.path,
            orgs: 1,
            branches: i64::from(org.category.owns_members()),
            ..Change::default()
        };
        stats::change(cx, permit, change).await?;
        let event = Event::new("org.created", "org", org.id.0).at(&org.path).detail(json!({
            "code": org.code, "short_name": org.short_name, "full_name": entry.full_name,
            "category": org.category.code(),
            "industry": industry_name(org.category, entry.industry.as_deref()),
        }));
        events::write(cx, permit, event).await?;
    }
    Ok(made)
}

fn org_row(id: OrgId, code: &str, entry: &Entry) -> Vec<db::Value> {
    let depth = i64::try_from(super::depth_of(&entry.path)).unwrap_or(i64::MAX);
    vec![
        id.into(),
        code.into(),
        entry.parent.into(),
        (&entry.path).into(),
        depth.into(),
        entry.sort_no.into(),
        (&entry.short_name).into(),
        (&entry.full_name).into(),
        pinyin::initials(&entry.short_name).into(),
        entry.category.code().into(),
        entry.industry.clone().into(),
        (&entry.province).into(),
    ]
}

/// As many codes as asked for that nobody has.
async fn free_codes(cx: &mut Cx, count: usize) -> Result<Vec<String>> {
    let mut free: Vec<String> = Vec::with_capacity(count);
    let mut drawn: HashSet<String> = HashSet::new();
    for _ in 0..32 {
        let mut fresh = Vec::new();
        while free.len() + fresh.len() < count {
            let mut chance = [0_u8; 8];
            cx.house().chance(&mut chance);
            let code = code::drawn(chance);
            if drawn.insert(code.clone()) {
                fresh.push(code);
            }
        }
        let rows = fresh.iter().map(|code| vec![code.into()]).collect();
        let taken: HashSet<String> = batch_sql::taken(cx, rows).await?.into_iter().collect();
        free.extend(fresh.into_iter().filter(|code| !taken.contains(code)));
        if free.len() == count {
            return Ok(free);
        }
    }
    Err(Error::Broken("no free organisation codes were drawn".into()))
}

/// Why an organisation that was made in a batch stays when the batch is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stays {
    Gone,
    Edited,
    HasAdmin,
    HasPeople,
    HadBusiness,
    HasChildren,
    ChildStays,
}
impl Stays {
    /// The reason on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Gone => "已被撤销或迁走",
            Self::Edited => "创建后信息有修改",
            Self::HasAdmin => "已有管理员",
            Self::HasPeople => "已录入团员或团干部",
            Self::HadBusiness => "创建后已办理过业务(如发放注册码、导入、转接)",
            Self::HasChildren => "创建后又在它下面建了组织",
            Self::ChildStays => "它下面有要保留的组织",
        }
    }
}

/// Which of these would be left if their making were taken back now, and why. `target` is where
/// they were made; changes nothing.
pub async fn would_stay(
    cx: &mut Cx,
    target: &OrgRef,
    ids: &[OrgId],
) -> Result<Vec<(OrgId, Stays)>> {
    let rows = || ids.iter().map(|id| vec![(*id).into()]).collect::<Rows>();
    let traces: HashMap<i64, batch_sql::Trace> =
        batch_sql::traces(cx, rows()).await?.into_iter().map(|t| (t.id, t)).collect();
    let own: HashSet<i64> = ids.iter().map(|id| id.0).collect();
    let mut stays: HashMap<i64, Stays> = HashMap::new();
    for id in ids {
        let why = match traces.get(&id.0) {
            Some(t) if target.covers(&t.path) && t.status == "ACTIVE" => why_stays(t),
            _ => Some(Stays::Gone),
        };
        if let Some(why) = why {
            stays.insert(id.0, why);
        }
    }
    for (parent, child) in batch_sql::children_of(cx, rows()).await? {
        if !own.contains(&child) {
            stays.entry(parent).or_insert(Stays::HasChildren);
        }
    }
    // Whoever stays keeps those above her; the deepest first.
    let mut by_depth: Vec<&batch_sql::Trace> = traces.values().collect();
    by_depth.sort_by_key(|t| std::cmp::Reverse(t.path.len()));
    for trace in by_depth {
        let gone = stays.get(&trace.id).is_none_or(|why| *why == Stays::Gone);
        if let Some(parent) = trace.parent_id.filter(|p| !gone && own.contains(p)) {
            stays.entry(parent).or_insert(Stays::ChildStays);
        }
    }
    Ok(ids.iter().filter_map(|id| stays.get(&id.0).map(|why| (*id, *why))).collect())
}

fn why_stays(trace: &batch_sql::Trace) -> Option<Stays> {
    [
        (trace.has_admin, Stays::HasAdmin),
        (trace.has_people, Stays::HasPeople),
        (trace.version > 1, Stays::Edited),
        (trace.had_business, Stays::HadBusiness),
    ]
    .into_iter()
    .find(|(holds, _)| *holds)
    .map(|(_, why)| why)
}

/// Takes back organisations that were made in a batch, leaving out whatever has been used since;
/// returns which were left and why. Whoever gives one of them an administrator, a child or people
/// touches the same rows, so that only one of the two happens.
pub async fn remove_many(
    cx: &mut Cx,
    permit: &Permit,
    target: &OrgRef,
    ids: &[OrgId],
) -> Result<Vec<(OrgId, Stays)>> {
    batch_sql::touch(cx, permit, ids.iter().map(|id| vec![(*id).into()]).collect()).await?;
    let stays = would_stay(cx, target, ids).await?;
    let left: HashSet<i64> = stays.iter().map(|(id, _)| id.0).collect();
    let going: Vec<OrgId> = ids.iter().copied().filter(|id| !left.contains(&id.0)).collect();
    let rows = || going.iter().map(|id| vec![(*id).into()]).collect::<Rows>();
    let sites = batch_sql::sites(cx, rows()).await?;
    let ended = batch_sql::end(cx, permit, rows()).await?;
    if ended != going.len() as u64 {
        // Changed between the two statements: the whole turn is taken again.
        return Err(Error::Retry);
    }
    let mut all_grams: Rows = Vec::new();
    for site in &sites {
        let depth = i64::try_from(super::depth_of(&site.path)).unwrap_or(i64::MAX);
        // Made without the superior's name these are all that can have been written.
        let grams = grams::of_org(&site.short_name, &site.full_name, "", site.category);
        all_grams
            .extend(grams.into_iter().map(|g| vec![g.into(), depth.into(), (&site.path).into()]));
        let change = Change {
            org_path: &site.path,
            orgs: -1,
            branches: -i64::from(site.category.owns_members()),
            ..Change::default()
        };
        stats::change(cx, permit, change).await?;
        let event = Event::new("org.taken_back", "org", site.id.0).at(&site.path).detail(json!({
            "code": site.code, "short_name": site.short_name,
        }));
        events::write(cx, permit, event).await?;
    }
    batch_sql::drop_grams(cx, permit, all_grams).await?;
    Ok(stays)
}
