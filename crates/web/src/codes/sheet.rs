//! The sheet of one issue: its plain codes with a message to copy, as workbook, as slips to print
//! and as a text of all messages. Only for whoever issued them, until it is cleared away.

use super::qr;
use crate::{
    answer::Answer, error::Failure, form::Query, frame::Frame, page, site::Site, visit::Visit,
};
use app::{
    clock::{say_day, show_time},
    codes::{
        State,
        sheet::{self, Entry, Sheet},
    },
    files::{FileId, XLSX},
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Codes on a page.
const SIZE: usize = 50;
/// Slips of one printing: ten sheets of paper, and a page that opens quickly.
const SLIPS: usize = 40;

/// From which code on, counted from 0.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct From {
    from: usize,
}

/// A code with what is sent.
#[derive(Serialize, JsonSchema)]
pub struct Row {
    org: String,
    name: String,
    code: String,
    link: String,
    state: State,
    state_name: &'static str,
    message: String,
}

/// The codes of one issue.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "codes/sheet.html")]
pub struct SheetPage {
    #[serde(skip)]
    frame: Frame,
    rows: Vec<Row>,
    total: usize,
    /// How many can still be used.
    waiting: usize,
    made: String,
    until: String,
    kept_until: String,
    next: Option<String>,
    first_page: bool,
    /// First numbers of the printings.
    prints: Vec<Printing>,
    #[serde(skip)]
    base: String,
    #[serde(skip)]
    here: String,
}
page!(SheetPage);

/// A part of the slips.
#[derive(Serialize, JsonSchema)]
pub struct Printing {
    label: String,
    #[serde(skip)]
    href: String,
}

/// `GET /o/{org}/children/codes/sheets/{id}`.
pub async fn show(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
    Query(q): Query<From>,
) -> Result<Answer, Failure> {
    let sheet = open(&mut v, &id).await?;
    let base = format!("{}/children/codes", v.base()?);
    let here = format!("{base}/sheets/{id}");
    let site = reached(v.site());
    let issuer = v.cx.org()?.short_name.clone();
    let row = |entry: &Entry| Row {
        org: entry.org_code.clone(),
        name: entry.short_name.clone(),
        code: entry.grouped(),
        link: format!("{site}/join/{}", entry.code),
        state: entry.state,
        state_name: entry.state.label(),
        message: entry.message(&issuer, &site),
    };
    let rows: Vec<Row> = sheet.entries.iter().skip(q.from).take(SIZE).map(row).collect();
    let last = q.from.saturating_add(SIZE);
    let waiting = sheet.entries.iter().filter(|e| e.state == State::Waiting);
    let page = SheetPage {
        frame: v.frame("注册码", "/children/codes").await?,
        waiting: waiting.clone().count(),
        prints: printings(waiting.count(), &here),
        total: sheet.entries.len(),
        made: show_time(sheet.created_at),
        until: sheet.entries.first().map(|e| say_day(e.expires_at)).unwrap_or_default(),
        kept_until: say_day(sheet.kept_until),
        next: (last < sheet.entries.len()).then(|| format!("{here}?from={last}")),
        first_page: q.from == 0,
        rows,
        base,
        here,
    };
    v.show(page).await
}

fn printings(slips: usize, here: &str) -> Vec<Printing> {
    let part = |from: usize| Printing {
        label: if slips <= SLIPS {
            "打印领取单".to_owned()
        } else {
            format!("{}–{}", from + 1, (from + SLIPS).min(slips))
        },
        href: format!("{here}/slips?from={from}"),
    };
    (0..slips).step_by(SLIPS).map(part).collect()
}

async fn open(v: &mut Visit, id: &str) -> Result<Sheet, Failure> {
    let id: FileId = id.parse().map_err(|_| app::Error::NotFound)?;
    Ok(sheet::open(&mut v.cx, id).await?)
}

/// The address under which people reach the program: as configured, else where it listens. Never
/// what a visitor's request says: a link with a code in it would lead to whoever made that up.
pub(super) fn reached(site: &Site) -> String {
    let configured = site.house().settings().public_url.trim_end_matches('/');
    if configured.is_empty() { site.listens_at() } else { configured.to_owned() }
}

/// `GET /o/{org}/children/codes/sheets/{id}/codes.xlsx`.
pub async fn workbook(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let sheet = open(&mut v, &id).await?;
    let issuer = v.cx.org()?.short_name.clone();
    let site = reached(v.site());
    let (name, bytes) = sheet::workbook(&sheet, &issuer, &site, v.cx.now())?;
    v.file(&name, XLSX, bytes).await
}

/// `GET /o/{org}/children/codes/sheets/{id}/messages.txt`.
pub async fn messages(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let sheet = open(&mut v, &id).await?;
    let issuer = v.cx.org()?.short_name.clone();
    let site = reached(v.site());
    let waiting = sheet.entries.iter().filter(|e| e.state == State::Waiting);
    let lines: Vec<String> = waiting.map(|e| e.message(&issuer, &site)).collect();
    // The mark tells old editors that it is UTF-8.
    let text = format!("\u{feff}{}\r\n", lines.join("\r\n\r\n"));
    v.file("注册通知.txt", "text/plain; charset=utf-8", text.into_bytes()).await
}

/// A slip of paper for one organisation.
#[derive(Serialize, JsonSchema)]
pub struct Slip {
    name: String,
    code: String,
    link: String,
    until: String,
    #[serde(skip)]
    picture: String,
}

/// Slips to print, four on a sheet of A4.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "codes/slips.html")]
pub struct SlipsPage {
    #[serde(skip)]
    frame: Frame,
    slips: Vec<Slip>,
    issuer: String,
    /// From the root down to the superior.
    way: Vec<String>,
    /// Which of how many these are, where they are more than one printing.
    part: Option<String>,
    /// The next printing.
    next: Option<String>,
    #[serde(skip)]
    back: String,
}
page!(SlipsPage);

/// `GET /o/{org}/children/codes/sheets/{id}/slips`.
pub async fn slips(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
    Query(q): Query<From>,
) -> Result<Answer, Failure> {
    let sheet = open(&mut v, &id).await?;
    let org = v.cx.org()?.clone();
    let site = reached(v.site());
    let above = app::orgs::names_to(&mut v.cx, &org.path).await?;
    let above: Vec<String> = above.into_iter().map(|o| o.short_name).collect();
    let slip = |entry: &Entry| {
        let link = format!("{site}/join/{}", entry.code);
        Slip {
            name: entry.short_name.clone(),
            code: entry.grouped(),
            until: say_day(entry.expires_at),
            picture: qr::picture(&link, &format!("{} 的注册二维码", entry.short_name)),
            link,
        }
    };
    let waiting = sheet.entries.iter().filter(|e| e.state == State::Waiting);
    let all = waiting.clone().count();
    let slips: Vec<Slip> = waiting.skip(q.from).take(SLIPS).map(slip).collect();
    let end = q.from.saturating_add(slips.len());
    let back = format!("{}/children/codes/sheets/{id}", v.base()?);
    let page = SlipsPage {
        frame: v.frame("注册码领取单", "/children/codes").await?,
        part: (all > slips.len()).then(|| format!("第 {}–{end} 张,共 {all} 张", q.from + 1)),
        next: (end < all).then(|| format!("{back}/slips?from={end}")),
        slips,
        way: above,
        issuer: org.short_name,
        back,
    };
    v.show(page).await
}
