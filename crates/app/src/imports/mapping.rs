//! Which column of the file is which of ours (B.3, step 2). Skipped when the titles say it all.

use super::{
    Import, ImportId, Notes, changed_meanwhile, find, head::is_joined, judge, rows, rows::Cells,
    sql, table::Table, take_hold,
};
use crate::{
    Cx, Error, FieldError, OrgRef, Result,
    events::Event,
    people::entry,
    pii::{IdNumber, Mobile},
    rules::{Column, Needed, Rules, SheetKind},
};

/// Our column for each of the file's; behind them, columns that the file does not have.
pub type Mapping = Vec<Option<Column>>;

/// One column of the file as the page shows it.
#[derive(Clone, Debug, serde::Serialize, schemars::JsonSchema)]
pub struct FileColumn {
    /// As a spreadsheet names it.
    pub letter: String,
    /// The file's title; empty when it has none.
    pub title: String,
    /// Three values, long numbers masked.
    pub samples: Vec<String>,
    /// Our column's key, empty when the column is left out.
    pub column: String,
}

/// What the mapping page shows.
#[derive(Clone, Debug)]
pub struct Columns {
    pub import: Import,
    pub columns: Vec<FileColumn>,
    /// Our columns without which nobody can be imported, and which the file lacks.
    pub missing: Vec<Column>,
}

/// The columns that a file of this kind may have.
pub fn ours(kind: SheetKind) -> Vec<Column> {
    Column::ALL
        .iter()
        .copied()
        .filter(|c| Rules::builtin().columns.needed(*c, kind, None) > Needed::Absent)
        .collect()
}

/// `H` of the eighth column.
fn letter(at: usize) -> String {
    sheet::column_letters(u32::try_from(at + 1).unwrap_or(0))
}

/// What titles and content say of a file's columns.
pub(super) struct Choice {
    pub(super) mapping: Mapping,
    /// What only a person can say: sentences.
    pub(super) asks: Vec<String>,
    /// Nothing may be taken for granted: see [`Notes::must_ask`].
    pub(super) must_ask: bool,
    /// Columns that lost against others.
    pub(super) notes: Vec<String>,
}

/// Chooses among the columns of a file: a visible one before a hidden one, an exact title before
/// another spelling; columns of one meaning stand for the same field, the first that is filled
/// counts. Two of them, or an untitled one that looks like something, are asked about.
pub(super) fn choose(table: &Table, kind: SheetKind) -> Choice {
    let (columns, ours) = (&Rules::builtin().columns, ours(kind));
    let known: Vec<Option<(Column, bool)>> = table
        .header
        .iter()
        .map(|title| columns.meaning(title).filter(|(column, _)| ours.contains(column)))
        .collect();
    let mut choice = Choice {
        mapping: vec![None; table.header.len()],
        asks: Vec::new(),
        must_ask: false,
        notes: Vec::new(),
    };
    let named = |at: usize| format!("“{}”（第 {} 列）", table.header[at], letter(at));
    for column in ours.iter().copied() {
        let all: Vec<usize> =
            (0..known.len()).filter(|at| known[*at].is_some_and(|(c, _)| c == column)).collect();
        let (hidden, visible): (Vec<usize>, Vec<usize>) =
            all.into_iter().partition(|at| table.hidden_columns.contains(at));
        let label = column.label();
        if visible.is_empty() {
            for at in hidden.into_iter().take(1) {
                choice.notes.push(format!("{}是隐藏的列，也读取了。", named(at)));
                choice.mapping[at] = Some(column);
            }
            continue;
        }
        for at in hidden {
            choice
                .notes
                .push(format!("{}是隐藏的列，没有用；“{label}”按看得见的列读取。", named(at)));
        }
        let (exact, other): (Vec<usize>, Vec<usize>) =
            visible.iter().partition(|at| known[**at].is_some_and(|(_, exact)| exact));
        let first = if exact.is_empty() { &other } else { &exact };
        for at in first {
            choice.mapping[*at] = Some(column);
        }
        if !exact.is_empty() {
            // Another spelling only fills what the exact title leaves empty.
            for at in other.iter().filter(|at| fills(table, &exact, **at)) {
                choice.mapping[*at] = Some(column);
            }
        }
        if visible.len() > 1 {
            let names: Vec<String> = visible.iter().map(|at| named(*at)).collect();
            choice.asks.push(format!(
                "有 {} 列都像“{label}”：{}。请在下面确认用哪一列；对应到同一项的几列，空格取另一列的值，内容不同的行会请你改。",
                names.len(),
                names.join("、")
            ));
        }
    }
    for at in (0..table.header.len()).filter(|at| table.header[*at].is_empty()) {
        untitled(table, at, &ours, &mut choice);
    }
    choice
}

