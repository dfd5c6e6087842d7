//! Every hostile workbook gets its error, quickly, and the process does not grow; nor does it by
//! writing a huge one. In a test process of its own, because memory is measured.

mod craft;

use craft::{biff, inline, isolated, ole, sheet, xlsx, xlsx_parts, zip};
use sheet::{Column, Layout, Limits, ReadError, Value, Writer};
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Growth of memory is measured per process, so these tests take turns.
static TURN: Mutex<()> = Mutex::new(());

/// Bytes by which reading may raise the resident size; security.md (c) allows 64 MiB.
const GROWTH: u64 = 64 * 1024 * 1024;

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    pages.split(' ').nth(1).and_then(|n| n.parse::<u64>().ok()).expect("a number") * 4096
}

/// Reads in this process and returns the error, having checked time and memory.
fn refused(bytes: &[u8]) -> ReadError {
    let (before, start) = (resident(), Instant::now());
    let error = sheet::read(bytes, "a.xlsx", &Limits::default()).expect_err("a refused workbook");
    let grown = resident().saturating_sub(before);
    assert!(grown < GROWTH, "grew by {grown} bytes");
    assert!(start.elapsed() < Duration::from_secs(30), "took {:?}", start.elapsed());
    error
}

#[test]
fn a_cell_at_the_far_corner_is_named_and_allocates_nothing() {
    let _turn = turn();
    let data = format!(
        "<row r=\"1\">{}</row><row r=\"1048576\">{}</row>",
        inline("A1", "x"),
        inline("XFD1048576", "x")
    );
    let row = ReadError::TooManyRows { sheet: "一".into(), limit: 20_000, row: 1_048_576 };
    assert_eq!(refused(&xlsx(&data)), row);
    let data = format!("<row r=\"1\">{}</row>", inline("XFD1", "x"));
    let error = refused(&xlsx(&data));
    let column =
        ReadError::TooManyColumns { sheet: "一".into(), limit: 64, row: 1, column: 16_384 };
    assert_eq!(error, column);
    assert!(error.to_string().contains("XFD1"));
}

#[test]
fn announced_counts_are_not_believed() {
    let _turn = turn();
    let strings = r#"<sst count="4000000000" uniqueCount="4000000000"><si><t>甲</t></si></sst>"#;
    let data = r#"<row r="1"><c r="A1" t="s"><v>0</v></c></row>"#;
    let with_dimension =
        sheet(data).replace("<sheetData>", "<dimension ref=\"A1:XFD1048576\"/><sheetData>");
    let book = sheet::read(&xlsx_parts(&with_dimension, strings, ""), "a.xlsx", &Limits::default());
    assert_eq!(craft::texts(&book.expect("an honest small book"), 0), [(1, vec!["甲".to_owned()])]);
}

#[test]
fn a_megabyte_string_used_twelve_thousand_times_is_refused_at_its_first_use() {
    let _turn = turn();
    let strings = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(1024 * 1024));
    let data: String = (1..=12_000).fold(String::new(), |mut data, row| {
        write!(data, r#"<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>"#).expect("text");
        data
    });
    let long = ReadError::CellTooLong { sheet: "一".into(), limit: 5_000, row: 1, column: 1 };
    assert_eq!(refused(&xlsx_parts(&sheet(&data), &strings, "")), long);
}

#[test]
fn a_long_string_within_a_cell_s_limit_cannot_be_multiplied_either() {
    let _turn = turn();
    let strings = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(5_000));
    let data: String = (1..=12_000).fold(String::new(), |mut data, row| {
        write!(data, r#"<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>"#).expect("text");
        data
    });
    assert_eq!(refused(&xlsx_parts(&sheet(&data), &strings, "")), ReadError::TooBig);
}

#[test]
fn a_huge_run_of_spaces_is_refused_wherever_it_stands() {
    let _turn = turn();
    let blank = " ".repeat(8 * 1024 * 1024);
    let places = [
        sheet(&blank),
        sheet(&format!("<row r=\"1\"><c r=\"A1\" t=\"str\"><v>{blank}</v></c></row>")),
        sheet(&format!("<row r=\"1\"><c r=\"A1\"{blank}/></row>")),
        sheet(&format!("<!--{blank}-->")),
    ];
    for place in places {
        assert_eq!(refused(&xlsx_parts(&place, "", "")), ReadError::TooBig);
    }
}

#[test]
fn inflated_bytes_are_counted_over_all_parts() {
    let _turn = turn();
    let limits = Limits { inflated_bytes: 100_000, ..Limits::default() };
    let data = "<row/>".repeat(20_000);
    let bytes = xlsx(&data);
    assert!(bytes.len() < 5_000, "a bomb is small");
    assert_eq!(sheet::read(&bytes, "a.xlsx", &limits), Err(ReadError::TooBig));
    // The policy's own bound, with a part that inflates to more than it.
    let bytes = xlsx(&format!("<!--{}-->", " ".repeat(2 * 1024 * 1024)).repeat(101));
    assert_eq!(refused(&bytes), ReadError::TooBig);
}

#[test]
fn millions_of_shared_strings_are_refused() {
    let _turn = turn();
    let strings = format!("<sst>{}</sst>", "<si/>".repeat(800_001));
    assert_eq!(refused(&xlsx_parts(&sheet(""), &strings, "")), ReadError::TooBig);
}

