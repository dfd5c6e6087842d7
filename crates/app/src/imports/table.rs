//! Finding the table in a workbook: which sheet, which lines are the header, which rows are people
//! or organisations, and whose template it is. Pure; asked by `upload` alone.

use super::{Finding, head::Head, rows::Cells};
use crate::rules::{Column, Rules, Severity, SheetKind};
use sheet::{Book, Cell, Merge, Row, Sheet};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The table of a file.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) header: Vec<String>,
    /// Row number in the sheet and cells.
    pub(super) rows: Vec<(i64, Cells)>,
    /// Rows that stand in the sheet and are not meant to count, as far as one can see.
    pub(super) aside: Vec<(i64, Cells, Aside)>,
    /// Columns that are not shown, counted from 0.
    pub(super) hidden_columns: Vec<usize>,
    /// Rows below the header that are nobody: footers, sums, repeated headers, empty numbers.
    pub(super) left_out: usize,
    pub(super) template: Option<SheetKind>,
    /// What was left out, as sentences.
    pub(super) notes: Vec<String>,
}

impl Table {
    /// All rows that are somebody.
    pub(super) fn len(&self) -> usize {
        self.rows.len() + self.aside.len()
    }
}

/// The codes of rows that were left out because of how they look, see [`Aside`].
pub(super) const ASIDE: [&str; 2] = ["row_hidden", "row_struck"];

/// Why a row does not count unless it is taken in on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aside {
    /// Hidden by hand or by a filter.
    Hidden,
    /// Struck out.
    Struck,
}

impl Aside {
    /// What is said at the row.
    pub(super) fn finding(self, column: Column) -> Finding {
        let (code, message) = match self {
            Self::Hidden => {
                (ASIDE[0], "这一行在表格里是隐藏的（可能是筛选掉的），没有导入。要导入请按“恢复”。")
            }
            Self::Struck => (ASIDE[1], "这一行在表格里画了删除线，没有导入。要导入请按“恢复”。"),
        };
        let (message, severity) = (message.to_owned(), Severity::Warn);
        Finding { column, org: None, code: code.into(), message, severity }
    }
}

/// The header is looked for in this many filled rows.
const HEAD_ROWS: usize = 100;
/// Cells that are filled from merged ones; more is no list of people.
const MERGED_CELLS: usize = 1_500_000;

/// The table of a book; `None` when no sheet holds rows below a header.
pub(super) fn find(book: &Book) -> Option<Table> {
    let sheets: Vec<&Sheet> = book.sheets.iter().filter(|s| !is_beside(s)).collect();
    let known = sheets.iter().filter_map(|s| header_of(s).map(|(at, score)| (*s, at, score)));
    // The first of equals.
    let known = known.reduce(|best, next| if next.2 > best.2 { next } else { best });
    let (sheet, at) = match known {
        Some((sheet, at, _)) => (sheet, at),
        None => sheets.iter().find_map(|s| first_wide_row(s).map(|at| (*s, at)))?,
    };
    let mut notes = Vec::new();
    let others: Vec<String> = book
        .sheets
        .iter()
        .filter(|s| !std::ptr::eq(*s, sheet))
        .filter(|s| !is_beside(s) || (s.hidden && header_of(s).is_some()))
        .map(|s| format!("{}{}", s.name, if s.hidden { "（隐藏的）" } else { "" }))
        .collect();
    if !others.is_empty() {
        notes.push(format!(
            "文件里有几个工作表，本次读取“{}”；没有读取：{}。",
            sheet.name,
            others.join("、")
        ));
    }
    Some(read(sheet, at, notes))
}

/// Hidden sheets, instructions and dictionaries are no data.
fn is_beside(sheet: &Sheet) -> bool {
    let words = ["说明", "字典", "示例", "模板说明", "数据源"];
    sheet.hidden || sheet.rows.is_empty() || words.iter().any(|w| sheet.name.contains(w))
}

/// Where the header stands: the row with the most columns that we know, two at least; and how many
/// it knows.
fn header_of(sheet: &Sheet) -> Option<(usize, usize)> {
    let known = |row: &Row| {
        let columns =
            row.cells.iter().filter_map(|c| Rules::builtin().columns.recognise(&c.text()));
        columns.collect::<HashSet<_>>().len()
    };
    let scored = sheet.rows.iter().take(HEAD_ROWS).map(known).enumerate();
    // The first of equals.
    let (at, score) = scored.max_by_key(|&(at, n)| (n, std::cmp::Reverse(at)))?;
    (score >= 2).then_some((at, score))
}

