//! The sheet of one issue: its plain codes, sealed piece by piece in a file of whoever issued them,
//! so that workbook, slips and messages can be had again while the codes live (decision 0013).

use super::{CodeId, State, grouped, sql};
use crate::{
    Action, Cx, Error, Permit, Result, access,
    clock::{Millis, say_day, show_day, show_time},
    files::{self, FileId},
    keys::Place,
};
use ::sheet::{Column, Kind, Layout, Value, WriteError, Writer};

/// One plain code. Never prints itself.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) id: CodeId,
    pub(super) code: String,
}
impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({})", self.id)
    }
}

/// Where sealed pieces are bound to.
const COLUMN: &str = "file.codes";
/// Codes of one sealed piece; a piece stays far below a megabyte.
const PIECE: usize = 1000;

pub(super) async fn add(cx: &mut Cx, permit: &Permit, sheet: FileId, lines: &[Line]) -> Result<()> {
    let house = cx.house().clone();
    for piece in lines.chunks(PIECE) {
        let pairs: Vec<(i64, &str)> = piece.iter().map(|l| (l.id.0, l.code.as_str())).collect();
        let text = serde_json::to_string(&pairs).map_err(|e| Error::Broken(e.to_string()))?;
        let place = Place { column: COLUMN, row: sheet.0 };
        let sealed = house.keys().seal(place, &text, house.chance_source());
        files::append(cx, permit, sheet, sealed).await?;
    }
    Ok(())
}

/// A code of the sheet with its organisation.
#[derive(Clone)]
pub struct Entry {
    /// The plain code.
    pub code: String,
    pub org_code: String,
    pub short_name: String,
    pub full_name: String,
    pub path: String,
    pub state: State,
    pub expires_at: Millis,
}
impl Entry {
    /// `K7QM-2RDX`.
    pub fn grouped(&self) -> String {
        grouped(&self.code)
    }
    /// What the superior sends to the child's administrator-to-be.
    pub fn message(&self, issuer: &str, base: &str) -> String {
        format!(
            "【{issuer}】请“{}”的管理员打开 {base}/join/{} 注册,{} 24:00 前有效,仅限 1 人使用,请勿转发到其他组织。也可以在登录页点“管理员注册”,输入注册码 {}。",
            self.short_name,
            self.code,
            say_day(self.expires_at),
            self.grouped()
        )
    }
}
impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({})", self.org_code)
    }
}

/// A sheet as its maker sees it.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub id: FileId,
    pub created_at: Millis,
    /// Until when it is kept.
    pub kept_until: Millis,
    /// In the order of the organisations.
    pub entries: Vec<Entry>,
}

/// One's own sheet. [`Error::Gone`] after its time, [`Error::NotFound`] when it is somebody else's.
pub async fn open(cx: &mut Cx, id: FileId) -> Result<Sheet> {
    let org = cx.org()?.clone();
    if access::reach(Action::IssueCodes, cx.acting()?.role).is_none() {
        return Err(cx.forbidden(Action::IssueCodes, &org));
    }
    let file = files::open_sealed(cx, id).await?;
    if file.org_id != org.id.0 {
        return Err(Error::NotFound);
    }
    let house = cx.house().clone();
    let (mut lines, mut no) = (Vec::new(), 0);
    while let Some(sealed) = files::piece(cx, &file, no).await? {
        let place = Place { column: COLUMN, row: id.0 };
        let text = house.keys().unseal(place, &sealed).map_err(|e| Error::Broken(e.to_string()))?;
        let pairs: Vec<(i64, String)> =
            serde_json::from_str(&text).map_err(|e| Error::Broken(e.to_string()))?;
        lines.extend(pairs);
        no += 1;
    }
    let entries = entries(cx, lines).await?;
    Ok(Sheet { id, created_at: file.created_at, kept_until: file.expires_at, entries })
}

async fn entries(cx: &mut Cx, lines: Vec<(i64, String)>) -> Result<Vec<Entry>> {
    let now = cx.now();
    let ids = lines.iter().map(|(id, _)| *id).collect();
    let mut plain: std::collections::HashMap<i64, String> = lines.into_iter().collect();
    let found = sql::of_sheet(cx, ids).await?;
    let entry = |row: sql::OfSheet| {
        let code = plain.remove(&row.id)?;
        Some(Entry {
            code,
            state: State::read(Some(&row.state), Some(row.expires_at), now),
            org_code: row.org_code,
            short_name: row.short_name,
            full_name: row.full_name,
            path: row.path,
            expires_at: row.expires_at,
        })
    };
    Ok(found.into_iter().filter_map(entry).collect())
}

const TITLES: [(&str, f64); 6] = [
    ("组织全称", 52.0),
    ("组织码", 14.0),
    ("注册码", 14.0),
    ("注册链接", 44.0),
    ("有效期至", 14.0),
    ("状态", 10.0),
];

/// The sheet as a workbook (B.2): its name and its bytes. `base` stands before the links.
pub fn workbook(sheet: &Sheet, issuer: &str, base: &str, now: Millis) -> Result<(String, Vec<u8>)> {
    let bytes = write(sheet, issuer, base, now).map_err(|e| Error::Broken(e.to_string()))?;
    let safe: String = issuer.chars().filter(|c| c.is_alphanumeric()).take(40).collect();
    Ok((format!("管理员注册码-{safe}-{}.xlsx", show_day(sheet.created_at)), bytes))
}

fn write(
    sheet: &Sheet,
    issuer: &str,
    base: &str,
    now: Millis,
) -> std::result::Result<Vec<u8>, WriteError> {
    let folder = tempfile::tempdir().map_err(|e| WriteError::Xlsx(e.into()))?;
    let mut writer = Writer::in_folder(folder.path())?;
    let column = |(title, width)| Column::new(title, width, Kind::Text);
    let columns = TITLES.into_iter().map(column).collect();
    let layout = Layout { name: "管理员注册码".into(), columns, ..Layout::default() };
    let mut page = writer.sheet(&layout)?;
    for entry in &sheet.entries {
        let cells = [
            entry.full_name.clone(),
            crate::orgs::code::show(&entry.org_code),
            entry.grouped(),
            format!("{base}/join/{}", entry.code),
            show_day(entry.expires_at),
            entry.state.label().to_owned(),
        ];
        page.row(&cells.iter().map(|c| Value::from(c.as_str())).collect::<Vec<_>>())?;
    }
    let notes = [
        format!("发码组织:{issuer}"),
        format!("生成时间:{}(北京时间)", show_time(sheet.created_at)),
        format!("下载时间:{}(北京时间)", show_time(now)),
        "每个注册码只能由对应组织的一位管理员使用一次,由注册码决定组织;请分别发给本人,不要群发。"
            .to_owned(),
    ];
    writer.notes("说明", &notes.iter().map(String::as_str).collect::<Vec<_>>())?;
    writer.finish()
}
