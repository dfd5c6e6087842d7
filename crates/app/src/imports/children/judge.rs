//! Judging a whole list of organisations: where each row stands, whether it may stand there, what
//! stands twice, what is there already (36, 37, 59, 64, C2).

use super::{
    finding,
    raw::{Raw, Read},
    resolve::{self, Up},
};
use crate::{
    Cx, Error, FieldError, OrgRef, Result,
    imports::{Finding, Mapping, RowState, judge::state_of, rows::Cells},
    orgs::{
        self, Category, OrgId,
        batch::{self, Site},
        tidy,
    },
    rules::{Rules, Severity},
};
use std::collections::HashMap;

/// A row about to be judged.
pub(super) struct Given {
    pub(super) no: i64,
    pub(super) raw: Raw,
    state: RowState,
    /// The organisation that was made of it.
    made: Option<OrgId>,
}
impl Given {
    pub(super) fn of(
        no: i64,
        cells: &Cells,
        mapping: &Mapping,
        state: RowState,
        made: Option<i64>,
    ) -> Self {
        Self { no, raw: Raw::of(cells, mapping), state, made: made.map(OrgId) }
    }
}

/// Where a row will stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// In the preview, depth first.
    pub(super) ord: i64,
    /// 1: directly below the organisation.
    pub(super) level: i64,
    pub(super) parent_row: Option<i64>,
    pub(super) parent_org: Option<i64>,
}

/// What is said of a row.
pub(crate) struct Verdict {
    pub(super) no: i64,
    pub(super) state: RowState,
    pub(super) findings: Vec<Finding>,
    pub(super) place: Place,
    pub(super) notes: Vec<&'static str>,
}

/// What those below a row need to know of it.
#[derive(Clone)]
enum Above {
    /// It is there already.
    Site(OrgId),
    /// It will be made.
    Planned { category: Category, full_name: String, industry: Option<String>, depth: usize },
    /// It has to be put right first.
    Bad(i64),
    /// It was left out.
    Skipped(i64),
    /// Nobody knows.
    Nowhere(String),
}

/// Judges all rows of a file together.
pub(super) async fn all(cx: &mut Cx, org: &OrgRef, rows: Vec<Given>) -> Result<Vec<Verdict>> {
    let mut ids = vec![org.id];
    ids.extend(rows.iter().filter_map(|r| r.made));
    let mut sites: HashMap<i64, Site> =
        batch::sites(cx, &ids).await?.into_iter().map(|s| (s.id.0, s)).collect();
    let target = sites.get(&org.id.0).cloned().ok_or(Error::NotFound)?;
    let ups = resolve::all(cx, org, &target, &rows, &mut sites).await?;
    let mut file = File::new(&rows, ups, target);
    let mut generation = file.top.clone();
    while !generation.is_empty() {
        file.look_for_twins(cx, &generation, &mut sites).await?;
        for at in &generation {
            file.judge(*at, &sites);
        }
        generation = generation.iter().flat_map(|at| file.below[*at].clone()).collect();
    }
    file.number();
    Ok(file.verdicts)
}

struct File<'a> {
    rows: &'a [Given],
    ups: Vec<Up>,
    target: Site,
    /// Rows that stand below no other row, in the file's order.
    top: Vec<usize>,
    below: Vec<Vec<usize>>,
    above: Vec<Option<Above>>,
    /// The sister that is there already.
    twins: HashMap<usize, OrgId>,
    /// The first row of a name below each superior.
    first: HashMap<(Key, String), i64>,
    /// Children's numbers that are left.
    left: HashMap<i64, i64>,
    verdicts: Vec<Verdict>,
}

/// A superior: an organisation or a row.
#[derive(PartialEq, Eq, Hash, Clone, Copy)]
enum Key {
    Site(i64),
    Row(usize),
}

impl<'a> File<'a> {
    fn new(rows: &'a [Given], ups: Vec<Up>, target: Site) -> Self {
        let (mut top, mut below) = (Vec::new(), vec![Vec::new(); rows.len()]);
        for (at, up) in ups.iter().enumerate() {
            match up {
                Up::Row(above) => below[*above].push(at),
                _ => top.push(at),
            }
        }
        let blank = |row: &Given| Verdict {
            no: row.no,
            state: row.state,
            findings: Vec::new(),
            place: Place { level: 1, ..Place::default() },
            notes: Vec::new(),
        };
        Self {
            verdicts: rows.iter().map(blank).collect(),
            above: vec![None; rows.len()],
            twins: HashMap::new(),
            first: HashMap::new(),
            left: HashMap::new(),
            rows,
            ups,
            target,
            top,
            below,
        }
    }