fn first_wide_row(sheet: &Sheet) -> Option<usize> {
    let filled = |row: &Row| row.cells.iter().filter(|c| !c.is_blank()).count();
    sheet.rows.iter().take(HEAD_ROWS).position(|row| filled(row) >= 2)
}

fn read(sheet: &Sheet, at: usize, mut notes: Vec<String>) -> Table {
    let head = Head::of(sheet, at);
    if head.first > 0 {
        notes.push(format!("跳过了表头上面的 {} 行（标题、填写说明）。", head.first));
    }
    notes.extend(head.notes.iter().cloned());
    let titles: Vec<&str> = head.titles.iter().map(String::as_str).collect();
    let template = Rules::builtin().columns.guess_sheet(&titles);
    let merged = Merged::of(sheet, &head);
    let mut sieve = Sieve::new(&head.titles);
    let mut table = Table {
        header: head.titles.clone(),
        rows: Vec::with_capacity(sheet.rows.len().saturating_sub(head.last + 1)),
        aside: Vec::new(),
        hidden_columns: sheet.hidden_columns.iter().map(|c| *c as usize).collect(),
        left_out: 0,
        template,
        notes: Vec::new(),
    };
    let mut ditto = Ditto::default();
    for row in &sheet.rows[head.last + 1..] {
        let banner = sheet.merges.iter().any(|m| is_banner(m, row, head.titles.len()));
        let mut filled = merged.fill(row, &head.titles);
        sieve.rearrange(&mut filled);
        if filled.cells.iter().take(head.titles.len()).all(Cell::is_blank) {
            continue;
        }
        if let Some(why) = sieve.left_out(&filled, banner) {
            table.left_out += 1;
            sieve.note(why, row.number);
            continue;
        }
        head.join_months(&mut filled.cells);
        ditto.resolve(&mut filled, &sieve.columns);
        let cells = Cells::of(&filled, head.titles.len());
        let no = i64::from(row.number);
        match sieve.aside(row) {
            Some(aside) => table.aside.push((no, cells, aside)),
            None => table.rows.push((no, cells)),
        }
    }
    notes.extend(sieve.sentences());
    notes.extend(ditto.sentence());
    notes.extend(aside_said(&table.aside));
    Table { notes, ..table }
}

fn aside_said(aside: &[(i64, Cells, Aside)]) -> Vec<String> {
    let numbers = |which| -> Vec<u32> {
        let of = aside.iter().filter(|(_, _, why)| *why == which);
        of.filter_map(|(no, _, _)| u32::try_from(*no).ok()).collect()
    };
    let said = |rows: Vec<u32>, what: &str| {
        (!rows.is_empty()).then(|| {
            format!(
                "{}在表格里{what}，没有导入（放在“已跳过”里）；要一起导入的，请在“已跳过”里恢复，或在表格里取消后重新上传。",
                rows_said(&rows)
            )
        })
    };
    let hidden = said(numbers(Aside::Hidden), "是隐藏的（可能是筛选掉的）");
    let struck = said(numbers(Aside::Struck), "画了删除线");
    hidden.into_iter().chain(struck).collect()
}

/// `第 3、5 行`, `第 4 至 30 行`; with many of them only the first ones and their number.
pub(super) fn rows_said(rows: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &row in rows {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == row => *last = row,
            _ => runs.push((row, row)),
        }
    }
    let one = |&(from, to): &(u32, u32)| match to - from {
        0 => from.to_string(),
        1 => format!("{from}、{to}"),
        _ => format!("{from} 至 {to}"),
    };
    let shown: Vec<String> = runs.iter().take(10).map(one).collect();
    let more = if runs.len() > 10 || rows.len() > 3 {
        format!("（共 {} 行）", rows.len())
    } else {
        String::new()
    };
    format!("第 {} 行{more}", shown.join("、"))
}

/// A text merged across most of the table: a title of a group, not a value.
fn is_banner(merge: &Merge, row: &Row, width: usize) -> bool {
    merge.top == row.number
        && merge.bottom == row.number
        && (merge.right - merge.left + 1) as usize * 2 >= width.max(2)
}

