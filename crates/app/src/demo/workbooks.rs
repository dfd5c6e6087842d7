//! Sample workbooks for the demonstration's branch: good rows, every kind of bad row, a large one
//! for benchmarks, and a .csv as Chinese spreadsheets save it. Their people are in no database.

use super::{
    Made, Samples,
    persons::{Cohort, People, Person},
};
use crate::{
    Error, Result,
    pii::check_char,
    rules::{Column, Rules, SheetKind, YearMonth, lists},
};
use jiff::civil::Date;
use sheet::{Kind, Layout, Value, Writer};
use std::path::{Path, PathBuf};

/// A row as typed: one text a column; `Number` where the cell holds a number.
type Cells = Vec<Cell>;

#[derive(Clone)]
enum Cell {
    Text(String),
    Number(f64),
}

/// Writes the sample workbooks into `dir` and returns their paths: the usual one (45 rows, six of
/// them to be fixed), one with every kind of bad row, a .csv in GB 18030, and two of organisations.
/// None where the demonstration has organisations alone.
pub fn write(dir: &Path, made: &Made, today: Date) -> Result<Vec<PathBuf>> {
    let samples = &made.samples;
    if !samples.has_people() {
        return Ok(vec![]);
    }
    let mut people = People::apart(1, today, 0);
    let usual = dir.join("花名册(45人).xlsx");
    save(&usual, usual_rows(samples, &mut people))?;
    let faulty = dir.join("各种问题(示例).xlsx");
    save(&faulty, faulty_rows(samples, &mut people))?;
    let csv = dir.join("花名册(GB18030).csv");
    let rows: Vec<Cells> = (0..12).map(|_| good(samples, &mut people)).collect();
    save_csv(&csv, &rows)?;
    let mut all = vec![usual, faulty, csv];
    all.extend(super::org_workbooks::write(dir, made)?);
    Ok(all)
}

/// Writes a workbook of `count` good rows (at most 10,000) for a branch of the province; every
/// `round` (1 to 7) has other people. For benchmarks.
pub fn big(path: &Path, count: u32, round: u32, province: &str, today: Date) -> Result<()> {
    let samples =
        Samples { province: province.into(), entered: today.year() - 1, ..Samples::default() };
    let mut people = People::apart(2, today, round);
    save(path, (0..count).map(|_| good(&samples, &mut people)).collect())
}

/// 45 rows: 39 can be imported (two with a reminder, some tidied), 6 must be fixed.
fn usual_rows(samples: &Samples, people: &mut People) -> Vec<Cells> {
    (2..=46)
        .map(|row| {
            let mut person = fresh(samples, people);
            match row {
                // The rows of the drawing in ux.md, W3.
                9 => with(&person, Column::IdNumber, "3.40104E+17"),
                12 => with(&person, Column::IdNumber, &wrong_check(&person.id_number)),
                17 => known(samples.elsewhere.as_ref(), &person),
                23 => too_young(&mut person),
                31 => with(&person, Column::DevNumber, ""),
                38 => with(&person, Column::Mobile, "1385512"),
                // Tidied without asking, or reminded of.
                5 => {
                    let small = small_x(&mut person);
                    with(&person, Column::IdNumber, &small)
                }
                14 => with(&person, Column::Mobile, &spaced(&person)),
                20 => with(&person, Column::Joined, &chinese_month(&person)),
                27 | 41 => with(&person, Column::Mobile, ""),
                _ => cells(&person),
            }
        })
        .collect()
}

