//! Below what each row stands: its column 上级组织, a level by number, or blanks before its name.

use super::judge::Given;
use crate::{
    Cx, OrgRef, Result,
    orgs::{OrgId, batch, batch::Site, code, grams, tidy},
};
use std::collections::HashMap;

/// Where a row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Up {
    /// Directly below the organisation that imports.
    Target,
    /// Below another row of the file.
    Row(usize),
    /// Below an organisation that is there already.
    Site(OrgId),
    /// Nowhere, and why.
    Nowhere(String),
}

/// Where every row stands. Organisations that were found are put into `sites`.
pub(super) async fn all(
    cx: &mut Cx,
    org: &OrgRef,
    target: &Site,
    rows: &[Given],
    sites: &mut HashMap<i64, Site>,
) -> Result<Vec<Up>> {
    let mut ups: Vec<Option<Up>> = in_file(target, rows);
    let asked: Vec<(usize, Vec<String>)> = ups
        .iter()
        .enumerate()
        .filter(|(_, up)| up.is_none())
        .map(|(at, _)| (at, segments(&rows[at].raw.parent)))
        .collect();
    for (at, up) in outside(cx, org, target, asked, sites).await? {
        ups[at] = Some(up);
    }
    let mut ups: Vec<Up> =
        ups.into_iter().map(|up| up.unwrap_or_else(|| Up::Nowhere(String::new()))).collect();
    break_circles(rows, &mut ups);
    Ok(ups)
}

/// What the file itself says; `None` where an organisation outside of it is named.
fn in_file(target: &Site, rows: &[Given]) -> Vec<Option<Up>> {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut by_stem: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        by_name.entry(&row.raw.name).or_default().push(at);
        by_stem.entry(grams::stem(&row.raw.name)).or_default().push(at);
    }
    let leveled = rows.iter().any(|r| r.raw.level.is_some());
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut ups: Vec<Option<Up>> = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let depth = if leveled { row.raw.level.unwrap_or(1) } else { row.raw.indent };
        while open.last().is_some_and(|(d, _)| *d >= depth) {
            open.pop();
        }
        let above = open.last().copied();
        open.push((depth, at));
        ups.push(if row.raw.parent.is_empty() {
            Some(by_depth(leveled, depth, above))
        } else {
            by_word(target, rows, at, &by_name, &by_stem)
        });
    }
    ups
}

fn by_depth(leveled: bool, depth: usize, above: Option<(usize, usize)>) -> Up {
    match above {
        _ if leveled && depth == 0 => {
            Up::Nowhere("层级请填数字:1 是直属下级,2 是再下一级。".into())
        }
        Some((d, _)) if leveled && d + 1 != depth => Up::Nowhere(format!(
            "层级从 {d} 跳到了 {depth},中间缺一级。请改正层级,或填写上级组织。"
        )),
        None if leveled && depth > 1 => {
            Up::Nowhere(format!("第 {depth} 级的组织上面没有第 {} 级的组织。", depth - 1))
        }
        Some((_, at)) => Up::Row(at),
        None => Up::Target,
    }
}

fn by_word(
    target: &Site,
    rows: &[Given],
    at: usize,
    by_name: &HashMap<&str, Vec<usize>>,
    by_stem: &HashMap<&str, Vec<usize>>,
) -> Option<Up> {
    let typed = &rows[at].raw.parent;
    let names = segments(typed);
    let last = names.last()?;
    if names.len() == 1
        && (*last == target.short_name
            || *last == target.full_name
            || code::read(typed).as_ref() == Some(&target.code))
    {
        return Some(Up::Target);
    }
    let fits = |other: &usize| {
        *other != at
            && names.len().checked_sub(2).is_none_or(|before| {
                let above = segments(&rows[*other].raw.parent);
                above.last().map_or(target.short_name == names[before], |a| *a == names[before])
            })
    };
    let of = |found: Option<&Vec<usize>>| -> Vec<usize> {
        found.into_iter().flatten().copied().filter(|o| fits(o)).collect()
    };
    let mut found = of(by_name.get(last.as_str()));
    if found.is_empty() {
        let could = |o: &usize| rows[*o].raw.category().is_none_or(|c| !c.owns_members());
        found = of(by_stem.get(grams::stem(last))).into_iter().filter(could).collect();
        // A class may well carry the name of its college: only one may be meant.
        found.truncate(if found.len() == 1 { 1 } else { 0 });
    }
    match found[..] {
        [] if *last == rows[at].raw.name
            && names.len() == 1
            && by_name[last.as_str()].len() == 1 =>
        {
            None
        }
        [] => None,
        [one] => Some(Up::Row(one)),
        // The same organisation twice: the second one is told so.
        [first, ..] if found.iter().all(|o| rows[*o].raw.parent == rows[first].raw.parent) => {
            Some(Up::Row(first))
        }
        [first, second, ..] => Some(Up::Nowhere(format!(
            "本文件里有 {} 行叫“{last}”(第 {}、{} 行{})。请写成“上级简称/{last}”来区分。",
            found.len(),
            rows[first].no,
            rows[second].no,
            if found.len() > 2 { "等" } else { "" }
        ))),
    }
}

