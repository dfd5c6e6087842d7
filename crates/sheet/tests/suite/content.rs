//! What people really put into workbooks comes out as they see it.

use crate::craft::{inline, isolated, rels, sheet, texts, workbook, xlsx, xlsx_parts, zip};
use jiff::civil::date;
use sheet::{Book, Cell, Limits, When};

fn read(bytes: &[u8], name: &str) -> Book {
    sheet::read(bytes, name, &Limits::default()).expect("a readable book")
}

fn strings(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|&cell| cell.to_owned()).collect()
}

#[test]
fn a_title_row_gaps_and_missing_addresses_keep_their_row_numbers() {
    let data = format!(
        "<row r=\"1\">{}</row><row r=\"3\">{}{}</row><row><c><v>7</v></c><c/><c><v>8</v></c></row>",
        inline("A1", "填写说明"),
        inline("A3", "姓名"),
        inline("C3", "手机号码")
    );
    let merged = sheet(&data).replace(
        "</worksheet>",
        "<mergeCells count=\"1\"><mergeCell ref=\"A1:C1\"/></mergeCells></worksheet>",
    );
    let rows = texts(&read(&xlsx_parts(&merged, "", ""), "a.xlsx"), 0);
    assert_eq!(
        rows,
        [
            (1, strings(&["填写说明"])),
            (3, strings(&["姓名", "", "手机号码"])),
            (4, strings(&["7", "", "8"])),
        ]
    );
}

#[test]
fn two_sheets_and_a_hidden_one_are_all_there() {
    let one = sheet(&format!("<row r=\"1\">{}</row>", inline("A1", "甲")));
    let two = sheet(&format!("<row r=\"2\">{}</row>", inline("B2", "乙")));
    let bytes = zip(&[
        ("xl/workbook.xml", workbook(&[("团员", ""), ("字典", "state=\"hidden\"")]).as_bytes()),
        ("xl/_rels/workbook.xml.rels", rels(2, false, false).as_bytes()),
        ("xl/worksheets/sheet1.xml", one.as_bytes()),
        ("xl/worksheets/sheet2.xml", two.as_bytes()),
    ]);
    let book = read(&bytes, "a.xlsx");
    let shape: Vec<(&str, bool, usize)> =
        book.sheets.iter().map(|s| (s.name.as_str(), s.hidden, s.rows.len())).collect();
    assert_eq!(shape, [("团员", false, 1), ("字典", true, 1)]);
    assert_eq!(texts(&book, 1), [(2, strings(&["", "乙"]))]);
}

#[test]
fn formulas_give_their_cached_value_or_nothing() {
    let data = r#"<row r="1">
        <c r="A1"><f>1+1</f><v>2</v></c>
        <c r="B1" t="str"><f>"a"&amp;"b"</f><v>ab</v></c>
        <c r="C1"><f>NOW()</f></c>
        <c r="D1" t="e"><f>1/0</f><v>#DIV/0!</v></c>
        <c r="E1" t="b"><v>1</v></c>
        <c r="F1"><f>X</f><v></v></c>
    </row>"#;
    let book = read(&xlsx(data), "a.xlsx");
    assert_eq!(texts(&book, 0), [(1, strings(&["2", "ab", "", "#DIV/0!", "TRUE", ""]))]);
    let row = &book.sheets[0].rows[0];
    assert_eq!(*row.cell(2), Cell::Unsolved);
    assert_eq!(*row.cell(5), Cell::Unsolved);
    assert_eq!(*row.cell(99), Cell::Empty);
    assert_eq!(*row.cell(3), Cell::Fault("#DIV/0!".into()));
}

#[test]
fn ids_typed_as_numbers_keep_their_digits_or_are_known_to_have_lost_them() {
    let data = r#"<row r="1">
        <c r="A1"><v>13800138000</v></c>
        <c r="B1"><v>3.4010420050314E+17</v></c>
        <c r="C1"><v>1.3800138E10</v></c>
        <c r="D1" t="str"><v>340104200503140016</v></c>
        <c r="E1" s="1"><v>12345</v></c>
    </row>"#;
    let styles = r#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="0000000000"/></numFmts>
        <cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>
        <cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>"#;
    let book = read(&xlsx_parts(&sheet(data), "", styles), "a.xlsx");
    let row = &book.sheets[0].rows[0];
    let seen: Vec<String> = row.cells.iter().map(|cell| cell.text().into_owned()).collect();
    let wanted =
        ["13800138000", "3.4010420050314E+17", "13800138000", "340104200503140016", "0000012345"];
    assert_eq!(seen, wanted);
    let lost: Vec<bool> = row.cells.iter().map(Cell::lost_digits).collect();
    assert_eq!(lost, [false, true, false, false, false]);
    assert_eq!(row.cells.iter().filter(|cell| cell.was_number()).count(), 4);
    let csv = read(b"id\r\n3.40104E+17\r\n", "a.csv");
    assert!(csv.sheets[0].rows[1].cell(0).lost_digits());
}