    /// What a row stands under.
    fn above_of(&self, at: usize) -> Above {
        match &self.ups[at] {
            Up::Target => Above::Site(self.target.id),
            Up::Site(id) => Above::Site(*id),
            Up::Nowhere(why) => Above::Nowhere(why.clone()),
            Up::Row(row) => self.above[*row].clone().unwrap_or(Above::Bad(self.rows[*row].no)),
        }
    }

    /// Which rows of a generation have the name of an organisation that is there already.
    async fn look_for_twins(
        &mut self,
        cx: &mut Cx,
        generation: &[usize],
        sites: &mut HashMap<i64, Site>,
    ) -> Result<()> {
        let asked: Vec<(usize, OrgId)> = generation
            .iter()
            .filter(|at| self.rows[**at].made.is_none())
            .filter_map(|at| match self.above_of(*at) {
                Above::Site(id) => Some((*at, id)),
                _ => None,
            })
            .collect();
        let names: Vec<(OrgId, String)> =
            asked.iter().map(|(at, id)| (*id, self.rows[*at].raw.name.clone())).collect();
        let found: HashMap<(i64, String), Site> = batch::sisters(cx, &names)
            .await?
            .into_iter()
            .map(|(above, site)| ((above.0, db::fold(&site.short_name)), site))
            .collect();
        for (at, id) in asked {
            if let Some(site) = found.get(&(id.0, db::fold(&self.rows[at].raw.name))) {
                self.twins.insert(at, site.id);
                sites.insert(site.id.0, site.clone());
            }
        }
        Ok(())
    }

    fn judge(&mut self, at: usize, sites: &HashMap<i64, Site>) {
        let (row, above) = (&self.rows[at], self.above_of(at));
        let depth = match &above {
            Above::Site(id) => sites.get(&id.0).map_or(0, |s| orgs::depth_of(&s.path)),
            Above::Planned { depth, .. } => *depth,
            _ => 0,
        };
        let base = orgs::depth_of(&self.target.path);
        self.verdicts[at].place.level = match self.ups[at] {
            Up::Row(row) => self.verdicts[row].place.level + 1,
            _ => i64::try_from((depth + 1).saturating_sub(base).max(1)).unwrap_or(1),
        };
        match (&above, &self.ups[at]) {
            (Above::Site(id), _) => self.verdicts[at].place.parent_org = Some(id.0),
            (_, Up::Row(row)) => self.verdicts[at].place.parent_row = Some(self.rows[*row].no),
            _ => {}
        }
        if let Some(made) = row.made {
            self.above[at] = Some(match sites.contains_key(&made.0) {
                true => Above::Site(made),
                false => Above::Bad(row.no),
            });
            return;
        }
        let key = match (&above, &self.ups[at]) {
            (Above::Site(id), _) => Key::Site(id.0),
            (_, Up::Row(row)) => Key::Row(*row),
            _ => Key::Site(self.target.id.0),
        };
        let mut standing = match &above {
            Above::Site(id) => match sites.get(&id.0) {
                Some(site) => Ground {
                    category: site.category,
                    full_name: &site.full_name,
                    industry: site.industry.as_deref(),
                    wrong: (!site.living).then(|| gone(&site.short_name)),
                },
                None => return self.refuse_below(at, gone("上级组织")),
            },
            Above::Planned { category, full_name, industry, .. } => Ground {
                category: *category,
                full_name,
                industry: industry.as_deref(),
                wrong: None,
            },
            Above::Bad(no) => return self.refuse_below(at, parent_is_bad(*no)),
            Above::Skipped(no) => return self.refuse_below(at, parent_is_skipped(*no)),
            Above::Nowhere(why) => return self.refuse_below(at, nowhere(why)),
        };
        let (mut findings, read) = judge_alone(row, &mut standing, depth);
        if let Some(twin) = self.twins.get(&at).and_then(|id| sites.get(&id.0)) {
            findings.push(exists(twin));
        } else if let Key::Site(id) = key
            && row.state != RowState::Skipped
            && !findings.iter().any(Finding::forbids)
        {
            let numbers = sites.get(&id).map_or(0, |s| s.numbers);
            let left = self.left.entry(id).or_insert(batch::NUMBERS - numbers);
            *left -= 1;
            if *left < 0 {
                let message = "直属下级组织的编号已用完,请联系系统运营。";
                findings.push(fix("org_parent", "org_full", message));
            }
        }
        if row.state != RowState::Skipped && !row.raw.name.is_empty() {
            let first = *self.first.entry((key, db::fold(&row.raw.name))).or_insert(row.no);
            if first != row.no {
                let message =
                    format!("与第 {first} 行的名称相同(同一上级),不能重名。请改名或跳过其中一行。");
                findings.push(fix("short_name", "org_name_twice", &message));
            }
        }
        self.settle(at, findings, read, standing.full_name, standing.category, depth);
    }