/// Whether a column is filled in a row where none of the others is.
fn fills(table: &Table, others: &[usize], at: usize) -> bool {
    let empty = |cells: &Cells, at: usize| cells.text(at).trim().is_empty();
    let gap = |cells: &Cells| others.iter().all(|other| empty(cells, *other)) && !empty(cells, at);
    table.rows.iter().any(|(_, cells)| gap(cells))
}

/// A column without a title: named with what its content looks like, and asked about where that is
/// something the list would lack.
fn untitled(table: &Table, at: usize, ours: &[Column], choice: &mut Choice) {
    let texts = || table.rows.iter().map(|(_, c)| c.text(at).trim()).filter(|t| !t.is_empty());
    let filled = texts().count();
    if filled == 0 {
        return;
    }
    let most = |column: &Column| {
        texts().take(500).filter(|text| looks_like(text, *column)).count() * 5
            >= filled.min(500) * 4
    };
    let looks = LOOKS.iter().copied().find(most).filter(|c| ours.contains(c));
    let letter = letter(at);
    match looks {
        Some(column) if !choice.mapping.contains(&Some(column)) => {
            choice.mapping[at] = Some(column);
            choice.must_ask = true;
            choice.asks.push(format!(
                "第 {letter} 列没有标题，里面像是{}：请指出它是什么，不用的选“不导入”。",
                column.label()
            ));
        }
        Some(column) => choice
            .notes
            .push(format!("第 {letter} 列没有标题（里面像是{}），没有读取。", column.label())),
        None => choice.notes.push(format!("第 {letter} 列没有标题，没有读取。")),
    }
}

/// What the content of a column can be told by.
const LOOKS: [Column; 7] = [
    Column::IdNumber,
    Column::Mobile,
    Column::DevNumber,
    Column::Joined,
    Column::Political,
    Column::Ethnic,
    Column::Education,
];

fn looks_like(text: &str, column: Column) -> bool {
    let codes = &Rules::builtin().codes;
    let named = |rows: &[crate::rules::lists::CodeRow]| rows.iter().any(|row| row.name == text);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    match column {
        Column::IdNumber => text.len() == 18 && digits >= 17,
        Column::Mobile => text.len() == 11 && digits == 11 && text.starts_with('1'),
        Column::DevNumber => text.len() == 12 && digits == 12 && text.starts_with("20"),
        Column::Joined => {
            let year = text.get(..4).and_then(|year| year.parse::<u16>().ok());
            year.is_some_and(|year| (1950..=2100).contains(&year))
                && (6..=8).contains(&digits.max(6))
                && text.len() > 4
                && digits <= 8
        }
        Column::Political => named(&codes.political),
        Column::Ethnic => named(&codes.ethnic),
        Column::Education => named(&codes.education),
        _ => false,
    }
}

/// What the titles say. A column that stands twice counts once, the first time.
#[cfg(test)]
pub(super) fn guess(header: &[String], kind: SheetKind) -> Mapping {
    let ours = ours(kind);
    let mut mapping: Mapping = Vec::with_capacity(header.len());
    for title in header {
        let column = Rules::builtin().columns.recognise(title).filter(|c| ours.contains(c));
        mapping.push(column.filter(|c| !mapping.contains(&Some(*c))));
    }
    mapping
}

/// Which columns a mapping lacks that every member needs (`entry`) or a complete one (`complete`).
pub(super) fn lacking(mapping: &Mapping, need: Needed, kind: SheetKind) -> Vec<Column> {
    let columns = &Rules::builtin().columns;
    let lacks = |c: &Column| columns.needed(*c, kind, None) >= need && !mapping.contains(&Some(*c));
    columns.template(kind).into_iter().filter(lacks).collect()
}

/// Whether the titles say enough for the page to be skipped: everything that is needed is there,
/// or nothing unknown could be what is missing.
pub(super) fn is_clear(header: &[String], mapping: &Mapping, kind: SheetKind) -> bool {
    let all_known = header
        .iter()
        .zip(mapping)
        .all(|(title, column)| column.is_some() || title.is_empty() || is_harmless(title));
    // An unknown column of a list of organisations may be what says where each belongs.
    let enough = kind != SheetKind::Orgs && lacking(mapping, Needed::Complete, kind).is_empty();
    lacking(mapping, Needed::Entry, kind).is_empty() && (all_known || enough)
}

