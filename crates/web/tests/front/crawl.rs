//! Walking the pages as they link to each other, so that every page is seen with real contents.

use crate::kit::{Answer, Browser, attribute};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use web::routes::{self, Route};

/// Everything that one visitor saw.
pub(crate) struct Walk {
    pub(crate) pages: Vec<Answer>,
    /// Links that led nowhere: from, to, what was answered.
    pub(crate) dead: Vec<String>,
}

/// Opens `starts` and every page that these link to, at most three addresses that differ only in
/// their query.
pub(crate) async fn walk(browser: &mut Browser, starts: &[&str]) -> Walk {
    let mut open: VecDeque<(String, String)> =
        starts.iter().map(|s| ("start".to_owned(), (*s).to_owned())).collect();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut queries: BTreeMap<String, usize> = BTreeMap::new();
    let (mut pages, mut dead) = (Vec::new(), Vec::new());
    while let Some((from, url)) = open.pop_front() {
        let url = url.split('#').next().unwrap_or_default().to_owned();
        let path = url.split('?').next().unwrap_or_default().to_owned();
        if !seen.insert(url.clone()) {
            continue;
        }
        let turns = queries.entry(path.clone()).or_default();
        *turns += 1;
        if *turns > 3 {
            continue;
        }
        let page = browser.get(&url).await;
        if page.status.as_u16() >= 400 {
            dead.push(format!("{from} -> {url}: {}", page.status));
            continue;
        }
        if page.header("content-type").starts_with("text/html") {
            for link in links(&page.body) {
                open.push_back((url.clone(), link));
            }
        }
        pages.push(page);
    }
    Walk { pages, dead }
}

/// Where a page's links lead, our own addresses only.
pub(crate) fn links(body: &str) -> Vec<String> {
    body.split("<a ")
        .skip(1)
        .map(|tag| attribute(tag.split('>').next().unwrap_or_default(), "href"))
        .filter(|href| href.starts_with('/') && !href.starts_with("/assets/"))
        .collect()
}

/// The route of the table that an address belongs to.
pub(crate) fn route_of<'a>(table: &'a [Route], method: &str, url: &str) -> Option<&'a Route> {
    let path = url.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |route: &&Route| {
        let pattern: Vec<&str> = route.path.split('/').collect();
        route.method.as_str() == method
            && pattern.len() == parts.len()
            && pattern.iter().zip(&parts).all(|(p, x)| p.starts_with('{') || p == x)
    };
    // The pattern with the fewest blanks is the one that the router takes.
    table.iter().filter(fits).min_by_key(|r| r.path.matches('{').count())
}

/// The whole table, for [`route_of`].
pub(crate) fn table() -> Vec<Route> {
    routes::table()
}