/// The values of merged cells by the place of each cell that shows them.
struct Merged<'s> {
    values: HashMap<(u32, u32), (&'s Cell, bool)>,
}

impl<'s> Merged<'s> {
    fn of(sheet: &'s Sheet, head: &Head) -> Self {
        let mut values = HashMap::new();
        let mut work = 0;
        for merge in sheet.merges.iter().filter(|m| m.top > head.last_number) {
            let Ok(at) = sheet.rows.binary_search_by_key(&merge.top, |row| row.number) else {
                continue;
            };
            let value = sheet.rows[at].cell(merge.left as usize);
            if value.is_blank() {
                continue;
            }
            for row in merge.top..=merge.bottom {
                for column in merge.left..=merge.right {
                    work += 1;
                    if work > MERGED_CELLS {
                        return Self { values };
                    }
                    values.insert((row, column), (value, column > merge.left));
                }
            }
        }
        Self { values }
    }

    /// The row with what a person sees in it. Columns without a title take nothing from the left.
    fn fill(&self, row: &Row, titles: &[String]) -> Row {
        let mut row = row.clone();
        if self.values.is_empty() {
            return row;
        }
        for (at, title) in titles.iter().enumerate() {
            let Ok(column) = u32::try_from(at) else { continue };
            let Some((value, across)) = self.values.get(&(row.number, column)) else { continue };
            if *row.cell(at) != Cell::Empty || (*across && title.is_empty()) {
                continue;
            }
            if row.cells.len() <= at {
                row.cells.resize(at + 1, Cell::Empty);
            }
            row.cells[at] = (*value).clone();
        }
        row
    }
}

/// Resolves 同上 and its marks from the row above.
#[derive(Default)]
struct Ditto {
    above: Vec<Cell>,
    rows: Vec<u32>,
}

impl Ditto {
    const MARKS: [&str; 11] =
        ["同上", "同前", "上同", "〃", "″", "\"", "”", "“", "々", "''", "同上行"];

    fn resolve(&mut self, row: &mut Row, columns: &[Option<Column>]) {
        // Nobody shares these with the person above.
        let own = [Column::Name, Column::IdNumber, Column::DevNumber, Column::OrgShortName];
        let mut found = false;
        for (at, cell) in row.cells.iter_mut().enumerate() {
            let is_own = columns.get(at).copied().flatten().is_some_and(|c| own.contains(&c));
            let is_mark = matches!(cell, Cell::Text(text) if Self::MARKS.contains(&text.trim()));
            if is_mark
                && !is_own
                && let Some(above) = self.above.get(at).filter(|above| !above.is_blank())
            {
                *cell = above.clone();
                found = true;
            }
        }
        if found {
            self.rows.push(row.number);
        }
        self.above.clone_from(&row.cells);
    }

    fn sentence(&self) -> Option<String> {
        let said = || format!("{}的“同上”“〃”已按上一行的内容读取。", rows_said(&self.rows));
        (!self.rows.is_empty()).then(said)
    }
}

/// Why a row is nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Nobody {
    Example,
    Header,
    Fields,
    Sum,
    Footer,
    Title,
    Number,
}

impl Nobody {
    fn said(self, rows: &[u32]) -> String {
        let rows = rows_said(rows);
        match self {
            Self::Example => format!("{rows}是模板里的示例，已跳过。"),
            Self::Header => format!("{rows}又是一行表头，没有读取；它下面的行照常读取。"),
            Self::Fields => format!("{rows}是字段名或填写要求，不是名单，没有读取。"),
            Self::Sum => format!("{rows}是小计或合计，没有读取。"),
            Self::Footer => format!("{rows}是填表人、备注一类的落款，没有读取。"),
            Self::Title => format!("{rows}是分组的标题，没有读取。"),
            Self::Number => format!("{rows}没有填人（只有序号或与名单无关的内容），没有读取。"),
        }
    }
}

/// Tells rows that are somebody from rows that are nobody.
struct Sieve {
    /// What the titles say, column by column.
    columns: Vec<Option<Column>>,
    name: Option<usize>,
    id: Option<usize>,
    /// Where a second table's columns go, when it has them in another order.
    order: Option<Vec<Option<usize>>>,
    seen: BTreeMap<Nobody, Vec<u32>>,
}