/// One row of every kind; a column of its own says which, so that a reader can follow.
fn faulty_rows(samples: &Samples, people: &mut People) -> Vec<Cells> {
    use Column as C;
    let mut rows = vec![];
    let mut put = |what: &str, mut row: Cells| {
        row.push(Cell::Text(what.into()));
        rows.push(row);
    };
    let mut next = || fresh(samples, people);
    put("正常", cells(&next()));
    put("证件号科学计数", with(&next(), C::IdNumber, "3.40104E+17"));
    let person = next();
    let mut lost = cells(&person);
    set(
        &mut lost,
        C::IdNumber,
        Cell::Number(person.id_number[..17].parse::<f64>().unwrap_or(0.0) * 10.0),
    );
    put("证件号存成数字", lost);
    let person = next();
    put("校验位错误", with(&person, C::IdNumber, &wrong_check(&person.id_number)));
    let mut person = next();
    let small = small_x(&mut person);
    put("小写x(自动整理)", with(&person, C::IdNumber, &small));
    put("15位证件号(自动换算)", fifteen_digits(&next()));
    let twin = next();
    put("文件内重复(第一行)", cells(&twin));
    put("文件内重复(第二行)", cells(&twin));
    put("在其他支部", known(samples.elsewhere.as_ref(), &next()));
    put("已在本支部", known(samples.here.as_ref(), &next()));
    put("入团时年龄不够", too_young(&mut next()));
    put("缺发展团员编号", with(&next(), C::DevNumber, ""));
    let person = next();
    let other_year =
        person.dev_number.as_ref().map(|n| format!("2014{}", &n[4..])).unwrap_or_default();
    put("编号年份不符", with(&person, C::DevNumber, &other_year));
    put("编号已被使用", taken_number(samples, &next()));
    put("手机号不对", with(&next(), C::Mobile, "1385512"));
    put("没有姓名", with(&next(), C::Name, ""));
    put("姓名有数字", with(&next(), C::Name, "王小2"));
    put("月份不对", with(&next(), C::Joined, "2022-13"));
    put("只有年份", with(&next(), C::Joined, "2022"));
    put("不认识的民族", with(&next(), C::Ethnic, "火星族"));
    put("没有手机号(可以先录入)", with(&next(), C::Mobile, ""));
    for what in ["书记(已有人任)", "书记(文件内第二位)"] {
        let mut row = with(&next(), C::Post, "书记");
        set(&mut row, C::IsCadre, Cell::Text("是".into()));
        put(what, row);
    }
    put("不存在的出生日期", with(&next(), C::IdNumber, "34010420070230123X"));
    rows
}

fn fresh(samples: &Samples, people: &mut People) -> Person {
    people.member(Cohort::University(samples.entered), &samples.province)
}
fn good(samples: &Samples, people: &mut People) -> Cells {
    cells(&fresh(samples, people))
}

/// A row as somebody careful types it.
fn cells(person: &Person) -> Cells {
    let rules = Rules::builtin();
    let name = |rows: &[lists::CodeRow], code: Option<&str>| {
        code.and_then(|code| lists::name_of(rows, code)).unwrap_or_default().to_owned()
    };
    let value = |column: Column| match column {
        Column::Name => person.name.clone(),
        Column::IdNumber => person.id_number.clone(),
        Column::Ethnic => name(&rules.codes.ethnic, person.ethnic),
        Column::Political => name(&rules.codes.political, Some(person.political)),
        Column::Education => name(&rules.codes.education, person.education),
        Column::Joined => person.joined.clone().unwrap_or_default(),
        Column::DevNumber => person.dev_number.clone().unwrap_or_default(),
        Column::Mobile => person.mobile.clone().unwrap_or_default(),
        Column::IsCadre => "否".to_owned(),
        _ => String::new(),
    };
    template().into_iter().map(|column| Cell::Text(value(column))).collect()
}

fn template() -> Vec<Column> {
    Rules::builtin().columns.template(SheetKind::Members)
}

fn set(row: &mut Cells, column: Column, cell: Cell) {
    if let Some(at) = template().iter().position(|c| *c == column) {
        row[at] = cell;
    }
}

fn with(person: &Person, column: Column, text: &str) -> Cells {
    let mut row = cells(person);
    set(&mut row, column, Cell::Text(text.into()));
    row
}

/// The row of somebody who is in the database already.
fn known(known: Option<&(String, String, String)>, like: &Person) -> Cells {
    let mut row = cells(like);
    if let Some((name, id_number, joined)) = known {
        set(&mut row, Column::Name, Cell::Text(name.clone()));
        set(&mut row, Column::IdNumber, Cell::Text(id_number.clone()));
        set(&mut row, Column::Joined, Cell::Text(joined.clone()));
        let number =
            format!("{}{}", &joined[..4], like.dev_number.as_ref().map_or("", |n| &n[4..]));
        set(&mut row, Column::DevNumber, Cell::Text(number));
    }
    row
}

fn taken_number(samples: &Samples, person: &Person) -> Cells {
    let mut row = cells(person);
    if let Some(number) = &samples.taken_number {
        let month = person.joined.as_ref().map_or("-05", |j| &j[4..]);
        set(&mut row, Column::DevNumber, Cell::Text(number.clone()));
        set(&mut row, Column::Joined, Cell::Text(format!("{}{month}", &number[..4])));
    }
    row
}

