//! Files that are no workbook, locked, cut short or altered: an error with the right code, never
//! a panic and never half of the rows.

use crate::craft::{biff, inline, isolated, ole, texts, xlsx, zip};
use proptest::prelude::*;
use sheet::{Found, Limits, ReadError};

fn read(bytes: &[u8], name: &str) -> Result<sheet::Book, ReadError> {
    sheet::read(bytes, name, &Limits::default())
}

fn small() -> Vec<u8> {
    let cells: String = (1..=50)
        .map(|row| format!("<row r=\"{row}\">{}</row>", inline(&format!("A{row}"), "内容")))
        .collect();
    xlsx(&cells)
}

#[test]
fn a_workbook_cut_anywhere_is_damaged() {
    let whole = small();
    assert!(read(&whole, "a.xlsx").is_ok());
    for cut in (1..whole.len()).step_by(3) {
        assert_eq!(read(&whole[..cut], "a.xlsx"), Err(ReadError::Damaged), "cut at {cut}");
    }
}

#[test]
fn an_xls_is_read_in_the_child_and_cut_anywhere_gives_no_rows_too_many() {
    let limits = Limits::default();
    let whole = ole("Workbook", &biff(&[(0, 0, 340_104.0), (2, 1, 1.5)], false));
    let book = isolated(&whole, "a.xls", &limits).expect("a whole workbook");
    assert_eq!(
        texts(&book, 0),
        [(1, vec!["340104".to_owned()]), (3, vec![String::new(), "1.5".to_owned()])]
    );
    for cut in [8, 100, 511, 512, 700, 1024, 1300, 1536, 1600, 2000] {
        let error = isolated(&whole[..cut], "a.xls", &limits).expect_err("a cut workbook");
        assert_eq!(error, ReadError::Damaged, "cut at {cut}");
    }
    assert_eq!(read(&whole, "a.xls"), Err(ReadError::NeedsChild));
}

#[test]
fn locked_workbooks_are_called_locked() {
    assert_eq!(read(&ole("EncryptionInfo", b"x"), "a.xlsx"), Err(ReadError::Encrypted));
    assert_eq!(read(&ole("EncryptedPackage", b"x"), "a.xlsx"), Err(ReadError::Encrypted));
    let xls = ole("Workbook", &biff(&[(0, 0, 1.0)], true));
    assert_eq!(isolated(&xls, "a.xls", &Limits::default()), Err(ReadError::Encrypted));
}

#[test]
fn other_kinds_of_file_are_told_apart() {
    let not = |found| Err(ReadError::NotAWorkbook { found });
    assert_eq!(read(&ole("WordDocument", b"x"), "a.xls"), not(Found::Document));
    assert_eq!(read(&zip(&[("word/document.xml", b"<a/>")]), "a.xlsx"), not(Found::Document));
    assert_eq!(read(&zip(&[("content.xml", b"<a/>")]), "a.xlsx"), not(Found::OpenDocument));
    assert_eq!(read(&zip(&[("xl/workbook.bin", b"x")]), "a.xlsx"), not(Found::OtherWorkbook));
    assert_eq!(read(&zip(&[("photo.jpg", b"x")]), "a.zip"), not(Found::Archive));
    assert_eq!(read(b"%PDF-1.4 something", "a.pdf"), not(Found::Pdf));
    assert_eq!(read(b"", "a.xlsx"), Err(ReadError::Empty));
    assert_eq!(read(&xlsx(""), "a.xlsx"), Err(ReadError::Empty));
    assert_eq!(read(b" ,\n , \n", "a.csv"), Err(ReadError::Empty));
}

#[test]
fn a_file_above_the_size_limit_is_refused_before_it_is_read() {
    let limits = Limits { file_bytes: 100, ..Limits::default() };
    assert_eq!(sheet::read(&small(), "a.xlsx", &limits), Err(ReadError::TooBig));
    assert_eq!(isolated(&small(), "a.xlsx", &limits), Err(ReadError::TooBig));
    assert_eq!(sheet::read_pasted(&"x".repeat(101), &limits), Err(ReadError::TooBig));
}

#[test]
fn one_row_more_than_the_limit_is_refused_with_its_number() {
    let limits = Limits { rows: 10, head_rows: 1, ..Limits::default() };
    let text = |rows: usize| "x,y\n".repeat(rows).into_bytes();
    assert!(sheet::read(&text(11), "a.csv", &limits).is_ok());
    let error = ReadError::TooManyRows { sheet: String::new(), limit: 10, row: 12 };
    assert_eq!(sheet::read(&text(12), "a.csv", &limits), Err(error));
    let long = ReadError::CellTooLong { sheet: String::new(), limit: 5, row: 2, column: 2 };
    let limits = Limits { cell_chars: 5, ..Limits::default() };
    assert_eq!(sheet::read("a,b\nc,一二三四五六".as_bytes(), "a.csv", &limits), Err(long));
    assert!(sheet::read("a,b\nc,一二三四五".as_bytes(), "a.csv", &limits).is_ok());
}

#[test]
fn a_child_that_cannot_start_is_our_fault_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.csv");
    std::fs::write(&file, "a").expect("a file");
    let error = sheet::read_isolated(&folder.path().join("none"), &file, &Limits::default());
    assert!(matches!(error, Err(ReadError::Broken(_))), "{error:?}");
    let other = sheet::read_isolated("/bin/echo".as_ref(), &file, &Limits::default());
    assert!(matches!(other, Err(ReadError::Broken(_))), "{other:?}");
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), name in "a\\.(xlsx|xls|csv)") {
        // Any answer is right as long as there is one.
        let _answer = read(&bytes, &name);
    }

    #[test]
    fn a_flipped_bit_gives_the_same_rows_or_an_error(at in 0_usize..10_000, bit in 0_u8..8) {
        let mut bytes = small();
        let whole = read(&bytes, "a.xlsx").expect("readable");
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(book) = read(&bytes, "a.xlsx") {
            prop_assert_eq!(book.sheets.iter().map(|s| s.rows.len()).sum::<usize>(), whole.sheets[0].rows.len());
        }
    }
}