#[test]
fn dates_come_out_as_days_however_they_were_entered() {
    let data = r#"<row r="1">
        <c r="A1" s="1"><v>38355</v></c>
        <c r="B1" s="2"><v>38355.5</v></c>
        <c r="C1" s="3"><v>38355</v></c>
        <c r="D1" t="d"><v>2005-01-03T00:00:00</v></c>
        <c r="E1" t="str"><v>2005年1月3日</v></c>
        <c r="F1"><v>20050103</v></c>
        <c r="G1" t="str"><v>2005.1</v></c>
        <c r="H1" s="4"><v>0.5</v></c>
    </row>"#;
    let styles = r#"<styleSheet><numFmts count="2">
        <numFmt numFmtId="180" formatCode="yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;;@"/>
        <numFmt numFmtId="181" formatCode="[h]:mm"/></numFmts><cellXfs>
        <xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="31"/><xf numFmtId="180"/>
        <xf numFmtId="181"/></cellXfs></styleSheet>"#;
    let book = read(&xlsx_parts(&sheet(data), "", styles), "a.xlsx");
    let row = &book.sheets[0].rows[0];
    for index in 0..6 {
        assert_eq!(row.cell(index).when(), Some(When::Day(date(2005, 1, 3))), "column {index}");
    }
    for index in 0..4 {
        assert_eq!(row.cell(index).text(), "2005-01-03", "column {index}");
    }
    assert_eq!(row.cell(6).when(), Some(When::Month { year: 2005, month: 1 }));
    assert_eq!(row.cell(7).text(), "0.5");
    assert_eq!(row.cell(7).when(), None);
}

#[test]
fn rich_text_phonetics_entities_and_spaces_are_read_as_shown() {
    let strings_part = "<sst><si><r><t>张</t></r><r><t xml:space=\"preserve\"> 三</t></r>\
        <rPh sb=\"0\" eb=\"1\"><t>zhang</t></rPh></si>\
        <si><t>a&amp;b&#x4E2D;&lt;_x000D_</t></si><si><t><![CDATA[<x>]]></t></si></sst>";
    let data = r#"<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c>
        <c r="C1" t="s"><v>2</v></c></row>"#;
    let book = read(&xlsx_parts(&sheet(data), strings_part, ""), "a.xlsx");
    assert_eq!(texts(&book, 0), [(1, strings(&["张 三", "a&b中<\r", "<x>"]))]);
}

#[test]
fn stray_spaces_far_out_are_nobody_s_data() {
    let data = format!(
        "<row r=\"1\">{}{}</row><row r=\"900000\">{}</row>",
        inline("A1", "x"),
        inline("XFD1", " "),
        inline("A900000", "  ")
    );
    assert_eq!(texts(&read(&xlsx(&data), "a.xlsx"), 0), [(1, strings(&["x"]))]);
}