/// Thirteen years and two months old at admission, everything else in order.
fn too_young(person: &mut Person) -> Cells {
    let born: Option<YearMonth> = person.birth_ym.parse().ok();
    let months =
        born.map_or(0, |b| i32::from(b.year()) * 12 + i32::from(b.month()) - 1) + 13 * 12 + 2;
    let (year, month) = (months / 12, months % 12 + 1);
    person.joined = Some(format!("{year}-{month:02}"));
    person.dev_number = person.dev_number.as_ref().map(|n| format!("{year}{}", &n[4..]));
    cells(person)
}

fn wrong_check(id_number: &str) -> String {
    let last = if id_number.ends_with('4') { '5' } else { '4' };
    format!("{}{last}", &id_number[..17])
}

/// The person's number with another order, so that it ends with X, typed small.
fn small_x(person: &mut Person) -> String {
    let stem = person.id_number[..14].to_owned();
    let own: u32 = person.id_number[14..17].parse().unwrap_or(0);
    // Every second order keeps the sex; beyond the orders of everybody else.
    let order = (0..60)
        .map(|n| 960 + own % 2 - n * 2)
        .find(|order| check_char(&format!("{stem}{order:03}")) == Some('X'));
    if let Some(order) = order {
        person.id_number = format!("{stem}{order:03}X");
    }
    person.id_number.replace('X', "x")
}

fn spaced(person: &Person) -> String {
    let mobile = person.mobile.clone().unwrap_or_default();
    format!("{} {} {}", &mobile[..3], &mobile[3..7], &mobile[7..])
}

fn chinese_month(person: &Person) -> String {
    let joined: Option<YearMonth> = person.joined.as_ref().and_then(|j| j.parse().ok());
    joined.map(|j| format!("{}年{}月", j.year(), j.month())).unwrap_or_default()
}

/// Fifteen digits belong to people born before 2000: a member of that age with an old card.
fn fifteen_digits(person: &Person) -> Cells {
    let mut row = cells(person);
    let day = &person.id_number[10..14];
    set(
        &mut row,
        Column::IdNumber,
        Cell::Text(format!("{}99{day}{}", &person.id_number[..6], &person.id_number[14..17])),
    );
    set(&mut row, Column::Joined, Cell::Text("2015-05".into()));
    set(&mut row, Column::DevNumber, Cell::Text(String::new()));
    row
}

fn save(path: &Path, rows: Vec<Cells>) -> Result<()> {
    let broken = |e: sheet::WriteError| Error::Broken(format!("sample workbook: {e}"));
    let column = |column: Column| sheet::Column {
        title: column.label().to_owned(),
        width: if column == Column::IdNumber { 22.0 } else { 14.0 },
        kind: Kind::Text,
        ..sheet::Column::default()
    };
    let mut columns: Vec<sheet::Column> = template().into_iter().map(column).collect();
    if rows.iter().any(|row| row.len() > columns.len()) {
        columns.push(sheet::Column {
            title: "说明".into(),
            width: 28.0,
            ..sheet::Column::default()
        });
    }
    let layout = Layout { name: "团员名单".into(), columns, ..Layout::default() };
    let mut writer = Writer::new();
    let mut page = writer.sheet(&layout).map_err(broken)?;
    for row in &rows {
        let values: Vec<Value<'_>> = row
            .iter()
            .map(|cell| match cell {
                Cell::Text(text) if text.is_empty() => Value::Empty,
                Cell::Text(text) => Value::Text(text),
                Cell::Number(number) => Value::Number(*number),
            })
            .collect();
        page.row(&values).map_err(broken)?;
    }
    writer.save(path).map_err(broken)
}

