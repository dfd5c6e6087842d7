//! The header of a table: one line, or two and three with merged groups above the titles.
//! Pure; asked by `table` alone.

use crate::rules::{Column, Rules};
use sheet::{Cell, Merge, Number, Row, Sheet};

/// The lines of a header and what they say column by column.
pub(super) struct Head {
    /// Indexes of the first and the last line among the sheet's filled rows.
    pub(super) first: usize,
    pub(super) last: usize,
    /// The last line as numbered in the sheet.
    pub(super) last_number: u32,
    pub(super) titles: Vec<String>,
    pub(super) notes: Vec<String>,
    /// Columns of years; the column behind each holds the months.
    years: Vec<usize>,
}

/// Characters of a column title that are kept.
const TITLE_CHARS: usize = 60;
/// Lines above and below the recognised one that may belong to the header.
const MORE_LINES: u32 = 2;
/// Rows below the header in which columns without a title are looked for, and how many of these count.
const LOOKED_AT: usize = 500;
const MORE_COLUMNS: usize = 20;
/// Title of a column of months that became part of the one before it.
const JOINED: &str = "月（已并入前一列）";

impl Head {
    /// The header around the line at index `at`, in which most titles stand.
    pub(super) fn of(sheet: &Sheet, at: usize) -> Self {
        let number = sheet.rows[at].number;
        let (mut top, mut bottom) = (number, number);
        let beside = |m: &&Merge| m.top <= number && number <= m.bottom;
        for merge in sheet.merges.iter().filter(beside) {
            top = top.min(merge.top.max(number.saturating_sub(MORE_LINES)));
            bottom = bottom.max(merge.bottom.min(number + MORE_LINES));
        }
        if bottom == number && has_line_below(sheet, at) {
            bottom += 1;
        }
        if top == number && has_groups_above(sheet, at) {
            top -= 1;
        }
        let lines: Vec<&Row> =
            sheet.rows.iter().filter(|row| (top..=bottom).contains(&row.number)).collect();
        let first = sheet.rows.iter().position(|row| row.number >= top).unwrap_or(at);
        let last = sheet.rows.iter().rposition(|row| row.number <= bottom).unwrap_or(at);
        // What is filled beyond the titles stands in a column without one.
        let beyond = sheet.rows[last + 1..].iter().take(LOOKED_AT).filter_map(last_filled).max();
        let titled = lines.iter().map(|row| row.cells.len()).max().unwrap_or(0);
        let width = titled.max(beyond.unwrap_or(0).min(titled + MORE_COLUMNS));
        let parts: Vec<Vec<String>> =
            (0..width).map(|column| parts_of(sheet, &lines, column)).collect();
        let titles = parts.iter().map(|parts| title_of(parts)).collect();
        let (notes, years) = (Vec::new(), Vec::new());
        let mut head = Self { first, last, last_number: bottom, titles, notes, years };
        head.find_months(sheet, &parts);
        head
    }

    /// Finds years and months of one value in two columns.
    fn find_months(&mut self, sheet: &Sheet, parts: &[Vec<String>]) {
        let columns = &Rules::builtin().columns;
        let data = || sheet.rows.iter().skip(self.last + 1);
        for at in 0..self.titles.len().saturating_sub(1) {
            let named = month_pair(&parts[at], &parts[at + 1]);
            // One title over two columns, years in the one and months in the other.
            let month =
                |c: Option<Column>| c.filter(|c| matches!(c, Column::Joined | Column::PostSince));
            let bare = month(columns.recognise(&self.titles[at]))
                .filter(|_| self.titles[at + 1].is_empty())
                .filter(|_| all(data(), at, is_year) && all(data(), at + 1, is_month))
                .map(|column| column.label().to_owned());
            let Some(title) = named.or(bare) else { continue };
            self.notes.push(format!("“{title}”分在年、月两列，已合在一起读。"));
            self.titles[at] = title;
            JOINED.clone_into(&mut self.titles[at + 1]);
            self.years.push(at);
        }
    }

    /// Puts years and months together, in the column of the years.
    pub(super) fn join_months(&self, cells: &mut [Cell]) {
        for &at in &self.years {
            let Some([year, month]) = cells.get_mut(at..at + 2) else { continue };
            let bare =
                |cell: &Cell| cell.text().trim().trim_end_matches(['年', '月', '份']).to_owned();
            let (y, m) = (bare(year), bare(month));
            if !m.is_empty() {
                *year = Cell::Text(format!("{y}-{m:0>2}"));
                *month = Cell::Empty;
            }
        }
    }
}

/// The number of the last filled cell.
fn last_filled(row: &Row) -> Option<usize> {
    row.cells.iter().rposition(|cell| !cell.is_blank()).map(|at| at + 1)
}

/// Whether a title of columns of months that were joined to the years.
pub(super) fn is_joined(title: &str) -> bool {
    title == JOINED
}

fn all<'r>(rows: impl Iterator<Item = &'r Row>, at: usize, is: fn(&str) -> bool) -> bool {
    let mut filled = rows.filter(|row| !row.cell(at).is_blank()).take(200).peekable();
    filled.peek().is_some() && filled.all(|row| is(row.cell(at).text().trim()))
}