/// Columns that lists often have and that are none of ours.
fn is_harmless(title: &str) -> bool {
    if is_joined(title) || Rules::builtin().columns.is_of_another(title) {
        return true;
    }
    ["序号", "编号", "原因", "备注", "性别", "出生", "年龄", "学号", "班级", "怎么改", "说明"]
        .iter()
        .any(|word| title.contains(word))
}

/// The mapping made whole: columns of the template that the file lacks stand behind the file's, so
/// that their cells can be filled in the review.
pub(super) fn completed(mut mapping: Mapping, width: usize, kind: SheetKind) -> Mapping {
    mapping.resize(width, None);
    for column in Rules::builtin().columns.template(kind) {
        if !mapping.contains(&Some(column)) {
            mapping.push(Some(column));
        }
    }
    mapping
}

/// Sentences on what the file has too much or too little.
pub(super) fn remarks(header: &[String], mapping: &Mapping, kind: SheetKind) -> Vec<String> {
    let mut notes = Vec::new();
    let extra: Vec<&str> = header
        .iter()
        .zip(mapping)
        .filter(|(title, column)| column.is_none() && !title.is_empty() && !is_joined(title))
        .map(|(title, _)| title.as_str())
        .collect();
    if !extra.is_empty() {
        notes.push(format!("没有用到的列：{}。", extra.join("、")));
    }
    let own: Mapping = mapping.iter().take(header.len()).copied().collect();
    let lacking = lacking(&own, Needed::Complete, kind);
    if !lacking.is_empty() {
        let names: Vec<&str> = lacking.iter().map(|c| c.label()).collect();
        notes.push(format!("文件里没有这些列：{}；可以在核对时补填。", names.join("、")));
    }
    notes
}

/// The mapping page.
pub async fn columns(cx: &mut Cx, id: ImportId) -> Result<Columns> {
    let (import, _) = find(cx, id).await?;
    let titles: Vec<String> = serde_json::from_str(&import.header).unwrap_or_default();
    let mapping = import.columns();
    let first = sql::rows_after(cx, id, 0, 3).await?;
    let house = cx.house().clone();
    let cells = first.iter().map(|r| rows::open(&house, id, r)).collect::<Result<Vec<_>>>()?;
    let columns = titles
        .into_iter()
        .enumerate()
        .map(|(at, title)| FileColumn {
            letter: letter(at),
            title,
            samples: cells.iter().map(|c| masked(c.text(at))).filter(|t| !t.is_empty()).collect(),
            column: mapping.get(at).copied().flatten().map_or("", Column::key).to_owned(),
        })
        .collect();
    let missing = lacking(&mapping, Needed::Entry, import.kind().sheet());
    Ok(Columns { import, columns, missing })
}

/// Settles the mapping (`keys`: our column's key for each of the file's, empty to leave it out) and
/// judges all rows. Name and ID number must be there; what else is missing can be filled in later.
pub async fn settle(cx: &mut Cx, id: ImportId, keys: &[String]) -> Result<()> {
    let (import, org) = find(cx, id).await?;
    let titles: Vec<String> = serde_json::from_str(&import.header).unwrap_or_default();
    let sheet = import.kind().sheet();
    let chosen = read_choice(keys, titles.len(), sheet)?;
    let permit = cx.permit(import.kind().action(), &org)?;
    if !matches!(import.state.as_str(), "mapping" | "review") || import.imported > 0 {
        cx.return_unused(permit);
        return Err(changed_meanwhile(&import));
    }
    take_hold(cx, &permit, &import).await?;
    let mapping = completed(chosen, titles.len(), sheet);
    let mut notes = import.notes();
    notes.file.retain(|n| !n.starts_with("没有用到的列") && !n.starts_with("文件里没有"));
    notes.file.extend(remarks(&titles, &mapping, sheet));
    let import = Import { mapping: text_of(&mapping), ..import };
    judge_all(cx, &permit, &org, &import, notes).await?;
    sql::set_state(cx, &permit, id, "review").await?;
    cx.record(permit, Event::new("import.mapped", "import", id.0)).await
}