#[test]
fn millions_of_cells_and_styles_are_refused() {
    let _turn = turn();
    let row = |row: u32| format!("<row r=\"{row}\">{}</row>", inline(&format!("BL{row}"), "x"));
    let data: String = (1..=12_501).map(row).collect();
    assert_eq!(refused(&xlsx(&data)), ReadError::TooBig);
    let styles = format!("<styleSheet><cellXfs>{}</cellXfs></styleSheet>", "<xf/>".repeat(100_001));
    assert_eq!(refused(&xlsx_parts(&sheet(""), "", &styles)), ReadError::TooBig);
}

#[test]
fn document_types_and_entities_are_refused() {
    let _turn = turn();
    let doctype = "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>";
    let bomb = sheet("<row r=\"1\"><c r=\"A1\" t=\"str\"><v>&a;</v></c></row>");
    let with = bomb.replace("<worksheet", &format!("{doctype}<worksheet"));
    assert_eq!(refused(&xlsx_parts(&with, "", "")), ReadError::Damaged);
    assert_eq!(refused(&xlsx_parts(&bomb, "", "")), ReadError::Damaged);
}

#[test]
fn deep_nesting_is_refused() {
    let _turn = turn();
    let deep = sheet(&"<a>".repeat(100_000));
    assert_eq!(refused(&xlsx_parts(&deep, "", "")), ReadError::Damaged);
}

#[test]
fn a_container_of_very_many_entries_is_refused() {
    let _turn = turn();
    let names: Vec<String> = (0..2_000).map(|n| format!("xl/media/{n}.png")).collect();
    let parts: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    assert_eq!(refused(&zip(&parts)), ReadError::TooBig);
}

#[test]
fn an_xls_that_loops_or_spans_everything_dies_in_the_child_only() {
    let _turn = turn();
    let limits = Limits::default();
    let corners = ole("Workbook", &biff(&[(0, 0, 1.0), (65_535, 255, 1.0)], false));
    let error = isolated(&corners, "a.xls", &limits).expect_err("a refused workbook");
    assert!(matches!(error, ReadError::TooBig | ReadError::TooManyRows { .. }), "{error}");
    // The FAT entry of the directory points to itself.
    let mut looping = ole("Workbook", &biff(&[(0, 0, 1.0)], false));
    looping[512 + 4..512 + 8].copy_from_slice(&1_u32.to_le_bytes());
    let error = isolated(&looping, "a.xls", &limits).expect_err("a refused workbook");
    assert!(matches!(error, ReadError::TooBig | ReadError::Damaged), "{error}");
    // Half a million FAT sectors announced, and streams of four gigabytes.
    let mut huge = ole("Workbook", &biff(&[(0, 0, 1.0)], false));
    huge[44..48].fill(0x7F);
    huge[64..68].fill(0x7F);
    huge[1024 + 120..1024 + 124].fill(0xFF);
    huge[1024 + 128 + 120..1024 + 128 + 124].fill(0xFF);
    let answer = isolated(&huge, "a.xls", &limits);
    assert!(matches!(answer, Err(ReadError::TooBig | ReadError::Damaged) | Ok(_)), "{answer:?}");
}

#[test]
fn a_child_without_memory_or_time_gives_a_plain_error() {
    let _turn = turn();
    let data: String = (1..=20_000)
        .map(|row| format!("<row r=\"{row}\">{}</row>", inline(&format!("A{row}"), "x")))
        .collect();
    let bytes = xlsx(&data);
    let little = Limits { child_memory_bytes: 6 * 1024 * 1024, ..Limits::default() };
    let error = isolated(&bytes, "a.xlsx", &little).expect_err("no memory");
    assert!(matches!(error, ReadError::TooBig | ReadError::Broken(_)), "{error}");
    let hurried = Limits { child_wall_seconds: 0, ..Limits::default() };
    let error = isolated(&bytes, "a.xlsx", &hurried).expect_err("no time");
    assert!(matches!(error, ReadError::Broken(_)), "waiting is not the file's fault: {error}");
    let short = Limits { child_reply_bytes: 1_000, ..Limits::default() };
    assert_eq!(isolated(&bytes, "a.xlsx", &short), Err(ReadError::TooBig));
}

#[test]
fn a_child_that_cannot_be_started_is_not_the_files_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.xlsx");
    std::fs::write(&file, xlsx(&format!("<row r=\"1\">{}</row>", inline("A1", "x"))))
        .expect("a file");
    for exe in ["/nowhere/reader", "/bin/false", "/bin/true"] {
        let error = sheet::read_isolated(exe.as_ref(), &file, &Limits::default());
        assert!(matches!(error, Err(ReadError::Broken(_))), "{exe}: {error:?}");
    }
}

#[test]
fn a_large_export_goes_to_a_file_without_growing_memory() {
    let _turn = turn();
    let layout =
        Layout { name: "数据".into(), columns: vec![Column::default(); 3], ..Layout::default() };
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::in_folder(folder.path()).expect("a writer");
    let mut sheet = writer.sheet(&layout).expect("a sheet");
    let before = resident();
    for row in 0..60_000 {
        let text = format!("第 {row} 行的内容");
        sheet
            .row(&[Value::Text(&text), Value::Number(f64::from(row)), Value::Text(&text)])
            .expect("a row");
    }
    let path = folder.path().join("out.xlsx");
    writer.save(&path).expect("a file");
    assert!(resident().saturating_sub(before) < 16 * 1024 * 1024, "memory grew");
    assert!(path.metadata().expect("a file").len() > 100_000);
}
