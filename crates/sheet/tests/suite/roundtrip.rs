//! What is written comes back the same: import(export(x)) == x, templates included.

use crate::craft::texts;
use proptest::prelude::*;
use sheet::{Column, Kind, Layout, Limits, Value, Writer};
use std::io::Read;

/// Texts as people type them, and texts that want to be formulas.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9 一-龥,;\"'\n\t_x&<>]{0,12}",
        2 => "['=+@＝＋－＠\t\r-]{1,3}[a-z0-9(),!'|]{0,8}",
        1 => "_x[0-9A-F]{4}_.{0,3}",
        1 => "\\PC{0,8}",
    ]
}

fn layout(columns: usize) -> Layout {
    let column = |index| Column {
        title: format!("列{index}"),
        kind: [Kind::Text, Kind::General, Kind::Reason][index % 3],
        ..Column::default()
    };
    Layout {
        name: "数据".into(), columns: (0..columns).map(column).collect(), ..Layout::default()
    }
}

/// Rows as the reader gives them: without empty rows and trailing empty cells.
fn trimmed(rows: &[Vec<String>], first: u32) -> Vec<(u32, Vec<String>)> {
    let cut = |row: &Vec<String>| {
        let filled = row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        row[..filled].to_vec()
    };
    (first..)
        .zip(rows)
        .filter(|(_, row)| row.iter().any(|cell| !cell.trim().is_empty()))
        .map(|(number, row)| (number, cut(row)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn xlsx_comes_back_the_same(rows in proptest::collection::vec(proptest::collection::vec(text(), 3), 1..6)) {
        let mut writer = Writer::new();
        let mut sheet = writer.sheet(&layout(3)).expect("a sheet");
        for row in &rows {
            let values: Vec<Value<'_>> = row.iter().map(|cell| Value::from(cell.as_str())).collect();
            sheet.row(&values).expect("a row");
        }
        let bytes = writer.finish().expect("a workbook");
        let book = sheet::read(&bytes, "a.xlsx", &Limits::default()).expect("readable");
        prop_assert_eq!(&texts(&book, 0)[1..], trimmed(&rows, 2));
    }

    #[test]
    fn csv_comes_back_the_same(rows in proptest::collection::vec(proptest::collection::vec(text(), 3), 1..6)) {
        let mut bytes = Vec::new();
        let head = vec!["甲".to_owned(), "乙".to_owned(), "丙".to_owned()];
        let all: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
        sheet::write_csv(&mut bytes, all.iter().map(|row| row.iter().map(String::as_str))).expect("memory takes bytes");
        let book = sheet::read(&bytes, "a.csv", &Limits::default()).expect("readable");
        prop_assert_eq!(texts(&book, 0), trimmed(&all, 1));
    }
}

#[test]
fn formulas_are_written_as_text_with_the_quote_mark_and_never_as_formulas() {
    let mut writer = Writer::new();
    let mut sheet = writer.sheet(&layout(3)).expect("a sheet");
    sheet
        .row(&[Value::Text("=1+1"), Value::Text("@SUM(1)"), Value::Text("+cmd|' /C calc'!A0")])
        .expect("a row");
    let bytes = writer.finish().expect("a workbook");
    let sheet_part = part(&bytes, "xl/worksheets/sheet1.xml");
    assert!(!sheet_part.contains("<f>") && sheet_part.contains("=1+1"));
    assert!(part(&bytes, "xl/styles.xml").contains("quotePrefix=\"1\""));
    let mut csv = Vec::new();
    sheet::write_csv(&mut csv, [["=1+1", "x"]]).expect("memory takes bytes");
    assert_eq!(csv, "\u{FEFF}'=1+1,x\r\n".as_bytes());
}

#[test]
fn a_template_has_its_lists_notes_and_example_and_reads_back() {
    let nations: Vec<String> = (0..56).map(|n| format!("民族{n}甲乙丙")).collect();
    let layout = Layout {
        name: "团员".into(),
        note: "请勿改动表头\n日期写成 2005-01-03".into(),
        foot: "导出编号1 & 王老师".into(),
        columns: vec![
            Column {
                title: "姓名".into(),
                required: true,
                example: "张三".into(),
                ..Column::default()
            },
            Column {
                title: "性别".into(),
                choices: vec!["男".into(), "女".into()],
                ..Column::default()
            },
            Column {
                title: "民族".into(),
                choices: nations.clone(),
                width: 14.0,
                ..Column::default()
            },
            Column {
                title: "身份证号码".into(),
                kind: Kind::Text,
                prompt: Some(("身份证号码".into(), "18 位".into())),
                example: "11010519491231002X".into(),
                ..Column::default()
            },
        ],
        example: true,
        choice_rows: 20_000,
    };
    let mut writer = Writer::new();
    writer
        .sheet(&layout)
        .expect("a sheet")
        .row(&[Value::Marked("李四"), Value::Empty, Value::Number(3.0)])
        .expect("a row");
    writer.notes("说明", &["第一步", "=第二步"]).expect("notes");
    let bytes = writer.finish().expect("a workbook");
    let book = sheet::read(&bytes, "a.xlsx", &Limits::default()).expect("readable");
    let names: Vec<(&str, bool)> =
        book.sheets.iter().map(|s| (s.name.as_str(), s.hidden)).collect();
    assert_eq!(names, [("团员", false), ("说明", false), ("字典", true)]);
    let rows = texts(&book, 0);
    assert_eq!(rows[1].1, ["姓名", "性别", "民族", "身份证号码"]);
    assert_eq!(rows[2].1, ["张三", "", "", "11010519491231002X"]);
    assert_eq!(rows[3], (4, vec!["李四".to_owned(), String::new(), "3".to_owned()]));
    assert_eq!(book.sheets[2].rows.len(), nations.len());
    let sheet_part = part(&bytes, "xl/worksheets/sheet1.xml");
    assert!(sheet_part.contains("<formula1>字典!$A$1:$A$56</formula1>"), "long list");
    assert!(sheet_part.contains("\"男,女\""), "short list");
    assert!(sheet_part.contains("sqref=\"C3:C20002\""), "range of the list");
    assert!(sheet_part.contains("state=\"frozen\""), "frozen header");
}

fn part(bytes: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a container");
    let mut text = String::new();
    archive.by_name(name).expect("a part").read_to_string(&mut text).expect("text");
    text
}