impl Sieve {
    fn new(titles: &[String]) -> Self {
        let columns: Vec<Option<Column>> =
            titles.iter().map(|t| Rules::builtin().columns.recognise(t)).collect();
        let place = |wanted| columns.iter().position(|c| *c == Some(wanted));
        let name = place(Column::Name).or_else(|| place(Column::OrgShortName));
        let id = place(Column::IdNumber);
        Self { columns, name, id, order: None, seen: BTreeMap::new() }
    }

    fn note(&mut self, why: Nobody, row: u32) {
        self.seen.entry(why).or_default().push(row);
    }

    fn sentences(&self) -> Vec<String> {
        self.seen.iter().map(|(why, rows)| why.said(rows)).collect()
    }

    /// Puts the cells of a second table with other columns in the order of the first.
    fn rearrange(&self, row: &mut Row) {
        let Some(order) = &self.order else { return };
        let mut cells = vec![Cell::Empty; self.columns.len()];
        for (cell, to) in row.cells.drain(..).zip(order.iter().chain(std::iter::repeat(&None))) {
            if let Some(to) = to {
                cells[*to] = cell;
            }
        }
        row.cells = cells;
    }

    fn left_out(&mut self, row: &Row, banner: bool) -> Option<Nobody> {
        // Without a name no table of people or organisations was recognised: all rows count.
        let name_at = self.name?;
        let name = row.cell(name_at).text().trim().to_owned();
        if is_example(&name) {
            return Some(Nobody::Example);
        }
        if self.is_header(row) {
            return Some(Nobody::Header);
        }
        let texts: Vec<String> = row
            .cells
            .iter()
            .take(self.columns.len())
            .filter(|c| !c.is_blank() && !matches!(c, Cell::Fault(_)))
            .map(|c| c.text().chars().filter(|c| !c.is_whitespace()).collect())
            .collect();
        if texts.len() >= 3 && texts.iter().all(|t| is_field_name(t)) {
            return Some(Nobody::Fields);
        }
        let id = self.id.map(|at| row.cell(at).text().into_owned()).unwrap_or_default();
        if id.chars().filter(|c| c.is_alphanumeric()).count() < 15 || banner {
            let first = texts.first().map(String::as_str).unwrap_or_default();
            let bare = |at: usize| row.cell(at).text().split_whitespace().collect::<String>();
            let heads = [first.to_owned(), bare(name_at)];
            if heads.iter().any(|text| is_sum(text)) {
                return Some(Nobody::Sum);
            }
            if heads.iter().any(|text| is_footer(text)) {
                return Some(Nobody::Footer);
            }
            let distinct: HashSet<&String> = texts.iter().collect();
            let number = first.chars().all(|c| c.is_ascii_digit());
            let alone = distinct.len() == 1 && !number;
            if alone && (banner || is_group(&name, self.id.is_some())) {
                return Some(Nobody::Title);
            }
        }
        let filled = |(at, column): (usize, &Option<Column>)| {
            let cell = row.cell(at);
            column.is_some() && !cell.is_blank() && !matches!(cell, Cell::Fault(_))
        };
        let somebody = self.columns.iter().enumerate().any(filled);
        (!somebody).then(|| match texts.as_slice() {
            [only] if !only.chars().all(|c| c.is_ascii_digit()) => Nobody::Title,
            _ => Nobody::Number,
        })
    }

    /// Whether the row is a header once more; remembers another order of its columns.
    fn is_header(&mut self, row: &Row) -> bool {
        let found: Vec<Option<Column>> =
            row.cells.iter().map(|c| Rules::builtin().columns.recognise(&c.text())).collect();
        let known: HashSet<Column> = found.iter().flatten().copied().collect();
        let ours: HashSet<Column> = self.columns.iter().flatten().copied().collect();
        if known.len() < 2 || known.len() * 2 < ours.len() || !known.is_subset(&ours) {
            return false;
        }
        let place = |column: Column| self.columns.iter().position(|c| *c == Some(column));
        let same = found.iter().zip(&self.columns).all(|(a, b)| a.is_none() || a == b);
        // The row has been rearranged already; a third table would be laid out by its own titles.
        if same {
            return true;
        }
        self.order = Some(found.iter().map(|c| c.and_then(place)).collect());
        true
    }