fn save_csv(path: &Path, rows: &[Cells]) -> Result<()> {
    let broken = |e: std::io::Error| Error::Broken(format!("sample workbook: {e}"));
    let mut lines = vec![template().into_iter().map(|c| c.label().to_owned()).collect::<Vec<_>>()];
    let text = |cell: &Cell| match cell {
        Cell::Text(text) => text.clone(),
        Cell::Number(number) => number.to_string(),
    };
    lines.extend(rows.iter().map(|row| row.iter().map(text).collect()));
    let mut utf8 = Vec::new();
    sheet::write_csv(&mut utf8, lines.iter().map(|line| line.iter().map(String::as_str)))
        .map_err(broken)?;
    let whole = String::from_utf8_lossy(&utf8);
    let (bytes, _, _) = encoding_rs::GB18030.encode(whole.trim_start_matches('\u{FEFF}'));
    std::fs::write(path, &bytes).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{
        person::{Draft, Judged, Place, RawCell, judge},
        tree::Category,
    };
    use std::collections::HashSet;

    const TODAY: Date = jiff::civil::date(2026, 11, 21);

    fn samples() -> Samples {
        let here = Some(("王小明".into(), "110105200612310027".into(), "2022-05".into()));
        Samples { province: "34".into(), entered: 2025, here, ..Samples::default() }
    }

    fn judged(row: &Cells) -> Judged {
        let mut draft = Draft::default();
        for (column, cell) in template().into_iter().zip(row) {
            draft.set(
                column,
                match cell {
                    Cell::Text(text) => RawCell::text(text.clone()),
                    Cell::Number(number) => RawCell::number(number.to_string()),
                },
            );
        }
        let place = Place {
            category: Category::Branch,
            region: "34".into(),
            sheet: SheetKind::Members,
            exceptions: vec![],
        };
        judge(&draft, &place, TODAY, Rules::builtin())
    }
    fn codes(row: &Cells) -> Vec<&'static str> {
        judged(row).problems.iter().map(|p| p.code).collect()
    }

    #[test]
    fn the_usual_workbook_has_exactly_the_faults_that_are_meant() {
        let mut people = People::apart(1, TODAY, 0);
        for (row, number) in usual_rows(&samples(), &mut people).iter().zip(2..) {
            let meant: &[&str] = match number {
                9 => &["id_lost_digits"],
                12 => &["id_checksum"],
                23 => &["too_young_at_joining"],
                31 => &["dev_number_required"],
                38 => &["mobile_malformed"],
                27 | 41 => &["missing_later"],
                _ => &[],
            };
            assert_eq!(codes(row), meant, "row {number}");
            let tidied = matches!(number, 5 | 14);
            assert!(!tidied || !judged(row).notes.is_empty(), "row {number} is tidied");
        }
    }

    #[test]
    fn every_faulty_row_has_one_fault_and_the_tidied_ones_none() {
        let rows = faulty_rows(&samples(), &mut People::apart(1, TODAY, 0));
        let kinds: HashSet<&str> = rows.iter().flat_map(|row| codes(row)).collect();
        assert!(
            rows.iter().all(|row| codes(row).len() <= 1),
            "{:?}",
            rows.iter().map(codes).collect::<Vec<_>>()
        );
        assert!(kinds.len() >= 10, "{kinds:?}");
        assert_eq!(codes(&rows[4]), [] as [&str; 0], "small x");
        assert_eq!(codes(&rows[5]), [] as [&str; 0], "fifteen digits");
    }

    #[test]
    fn the_files_are_written_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let made = Made { orgs: 0, members: 0, sign_ins: vec![], samples: samples() };
        let mut paths = write(dir.path(), &made, TODAY).unwrap();
        paths.push(dir.path().join("big.xlsx"));
        big(&paths[5], 500, 1, "34", TODAY).unwrap();
        for (path, rows) in paths.iter().zip([46, 25, 13, 21, 17, 501]) {
            let bytes = std::fs::read(path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy();
            let book = sheet::read(&bytes, &name, &sheet::Limits::default()).unwrap();
            assert_eq!(book.sheets[0].rows.len(), rows, "{name}");
        }
    }

    #[test]
    fn a_large_workbook_has_good_rows_only_and_every_round_other_people() {
        let samples = samples();
        let mut seen = HashSet::new();
        for round in [0, 1, 7] {
            let mut people = People::apart(2, TODAY, round);
            for _ in 0..10_000 {
                let person = fresh(&samples, &mut people);
                assert!(
                    seen.insert(person.id_number.clone())
                        & seen.insert(person.mobile.clone().unwrap_or_default())
                );
                assert!(person.dev_number.is_none_or(|number| seen.insert(number)));
            }
        }
        assert_eq!(codes(&good(&samples, &mut People::apart(2, TODAY, 3))), [] as [&str; 0]);
    }
}