async fn judge_all(
    cx: &mut Cx,
    permit: &crate::Permit,
    org: &OrgRef,
    import: &Import,
    mut notes: Notes,
) -> Result<()> {
    notes.tidied = judge::rejudge(cx, permit, org, import, judge::Which::All).await?;
    let notes = serde_json::to_string(&notes).map_err(|e| Error::Broken(e.to_string()))?;
    sql::set_mapping(cx, permit, import.id, &import.mapping, &notes).await
}

fn read_choice(keys: &[String], width: usize, kind: SheetKind) -> Result<Mapping> {
    let ours = ours(kind);
    let mut mapping: Mapping = Vec::with_capacity(width);
    let mut errors = Vec::new();
    for (at, key) in keys.iter().take(width).enumerate() {
        let column = Column::from_key(key).filter(|c| ours.contains(c));
        let before = mapping.iter().filter(|c| column.is_some() && **c == column).count();
        if before > 1 {
            let label = column.map_or("", Column::label);
            let message = format!("“{label}”选了三次。同一项最多对应两列，请改其中一列。");
            errors.push(FieldError::new(&format!("column-{at}"), "column_twice", message));
        }
        mapping.push(column);
    }
    let without: &[Column] = match kind {
        SheetKind::Orgs => &[Column::OrgShortName],
        _ => &[Column::Name, Column::IdNumber],
    };
    for column in without {
        if !mapping.contains(&Some(*column)) {
            let message = format!("请指出哪一列是“{}”，没有它不能导入。", column.label());
            errors.push(FieldError::new("column-0", "column_missing", message));
        }
    }
    if errors.is_empty() { Ok(mapping) } else { Err(Error::Invalid(errors)) }
}

pub(super) fn text_of(mapping: &Mapping) -> String {
    serde_json::to_string(mapping).unwrap_or_default()
}

/// A cell's text with whatever looks like an ID number or a telephone number masked.
pub(super) fn masked(text: &str) -> String {
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if let Some(id) = IdNumber::from_stored(&bare) {
        return id.masked();
    }
    if let Some(mobile) = Mobile::from_stored(&bare) {
        return mobile.masked();
    }
    let digits = bare.chars().filter(char::is_ascii_digit).count();
    let shown: String = text.trim().chars().take(24).collect();
    if digits < 7 {
        return shown;
    }
    let count = shown.chars().count();
    shown
        .chars()
        .enumerate()
        .map(|(at, c)| if at >= 3 && at + 2 < count && c.is_ascii_digit() { '*' } else { c })
        .collect()
}

/// Where a row of this organisation is judged for.
pub(super) fn place(org: &OrgRef) -> crate::rules::person::Place {
    entry::place_of(org)
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: SheetKind = SheetKind::Members;

    fn titles(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_file_with_all_needed_titles_and_extra_ones_needs_no_mapping_page() {
        let all: Vec<String> = Rules::builtin()
            .columns
            .template(SheetKind::Members)
            .into_iter()
            .map(|c| c.label().to_owned())
            .collect();
        assert!(is_clear(&all, &guess(&all, M), M));
        let more = [all, titles("备注 宿舍")].concat();
        assert!(is_clear(&more, &guess(&more, M), M));
        assert!(remarks(&more, &guess(&more, M), M)[0].contains("宿舍"));
    }

    #[test]
    fn a_missing_needed_column_beside_an_unknown_one_asks_for_the_page() {
        let header = titles("姓名 证件 民族");
        assert!(!is_clear(&header, &guess(&header, M), M));
    }

    #[test]
    fn a_list_of_organisations_with_a_column_that_nobody_knows_asks_for_the_page() {
        let clear = |text: &str| {
            let header = titles(text);
            is_clear(&header, &guess(&header, SheetKind::Orgs), SheetKind::Orgs)
        };
        assert!(clear("组织简称 组织类别 上级组织"));
        assert!(clear("序号 组织名称 类别"));
        assert!(!clear("组织名称 类别 所属学院"));
    }

    #[test]
    fn what_the_file_lacks_is_added_behind_it() {
        let mapping = completed(guess(&titles("姓名 身份证号 宿舍"), M), 3, M);
        assert_eq!(mapping[..3], [Some(Column::Name), Some(Column::IdNumber), None]);
        assert!(mapping[3..].contains(&Some(Column::Joined)));
    }

    #[test]
    fn samples_never_show_a_whole_number() {
        assert_eq!(masked("11010519491231002X"), "1101**********002X");
        assert_eq!(masked("13812346021"), "138****6021");
        assert!(!masked("110105194912310").contains("19491231"));
        assert_eq!(masked("2019-05"), "2019-05");
    }
}