    /// Whether one can see that the row is not meant to count.
    fn aside(&self, row: &Row) -> Option<Aside> {
        if row.hidden {
            return Some(Aside::Hidden);
        }
        let struck = |at: Option<usize>| {
            at.and_then(|at| u32::try_from(at).ok()).is_some_and(|at| row.struck.contains(&at))
        };
        let filled = row.cells.iter().filter(|c| !c.is_blank()).count();
        let most = row.struck.len() * 2 > filled;
        (struck(self.name) || struck(self.id) || most).then_some(Aside::Struck)
    }
}

/// The example row of our templates carries its word in the name.
fn is_example(name: &str) -> bool {
    let bare = name.trim_end_matches([')', '）']);
    let words = ["示例", "例", "样例", "必填", "选填"];
    words.contains(&bare.trim_start_matches(['(', '（', '【']).trim_end_matches('】'))
        || ["示例", "例：", "例:", "如：", "如:", "例如"].iter().any(|w| name.starts_with(w))
        || bare.ends_with("(示例")
        || bare.ends_with("（示例")
}

/// `xm`, `STU_NO`: the name of a field in a database.
fn is_field_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && text.bytes().filter(u8::is_ascii_digit).count() <= 4
}

fn is_sum(text: &str) -> bool {
    let text = text.trim_start_matches(['(', '（']);
    ["小计", "合计", "总计", "共计", "总人数", "合计人数"].iter().any(|w| text.starts_with(w))
        || (text.starts_with('共')
            && text.contains(|c: char| c.is_ascii_digit())
            && text.contains('人'))
}

fn is_footer(text: &str) -> bool {
    const WORDS: [&str; 22] = [
        "填表人",
        "填报人",
        "填表单位",
        "填报单位",
        "填表日期",
        "填表时间",
        "制表人",
        "制表",
        "审核人",
        "审核",
        "审批",
        "经办人",
        "负责人",
        "备注",
        "说明",
        "注",
        "联系人",
        "盖章",
        "签字",
        "签名",
        "单位盖章",
        "团支部书记签",
    ];
    WORDS.iter().any(|word| {
        text.strip_prefix(word).is_some_and(|rest| {
            rest.is_empty() || rest.starts_with(['：', ':', '（', '(', '_', '＿', '意', '章'])
        })
    })
}

fn is_numeral(text: &str) -> bool {
    const NUMERALS: &str = "〇零一二三四五六七八九十甲乙丙丁戊己庚辛";
    !text.is_empty() && text.chars().all(|c| NUMERALS.contains(c) || c.is_ascii_alphanumeric())
}

