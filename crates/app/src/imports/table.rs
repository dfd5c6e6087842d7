//! Finding the table in a workbook: which sheet, which row is the header, which rows are data, and
//! whose template it is. Pure; asked by `upload` alone.

use super::rows::Cells;
use crate::rules::{Column, Rules, SheetKind};
use sheet::{Book, Row, Sheet};

/// The table of a file.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) header: Vec<String>,
    /// Row number in the sheet and cells.
    pub(super) rows: Vec<(i64, Cells)>,
    pub(super) template: Option<SheetKind>,
    /// What was left out, as sentences.
    pub(super) notes: Vec<String>,
}

/// The header is looked for in this many filled rows.
const HEAD_ROWS: usize = 10;
/// Characters of a column title that are kept.
const TITLE_CHARS: usize = 60;

/// The table of a book; `None` when no sheet holds rows below a header.
pub(super) fn find(book: &Book) -> Option<Table> {
    let sheets: Vec<&Sheet> = book.sheets.iter().filter(|s| !is_beside(s)).collect();
    let known = sheets.iter().find_map(|s| header_of(s).map(|at| (*s, at)));
    let (sheet, at) = match known {
        Some(found) => found,
        None => sheets.iter().find_map(|s| first_wide_row(s).map(|at| (*s, at)))?,
    };
    let mut notes = Vec::new();
    if sheets.len() > 1 {
        let others: Vec<&str> =
            sheets.iter().filter(|s| !std::ptr::eq(**s, sheet)).map(|s| s.name.as_str()).collect();
        notes.push(format!(
            "文件里有几个工作表,本次读取“{}”;没有读取:{}。",
            sheet.name,
            others.join("、")
        ));
    }
    if at > 0 {
        notes.push(format!("跳过了表头上面的 {at} 行(标题、填写说明)。"));
    }
    Some(read(sheet, at, notes))
}

/// Hidden sheets, instructions and dictionaries are no data.
fn is_beside(sheet: &Sheet) -> bool {
    let words = ["说明", "字典", "示例", "模板说明", "数据源"];
    sheet.hidden || sheet.rows.is_empty() || words.iter().any(|w| sheet.name.contains(w))
}

/// Where the header stands: the row with the most columns that we know, two at least.
fn header_of(sheet: &Sheet) -> Option<usize> {
    let known = |row: &Row| {
        row.cells.iter().filter(|c| Rules::builtin().columns.recognise(&c.text()).is_some()).count()
    };
    let scored = sheet.rows.iter().take(HEAD_ROWS).map(known).enumerate();
    // The first of equals.
    let (at, score) = scored.max_by_key(|&(at, n)| (n, std::cmp::Reverse(at)))?;
    (score >= 2).then_some(at)
}

fn first_wide_row(sheet: &Sheet) -> Option<usize> {
    let filled = |row: &Row| row.cells.iter().filter(|c| !c.is_blank()).count();
    sheet.rows.iter().take(HEAD_ROWS).position(|row| filled(row) >= 2)
}

fn read(sheet: &Sheet, at: usize, mut notes: Vec<String>) -> Table {
    let title = |c: &sheet::Cell| {
        c.text().split_whitespace().collect::<String>().chars().take(TITLE_CHARS).collect()
    };
    let header: Vec<String> = sheet.rows[at].cells.iter().map(title).collect();
    let titles: Vec<&str> = header.iter().map(String::as_str).collect();
    let template = Rules::builtin().columns.guess_sheet(&titles);
    let names = [Some(Column::Name), Some(Column::OrgShortName)];
    let name_at =
        titles.iter().position(|t| names.contains(&Rules::builtin().columns.recognise(t)));
    let mut rows = Vec::with_capacity(sheet.rows.len().saturating_sub(at + 1));
    for row in &sheet.rows[at + 1..] {
        if row.cells.iter().take(header.len()).all(sheet::Cell::is_blank) {
            continue;
        }
        let name = name_at.map(|at| row.cell(at).text().trim().to_owned()).unwrap_or_default();
        if is_example(&name) {
            notes.push(format!("第 {} 行是模板里的示例,已跳过。", row.number));
            continue;
        }
        rows.push((i64::from(row.number), Cells::of(row, header.len())));
    }
    Table { header, rows, template, notes }
}

/// The example row of our templates carries its word in the name.
fn is_example(name: &str) -> bool {
    name.starts_with("示例") || name.ends_with("(示例)") || name.ends_with("\u{FF08}示例\u{FF09}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Option<Table> {
        sheet::read_pasted(text, &sheet::Limits::default()).ok().and_then(|book| find(&book))
    }

    #[test]
    fn titles_and_instructions_above_the_header_are_skipped_and_said() {
        let found = table("高一1班团员名册\n请按说明填写\t不要改动表头\n姓名\t身份证号\t民族\n张三\t1\t汉\n\n李四\t2\t回\n").unwrap();
        assert_eq!(found.header, ["姓名", "身份证号", "民族"]);
        assert_eq!(found.rows.iter().map(|(no, _)| *no).collect::<Vec<_>>(), [4, 6]);
        assert!(found.notes[0].contains("2 行"), "{:?}", found.notes);
        assert_eq!(found.template, Some(SheetKind::Members));
    }

    #[test]
    fn the_example_row_of_the_template_is_no_person() {
        let found = table("姓名\t身份证号码\n张三(示例)\t11010519491231002X\n李四\t1\n").unwrap();
        assert_eq!(found.rows.len(), 1);
        assert!(found.notes[0].contains("第 2 行"));
    }

    #[test]
    fn a_table_without_known_titles_is_still_a_table() {
        let found = table("甲\t乙\n张三\t3401\n").unwrap();
        assert_eq!((found.template, found.rows.len()), (None, 1));
    }
}