#[test]
fn csv_is_read_in_utf_8_gb_18030_and_utf_16() {
    let text = "姓名,民族\r\n欧阳㐀,汉族\r\n";
    let rows = [(1, strings(&["姓名", "民族"])), (2, strings(&["欧阳㐀", "汉族"]))];
    let (gb, _, _) = encoding_rs::GB18030.encode(text);
    let utf16: Vec<u8> =
        [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let marked = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
    for bytes in [text.as_bytes(), &marked, &gb, &utf16] {
        assert_eq!(texts(&read(bytes, "a.csv"), 0), rows);
        assert_eq!(
            texts(&isolated(bytes, "a.csv", &Limits::default()).expect("readable"), 0),
            rows
        );
    }
    let cut = &text.as_bytes()[..text.len() - 3];
    assert_eq!(sheet::read(cut, "a.csv", &Limits::default()), Err(sheet::ReadError::Damaged));
}

#[test]
fn pasted_cells_are_read_with_their_line_breaks() {
    let pasted = "姓名\t备注\n张三\t\"第一行\n第二行\"\n李四\t5\" 屏\n";
    let book = sheet::read_pasted(pasted, &Limits::default()).expect("readable");
    assert_eq!(
        texts(&book, 0),
        [
            (1, strings(&["姓名", "备注"])),
            (2, strings(&["张三", "第一行\n第二行"])),
            (3, strings(&["李四", "5\" 屏"])),
        ]
    );
}

#[test]
fn the_child_gives_the_same_book_as_reading_in_place() {
    let data = r#"<row r="2"><c r="A2"><v>1.5</v></c><c r="C2" t="b"><v>0</v></c>
        <c r="D2" s="1"><v>38355</v></c><c r="E2" t="str"><v>"'\ 中</v></c></row>"#;
    let styles = "<styleSheet><cellXfs><xf/><xf numFmtId=\"14\"/></cellXfs></styleSheet>";
    let bytes = xlsx_parts(&sheet(data), "", styles);
    let there = isolated(&bytes, "a.xlsx", &Limits::default()).expect("readable");
    assert!(there == read(&bytes, "a.xlsx"), "the two books differ");
}

#[test]
fn merged_hidden_and_struck_out_cells_are_known_as_such() {
    let data = format!(
        "<row r=\"1\">{}</row><row r=\"2\" hidden=\"1\">{}</row><row r=\"3\">{}</row>",
        inline("A1", "甲") + &inline("C1", "x"),
        inline("B2", "乙"),
        "<c r=\"B3\" s=\"1\" t=\"str\"><v>丙</v></c>"
    );
    let merged = sheet(&data)
        .replace("<sheetData>", "<cols><col min=\"3\" max=\"3\" hidden=\"1\"/></cols><sheetData>")
        .replace("</worksheet>", "<mergeCells><mergeCell ref=\"A1:A3\"/></mergeCells></worksheet>");
    let styles = "<styleSheet><fonts><font/><font><strike/></font><font><strike val=\"0\"/></font>\
        </fonts><cellXfs><xf/><xf fontId=\"1\"/><xf fontId=\"2\"/></cellXfs></styleSheet>";
    let book = read(&xlsx_parts(&merged, "", styles), "a.xlsx");
    let sheet = &book.sheets[0];
    assert_eq!(sheet.hidden_columns, [2]);
    assert_eq!(sheet.merges, [sheet::Merge { top: 1, bottom: 3, left: 0, right: 0 }]);
    let rows: Vec<(u32, bool, &[u32])> =
        sheet.rows.iter().map(|r| (r.number, r.hidden, r.struck.as_slice())).collect();
    assert_eq!(rows, [(1, false, &[][..]), (2, true, &[]), (3, false, &[1])]);
}

#[test]
fn addresses_of_cells_say_where_they_stand_whatever_the_rows_say() {
    let data = format!(
        "<row>{}</row><row>{}{}</row><row>{}</row>",
        inline("A1", "姓名"),
        inline("B7", "乙"),
        inline("A7", "甲"),
        inline("A4", "丙")
    );
    assert_eq!(
        texts(&read(&xlsx(&data), "a.xlsx"), 0),
        [(1, strings(&["姓名"])), (4, strings(&["丙"])), (7, strings(&["甲", "乙"]))]
    );
}

#[test]
fn what_a_number_format_adds_is_read_as_a_person_sees_it() {
    let data = r#"<row r="1"><c r="A1" s="1"><v>13800138000</v></c>
        <c r="B1" s="2"><v>2021.1</v></c><c r="C1" s="3"><v>5</v></c></row>"#;
    let styles = r#"<styleSheet><numFmts><numFmt numFmtId="170" formatCode="&quot;+86&quot;0"/>
        </numFmts><cellXfs><xf/><xf numFmtId="170"/><xf numFmtId="2"/><xf numFmtId="3"/></cellXfs>
        </styleSheet>"#;
    let book = read(&xlsx_parts(&sheet(data), "", styles), "a.xlsx");
    assert_eq!(texts(&book, 0), [(1, strings(&["+8613800138000", "2021.10", "5"]))]);
    let row = &book.sheets[0].rows[0];
    let numbers: Vec<bool> = row.cells.iter().map(Cell::was_number).collect();
    assert_eq!(numbers, [false, false, true]);
}