/// A line with nothing but the name of a class: `软件工程2班`, `二、2022级`. One word that could be a
/// person's name is a person of whom everything else is missing.
fn is_group(name: &str, people: bool) -> bool {
    if name.is_empty() || !people {
        return name.is_empty();
    }
    let words =
        ["班", "级", "组", "专业", "学院", "支部", "名单", "名册", "宿舍", "系", "部", "、", "："];
    // 二班, 甲组: a number of a class or group.
    let ends = ["年级", "班", "级", "组", "队"];
    if ends.iter().find_map(|end| name.strip_suffix(end)).is_some_and(is_numeral) {
        return true;
    }
    let chars = name.chars().count();
    name.contains(|c: char| c.is_ascii_digit())
        || (chars > 3 && words.iter().any(|w| name.contains(w)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Option<Table> {
        sheet::read_pasted(text, &sheet::Limits::default()).ok().and_then(|book| find(&book))
    }

    fn numbers(table: &Table) -> Vec<i64> {
        table.rows.iter().map(|(no, _)| *no).collect()
    }

    fn said(table: &Table) -> String {
        table.notes.join(" ")
    }

    #[test]
    fn titles_and_instructions_above_the_header_are_skipped_and_said() {
        let found = table("高一1班团员名册\n请按说明填写\t不要改动表头\n姓名\t身份证号\t民族\n张三\t1\t汉\n\n李四\t2\t回\n").unwrap();
        assert_eq!(found.header, ["姓名", "身份证号", "民族"]);
        assert_eq!(numbers(&found), [4, 6]);
        assert!(found.notes[0].contains("2 行"), "{:?}", found.notes);
        assert_eq!(found.template, Some(SheetKind::Members));
        let lines: String = (1..=60).map(|n| format!("{n}、请认真填写\n")).collect();
        let found = table(&format!("{lines}姓名\t身份证号\n张三\t1\n")).unwrap();
        assert_eq!(numbers(&found), [62]);
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

    #[test]
    fn rows_that_are_nobody_are_left_out_counted_and_said() {
        let found = table(
            "序号\t姓名\t身份证号\t民族\n\
             XH\tXM\tSFZH\tMZ\n\
             软件工程1班\n\
             1\t张三\t110105194912310021\t汉族\n\
             2\n3\n\
             小计\t1人\n\
             \t软件工程2班\n\
             序号\t姓名\t身份证号\t民族\n\
             1\t李四\t110105194912310022\t汉族\n\
             2\t王五\n\
             合计：2人\n\
             填表人：赵老师\t\t审核人：\n\
             备注\t以上名单属实\n",
        )
        .unwrap();
        assert_eq!(numbers(&found), [4, 10, 11], "whoever has only a name is to be repaired");
        assert_eq!(found.left_out, 10);
        let notes = said(&found);
        for words in
            ["第 5、6 行没有填人", "第 7、12 行是小计", "第 9 行又是一行表头", "第 2 行是字段名"]
        {
            assert!(notes.contains(words), "{words}: {notes}");
        }
        assert!(notes.contains("第 3、8 行是分组的标题"), "{notes}");
        assert!(notes.contains("第 13、14 行是填表人"), "{notes}");
    }

    #[test]
    fn the_number_of_a_class_above_its_list_is_a_title_and_a_name_alone_is_a_person() {
        let head = "姓名\t身份证号\t民族\n张三\t1\t汉族\n";
        for title in ["二班", "十一班", "三年级", "甲组", "B队", "2班"] {
            let found = table(&format!("{head}{title}\n李四\t2\t汉族\n")).unwrap();
            assert_eq!((numbers(&found), found.left_out), (vec![2, 4], 1), "{title}");
        }
        let found = table(&format!("{head}班超\n李四\t2\t汉族\n")).unwrap();
        assert_eq!(numbers(&found), [2, 3, 4]);
    }

    #[test]
    fn a_second_table_with_other_columns_is_read_by_its_own_titles() {
        let found =
            table("姓名\t身份证号\t民族\n张三\t1\t汉族\n民族\t姓名\t身份证号\n回族\t李四\t2\n")
                .unwrap();
        assert_eq!(found.rows[1].1.text(0), "李四");
        assert_eq!(found.rows[1].1.text(2), "回族");
    }

    #[test]
    fn what_repeats_the_row_above_is_read_from_it_and_said() {
        let found = table("姓名\t身份证号\t民族\t政治面貌\n张三\t1\t汉族\t共青团员\n李四\t2\t同上\t〃\n王五\t3\t〃\t\"\n同上\t4\t汉族\t群众\n").unwrap();
        let texts: Vec<&str> = found.rows.iter().map(|(_, cells)| cells.text(2)).collect();
        assert_eq!(texts, ["汉族"; 4]);
        assert_eq!(found.rows[2].1.text(3), "共青团员");
        assert_eq!(found.rows[3].1.text(0), "同上", "nobody has the name of the row above");
        assert!(said(&found).contains("第 3、4 行的“同上”"), "{:?}", found.notes);
    }

    #[test]
    fn year_and_month_in_two_columns_are_one_value() {
        let found =
            table("姓名\t身份证号\t入团年\t入团月\n张三\t1\t2021\t5\n李四\t2\t2020年\t11月\n")
                .unwrap();
        assert_eq!(found.header[2], "入团年月");
        assert_eq!(found.rows[0].1.text(2), "2021-05");
        assert_eq!(found.rows[1].1.text(2), "2020-11");
    }

    #[test]
    fn row_numbers_are_said_in_runs() {
        assert_eq!(rows_said(&[3, 5]), "第 3、5 行");
        assert_eq!(rows_said(&[4, 5, 6, 7, 9]), "第 4 至 7、9 行（共 5 行）");
    }
}