fn is_year(text: &str) -> bool {
    let bare = text.trim_end_matches('年');
    bare.parse::<u16>().is_ok_and(|year| (1950..=2100).contains(&year))
}

fn is_month(text: &str) -> bool {
    text.trim_end_matches(['月', '份']).parse::<u8>().is_ok_and(|month| (1..=12).contains(&month))
}

/// The title of a value whose years and months stand below these titles.
fn month_pair(years: &[String], months: &[String]) -> Option<String> {
    let columns = &Rules::builtin().columns;
    let (year, month) = (years.last()?, months.last()?);
    let year = year.strip_suffix("年份").or_else(|| year.strip_suffix('年'))?;
    let month = month.strip_suffix("月份").or_else(|| month.strip_suffix('月'))?;
    let group = |parts: &[String]| parts[..parts.len() - 1].concat();
    let (above, beside) = (group(years), group(months));
    if year != month || (above != beside && !beside.is_empty()) {
        return None;
    }
    // The names of wider groups above may stand before the title.
    let wholes = (0..years.len()).map(|from| format!("{}{year}", group(&years[from..])));
    let named = wholes.flat_map(|w| [w.clone(), format!("{w}年月"), format!("{w}时间")]);
    let column = named.into_iter().find_map(|title| columns.recognise(&title))?;
    matches!(column, Column::Joined | Column::PostSince).then(|| column.label().to_owned())
}

/// The texts that stand above a column, from top to bottom, each once.
fn parts_of(sheet: &Sheet, lines: &[&Row], column: usize) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let last = lines.last().map_or(0, |row| row.number);
    for row in lines {
        let merge = sheet.merges.iter().find(|m| covers(m, row.number, column));
        // The right half of the lowest title says nothing of its own.
        if merge.is_some_and(|m| m.bottom >= last && (m.left as usize) < column) {
            continue;
        }
        let text = match merge {
            Some(m) => {
                let at = sheet.rows.binary_search_by_key(&m.top, |row| row.number);
                at.map(|at| tidy(&sheet.rows[at].cell(m.left as usize).text())).unwrap_or_default()
            }
            None => tidy(&row.cell(column).text()),
        };
        if !text.is_empty() && parts.last() != Some(&text) {
            parts.push(text);
        }
    }
    parts
}

fn covers(merge: &Merge, row: u32, column: usize) -> bool {
    (merge.top..=merge.bottom).contains(&row)
        && (merge.left as usize..=merge.right as usize).contains(&column)
}

fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<String>().chars().take(TITLE_CHARS).collect()
}

/// What a column is called: its lowest line, unless the group above is what tells.
fn title_of(parts: &[String]) -> String {
    let columns = &Rules::builtin().columns;
    let Some((own, groups)) = parts.split_last() else { return String::new() };
    let whole = parts.concat();
    if columns.is_of_another(&groups.concat()) {
        return whole;
    }
    if columns.recognise(own).is_some() || groups.is_empty() {
        return own.clone();
    }
    match columns.recognise(&whole).is_some() {
        true => whole,
        false => groups
            .iter()
            .rev()
            .find(|group| columns.recognise(group).is_some() && is_hint(own))
            .cloned()
            .unwrap_or_else(|| own.clone()),
    }
}

/// A second line that explains the title above: `（必填）`, `18位`, `如2019-05`.
fn is_hint(text: &str) -> bool {
    text.starts_with(['(', '（', '【', '[', '*', '＊', '如', '例', '填', '请'])
        || text.starts_with(|c: char| c.is_ascii_digit())
        || text.contains("必填")
        || text.contains("选填")
}

/// Whether the line below the titles holds titles of the groups merged in this one, and nothing else.
fn has_line_below(sheet: &Sheet, at: usize) -> bool {
    let number = sheet.rows[at].number;
    let Some(below) = sheet.rows.get(at + 1).filter(|row| row.number == number + 1) else {
        return false;
    };
    let groups: Vec<&Merge> =
        sheet.merges.iter().filter(|m| m.top == number && m.right > m.left).collect();
    let mut filled = below.cells.iter().enumerate().filter(|(_, c)| !c.is_blank()).peekable();
    let is_title = |(column, cell): (usize, &Cell)| {
        let plain = !matches!(cell, Cell::Number(Number { .. }));
        let digits = cell.text().chars().filter(char::is_ascii_digit).count();
        plain && digits < 4 && groups.iter().any(|m| covers(m, number, column))
    };
    !groups.is_empty() && filled.peek().is_some() && filled.all(is_title)
}

/// Whether the line above the titles holds groups: several texts, one at least merged across.
fn has_groups_above(sheet: &Sheet, at: usize) -> bool {
    let number = sheet.rows[at].number;
    let Some(above) = at.checked_sub(1).map(|at| &sheet.rows[at]) else { return false };
    let filled = above.cells.iter().filter(|c| !c.is_blank()).count();
    above.number + 1 == number
        && filled >= 2
        && sheet.merges.iter().any(|m| m.top == above.number && m.right > m.left)
}
