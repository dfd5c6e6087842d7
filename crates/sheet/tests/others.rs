//! Workbooks made by other programs (`tests/others.py FOLDER`) read as their makers meant.
//! And what we write stays text in LibreOffice, formulas included (security.md (a) 19).
//! Runs when `TUANJIAN_OTHERS` names that folder; `cargo xtask test` makes it and sets it.

use jiff::civil::date;
use sheet::{Book, Column, Kind, Layout, Limits, Merge, Value, When, Writer};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Texts a spreadsheet would like to calculate.
const HOSTILE: [&str; 9] = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1,1)",
    "\t=1+1",
    "＝1+1",
    "=cmd|' /C calc'!A0",
    "=HYPERLINK(\"x\")",
    "'=1+1",
];

#[test]
fn workbooks_of_other_programs_read_as_meant() {
    let Some(folder) = folder() else { return };
    let files = workbooks(Path::new(&folder));
    assert!(files.len() >= 2, "others.py made too few files");
    for file in files {
        check(&read(&file), &file);
    }
}

#[test]
fn merged_hidden_and_struck_out_cells_of_other_programs_are_seen() {
    let Some(folder) = folder() else { return };
    for name in ["openpyxl.xlsx", "xlwt.xls"] {
        let book = read(&Path::new(&folder).join("looks").join(name));
        let sheet = &book.sheets[0];
        assert_eq!(sheet.merges, [Merge { top: 2, bottom: 3, left: 0, right: 0 }], "{name}");
        assert_eq!(sheet.hidden_columns, [2], "{name}");
        let hidden: Vec<u32> = sheet.rows.iter().filter(|r| r.hidden).map(|r| r.number).collect();
        assert_eq!(hidden, [4], "{name}");
        let struck: Vec<(u32, &[u32])> = sheet
            .rows
            .iter()
            .filter(|r| !r.struck.is_empty())
            .map(|r| (r.number, &r.struck[..]))
            .collect();
        assert_eq!(struck, [(5, &[1][..])], "{name}");
        assert_eq!(sheet.rows[1].cell(3).text(), "+86 13800138000", "{name}");
        assert_eq!(sheet.rows[0].cell(3).text(), "手机号码", "{name}");
    }
}

#[test]
fn what_we_write_stays_text_in_another_program() {
    let Some(folder) = folder() else { return };
    if Command::new("soffice").arg("--version").output().is_err() {
        return;
    }
    let folder = Path::new(&folder).join("ours");
    std::fs::create_dir_all(&folder).expect("a folder");
    let column = |kind| Column { title: "列".into(), kind, ..Column::default() };
    let columns = vec![column(Kind::General), column(Kind::Text), column(Kind::Reason)];
    let layout = Layout { name: "数据".into(), columns, ..Layout::default() };
    let mut writer = Writer::new();
    let mut sheet = writer.sheet(&layout).expect("a sheet");
    for text in HOSTILE {
        sheet.row(&[Value::Text(text); 3]).expect("a row");
    }
    let file = folder.join("ours.xlsx");
    writer.save(&file).expect("a file");
    let rows = texts(&read(&converted(&folder, &file)), 0);
    for (row, text) in rows[1..].iter().zip(HOSTILE) {
        assert_eq!(row.1, [text; 3], "row {}", row.0);
    }
    assert_eq!(rows.len(), HOSTILE.len() + 1);
}

/// The folder others.py has filled.
#[expect(clippy::disallowed_methods, reason = "a test's switch, not a setting of the program")]
fn folder() -> Option<std::ffi::OsString> {
    std::env::var_os("TUANJIAN_OTHERS")
}

/// The file opened, calculated and saved again by LibreOffice.
fn converted(folder: &Path, file: &Path) -> PathBuf {
    let out = folder.join("again");
    let profile = tempfile::tempdir().expect("a folder");
    let status = Command::new("soffice")
        .arg(format!("-env:UserInstallation=file://{}", profile.path().display()))
        .args(["--headless", "--convert-to", "xlsx", "--outdir"])
        .args([&out, file])
        .status()
        .expect("soffice runs");
    assert!(status.success(), "soffice failed");
    out.join(file.file_name().expect("a name"))
}

/// Reads through the child process, as the server does.
fn read(file: &Path) -> Book {
    let exe = Path::new(env!("CARGO_BIN_EXE_sheet-child"));
    let book = sheet::read_isolated(exe, file, &Limits::default());
    book.unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Row numbers and texts of a sheet.
fn texts(book: &Book, sheet: usize) -> Vec<(u32, Vec<String>)> {
    let row = |row: &sheet::Row| {
        (row.number, row.cells.iter().map(|cell| cell.text().into_owned()).collect())
    };
    book.sheets[sheet].rows.iter().map(row).collect()
}

fn check(book: &Book, file: &Path) {
    let at = file.display();
    let sheets: Vec<(&str, bool)> =
        book.sheets.iter().map(|s| (s.name.as_str(), s.hidden)).collect();
    assert_eq!(sheets, [("团员", false), ("字典", true)], "{at}");
    let rows = texts(book, 0);
    let numbers: Vec<u32> = rows.iter().map(|row| row.0).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5], "{at}");
    assert_eq!(rows[0].1, ["填写说明"], "{at}");
    assert_eq!(rows[1].1, ["姓名", "身份证号码", "手机号码", "入团年月", "备注"], "{at}");
    let head = |row: usize| rows[row].1[..4].to_vec();
    assert_eq!(head(2), ["张三", "440106200503140016", "13800138000", "2019-05-04"], "{at}");
    assert_eq!(head(4), ["欧阳㐀", "11010519491231002X", "13700137000", "2019/5/4"], "{at}");
    assert_eq!(rows[2].1[4], "a,b\"c\n第二行", "{at}");
    assert_eq!(rows[3].1[4], "=1+1", "{at}");
    let data = &book.sheets[0].rows;
    assert!(data[3].cell(1).lost_digits() && !data[2].cell(1).lost_digits(), "{at}");
    for row in &data[2..] {
        assert_eq!(row.cell(3).when(), Some(When::Day(date(2019, 5, 4))), "{at}");
    }
}

/// Workbooks in the folder and one level below.
fn workbooks(folder: &Path) -> Vec<PathBuf> {
    let list = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("the folder of TUANJIAN_OTHERS");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    let (folders, mut files): (Vec<_>, Vec<_>) = list(folder).into_iter().partition(|p| p.is_dir());
    let theirs =
        folders.iter().filter(|folder| !folder.ends_with("ours") && !folder.ends_with("looks"));
    files.extend(theirs.flat_map(|folder| list(folder)));
    files.retain(|file| file.extension().is_some_and(|ext| ext == "xlsx" || ext == "xls"));
    files
}