    /// Writes down what was found, and what those below need to know.
    fn settle(
        &mut self,
        at: usize,
        mut findings: Vec<Finding>,
        read: Option<Read>,
        above_full: &str,
        above: Category,
        depth: usize,
    ) {
        let row = &self.rows[at];
        findings.sort_by_key(|f| (f.column, !f.forbids()));
        let good = !findings.iter().any(Finding::forbids);
        let twin = self.twins.get(&at).copied();
        self.above[at] = Some(match (twin, read) {
            (Some(twin), _) => Above::Site(twin),
            _ if row.state == RowState::Skipped => Above::Skipped(row.no),
            (None, Some(read)) if good => {
                let full_name = orgs::preview(above_full, above, &read.new).full_name;
                let (category, industry) = (read.new.category, read.new.industry.clone());
                self.verdicts[at].notes = read.notes;
                Above::Planned { category, full_name, industry, depth: depth + 1 }
            }
            _ => Above::Bad(row.no),
        });
        if row.state.is_open() {
            self.verdicts[at].state = state_of(findings.iter().map(|f| f.severity));
        }
        self.verdicts[at].findings = findings;
    }

    fn refuse_below(&mut self, at: usize, why: Finding) {
        let row = &self.rows[at];
        self.above[at] = Some(match row.state {
            RowState::Skipped => Above::Skipped(row.no),
            _ => Above::Bad(row.no),
        });
        if row.state.is_open() {
            self.verdicts[at].state = RowState::ToFix;
        }
        self.verdicts[at].findings = vec![why];
    }

    /// Numbers the rows as the preview shows them.
    fn number(&mut self) {
        let mut ord = 0;
        let mut open: Vec<usize> = self.top.iter().rev().copied().collect();
        while let Some(at) = open.pop() {
            ord += 1;
            self.verdicts[at].place.ord = ord;
            open.extend(self.below[at].iter().rev());
        }
    }
}

/// The superior of a row, as far as it counts for the row.
struct Ground<'a> {
    category: Category,
    full_name: &'a str,
    industry: Option<&'a str>,
    wrong: Option<Finding>,
}

/// What the rules say of a row below its superior.
fn judge_alone(row: &Given, ground: &mut Ground<'_>, depth: usize) -> (Vec<Finding>, Option<Read>) {
    let mut findings: Vec<Finding> = ground.wrong.take().into_iter().collect();
    let limit = Rules::builtin().tree.depth_limit;
    if depth >= limit {
        let message = format!("组织树最多 {limit} 级,这里放不下。请核对上级组织。");
        findings.push(fix("org_parent", "org_depth", &message));
    }
    match row.raw.read(ground.category, ground.industry) {
        Ok(read) => {
            let preview = orgs::preview(ground.full_name, ground.category, &read.new);
            let errors = preview.errors.into_iter().map(|e| finding(e, Severity::Fix, None));
            findings.extend(errors);
            let advice = preview.advice.into_iter().map(|e| finding(e, Severity::Warn, None));
            findings.extend(advice);
            (findings, Some(read))
        }
        Err(wrong) => {
            findings.extend(wrong);
            if tidy(&row.raw.name).is_empty() {
                findings.push(fix("short_name", "required", "请填写“组织简称”。"));
            }
            (findings, None)
        }
    }
}

fn fix(field: &str, code: &str, message: &str) -> Finding {
    finding(FieldError::new(field, code, message.to_owned()), Severity::Fix, None)
}

fn exists(twin: &Site) -> Finding {
    let message = format!(
        "已有同名的{}(组织码 {}),不用再建;可以跳过这一行,它的下级会建在已有的组织下面。",
        twin.category.label(),
        orgs::code::show(&twin.code)
    );
    let error = FieldError::new("short_name", "org_exists", message);
    finding(error, Severity::Fix, Some(twin.code.clone()))
}

fn gone(name: &str) -> Finding {
    fix("org_parent", "org_gone", &format!("“{name}”正在迁移或已撤销,下面不能再建组织。"))
}

/// The row stands below one that was not made.
pub(super) fn parent_is_bad(no: i64) -> Finding {
    let message = format!("上级(第 {no} 行)还没有改好。先改好那一行,这一行会自动通过。");
    fix("org_parent", "org_parent_bad", &message)
}

fn parent_is_skipped(no: i64) -> Finding {
    let message = format!("上级(第 {no} 行)已跳过。请恢复那一行,或在这里改填别的上级组织。");
    fix("org_parent", "org_parent_skipped", &message)
}

fn nowhere(why: &str) -> Finding {
    fix("org_parent", "org_parent_unknown", why)
}