/// `计算机学院团委/2022级团总支`, with any of the usual separators.
fn segments(typed: &str) -> Vec<String> {
    typed
        .split(['/', '/', '>', '›', '>', '\\', '→'])
        .map(tidy)
        .filter(|part| !part.is_empty())
        .collect()
}

/// The organisations outside the file that rows name: by 组织码, or by names from the top down.
async fn outside(
    cx: &mut Cx,
    org: &OrgRef,
    target: &Site,
    asked: Vec<(usize, Vec<String>)>,
    sites: &mut HashMap<i64, Site>,
) -> Result<Vec<(usize, Up)>> {
    let (mut done, mut open) = (Vec::new(), Vec::new());
    let mut codes: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, mut names) in asked {
        match (&names[..], names.first().and_then(|n| code::read(n))) {
            ([_], Some(code)) => codes.entry(code).or_default().push(at),
            _ => {
                if names.len() > 1 && names[0] == target.short_name {
                    names.remove(0);
                }
                open.push((at, names, target.id));
            }
        }
    }
    let wanted: Vec<String> = codes.keys().cloned().collect();
    let mut by_code: HashMap<String, Site> = HashMap::new();
    for site in batch::sites_by_code(cx, &wanted).await? {
        if org.covers(&site.path) {
            by_code.insert(site.code.clone(), site);
        }
    }
    for (code, rows) in codes {
        let up = by_code.get(&code).map(|site| Up::Site(site.id));
        let why =
            || Up::Nowhere("本组织下面没有这个组织码的组织。请核对,或填写上级组织的简称。".into());
        done.extend(rows.into_iter().map(|at| (at, up.clone().unwrap_or_else(why))));
    }
    sites.extend(by_code.into_values().map(|site| (site.id.0, site)));
    while !open.is_empty() {
        let names: Vec<(OrgId, String)> =
            open.iter().filter_map(|(_, n, id)| Some((*id, n.first()?.clone()))).collect();
        let found: HashMap<(i64, String), Site> = batch::sisters(cx, &names)
            .await?
            .into_iter()
            .map(|(above, site)| ((above.0, db::fold(&site.short_name)), site))
            .collect();
        let mut deeper = Vec::new();
        for (at, mut names, above) in std::mem::take(&mut open) {
            let name = if names.is_empty() { String::new() } else { names.remove(0) };
            match found.get(&(above.0, db::fold(&name))) {
                None => done.push((at, Up::Nowhere(unknown(&name)))),
                Some(site) if names.is_empty() => done.push((at, Up::Site(site.id))),
                Some(site) => deeper.push((at, names, site.id)),
            }
        }
        sites.extend(found.into_values().map(|site| (site.id.0, site)));
        open = deeper;
    }
    Ok(done)
}

fn unknown(name: &str) -> String {
    format!(
        "没有找到“{name}”:本文件里没有这一行,它也不是直属下级。更下级的组织请写组织码,或写成“学院团委/年级团总支”;直属本级的请留空。"
    )
}

/// Rows that stand below one another in a circle stand nowhere.
fn break_circles(rows: &[Given], ups: &mut [Up]) {
    // 0: not looked at, 1: on the way that is being followed, 2: leads to the top.
    let mut mark = vec![0_u8; ups.len()];
    for start in 0..ups.len() {
        let mut way = Vec::new();
        let mut at = start;
        while mark[at] == 0 {
            mark[at] = 1;
            way.push(at);
            match ups[at] {
                Up::Row(above) => at = above,
                _ => break,
            }
        }
        if mark[at] == 1
            && matches!(ups[at], Up::Row(_))
            && let Some(from) = way.iter().position(|w| *w == at)
        {
            let circle: Vec<String> = way[from..].iter().map(|w| rows[*w].no.to_string()).collect();
            let why = format!("第 {} 行互为上级,绕成了一圈。请改正上级组织。", circle.join("、"));
            for w in &way[from..] {
                ups[*w] = Up::Nowhere(why.clone());
            }
        }
        for w in way {
            mark[w] = 2;
        }
    }
}
