//! Makes workbooks by hand, honest and hostile. Also built into the tests of `web`, which send them
//! through the front door.

use std::fmt::Write as _;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

pub(crate) const MAIN: &str = r#"xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships""#;

/// A container with these parts.
pub(crate) fn zip(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in parts {
        writer.start_file(*name, options).expect("a new entry");
        writer.write_all(bytes).expect("memory takes bytes");
    }
    writer.finish().expect("a finished archive").into_inner()
}

/// A workbook of one sheet; `data` is what stands inside `<sheetData>`.
pub(crate) fn xlsx(data: &str) -> Vec<u8> {
    xlsx_parts(&sheet(data), "", "")
}

/// The XML of a sheet around its rows.
pub(crate) fn sheet(data: &str) -> String {
    format!("<?xml version=\"1.0\"?><worksheet {MAIN}><sheetData>{data}</sheetData></worksheet>")
}

/// A workbook of one sheet part, a shared string part and a style part (empty for none).
pub(crate) fn xlsx_parts(sheet: &str, strings: &str, styles: &str) -> Vec<u8> {
    zip(&[
        ("xl/workbook.xml", workbook(&[("一", "")]).as_bytes()),
        ("xl/_rels/workbook.xml.rels", rels(1, !strings.is_empty(), !styles.is_empty()).as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
        ("xl/sharedStrings.xml", strings.as_bytes()),
        ("xl/styles.xml", styles.as_bytes()),
    ])
}

/// The workbook part with sheets of a name and further attributes.
pub(crate) fn workbook(sheets: &[(&str, &str)]) -> String {
    let mut xml = format!("<workbook {MAIN}><sheets>");
    for (index, (name, more)) in sheets.iter().enumerate() {
        let id = index + 1;
        write!(xml, r#"<sheet name="{name}" sheetId="{id}" r:id="rId{id}" {more}/>"#)
            .expect("text");
    }
    xml + "</sheets></workbook>"
}

/// The relations of the workbook part.
pub(crate) fn rels(sheets: usize, strings: bool, styles: bool) -> String {
    let kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let mut xml = String::from("<Relationships>");
    for id in 1..=sheets {
        let target = format!("worksheets/sheet{id}.xml");
        write!(xml, r#"<Relationship Id="rId{id}" Type="{kind}/worksheet" Target="{target}"/>"#)
            .expect("text");
    }
    for (wanted, name) in [(strings, "sharedStrings"), (styles, "styles")] {
        if wanted {
            write!(xml, r#"<Relationship Id="{name}" Type="{kind}/{name}" Target="{name}.xml"/>"#)
                .expect("text");
        }
    }
    xml + "</Relationships>"
}

/// A cell with inline text.
pub(crate) fn inline(address: &str, text: &str) -> String {
    format!(r#"<c r="{address}" t="inlineStr"><is><t>{text}</t></is></c>"#)
}

/// An OLE container with one stream of this name, as .xls files are.
pub(crate) fn ole(name: &str, stream: &[u8]) -> Vec<u8> {
    const END: u32 = 0xFFFF_FFFE;
    // At least 4096 bytes, so that it lies in ordinary sectors.
    let mut stream = stream.to_vec();
    stream.resize(stream.len().max(4096).next_multiple_of(512), 0);
    let sectors = u32::try_from(stream.len() / 512).expect("a small stream");
    let mut head = vec![0_u8; 512];
    head[..8].copy_from_slice(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1");
    head[24..34].copy_from_slice(&[0x3E, 0, 3, 0, 0xFE, 0xFF, 9, 0, 6, 0]);
    head[44..48].copy_from_slice(&1_u32.to_le_bytes());
    head[48..52].copy_from_slice(&1_u32.to_le_bytes());
    head[56..60].copy_from_slice(&4096_u32.to_le_bytes());
    head[60..64].copy_from_slice(&END.to_le_bytes());
    head[68..72].copy_from_slice(&END.to_le_bytes());
    head[76..].fill(0xFF);
    head[76..80].copy_from_slice(&0_u32.to_le_bytes());
    // Sector 0 is the FAT, 1 the directory, the stream follows.
    let mut fat = vec![0xFFFF_FFFD_u32, END];
    fat.extend((0..sectors).map(|at| if at + 1 == sectors { END } else { at + 3 }));
    fat.resize(128, 0xFFFF_FFFF);
    let fat = fat.into_iter().flat_map(u32::to_le_bytes);
    let length = u32::try_from(stream.len()).expect("a small stream");
    let mut directory = entry("Root Entry", 5, END, 0);
    directory.extend(entry(name, 2, 2, length));
    directory.resize(512, 0);
    head.into_iter().chain(fat).chain(directory).chain(stream).collect()
}

fn entry(name: &str, kind: u8, start: u32, length: u32) -> Vec<u8> {
    let mut entry = vec![0_u8; 128];
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    entry[..name.len()].copy_from_slice(&name);
    entry[64] = u8::try_from(name.len() + 2).expect("a short name");
    entry[66] = kind;
    entry[67] = 1;
    entry[68..80].fill(0xFF);
    entry[116..120].copy_from_slice(&start.to_le_bytes());
    entry[120..124].copy_from_slice(&length.to_le_bytes());
    entry
}

/// The stream of an .xls with one sheet `S` and numbers at (row, column), both from 0.
pub(crate) fn biff(cells: &[(u16, u16, f64)], encrypted: bool) -> Vec<u8> {
    let record = |id: u16, body: &[u8]| -> Vec<u8> {
        let length = u16::try_from(body.len()).expect("a short record");
        [&id.to_le_bytes()[..], &length.to_le_bytes(), body].concat()
    };
    let begin = |kind: u8| record(0x0809, &[0, 6, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let mut out = begin(5);
    if encrypted {
        out.extend(record(0x2F, &[1, 0, 1, 0, 1, 0]));
    }
    // BOUNDSHEET: offset of the sheet, visible worksheet, name.
    let offset = u32::try_from(out.len() + 4 + 9 + 4).expect("a small stream");
    out.extend(record(0x85, &[&offset.to_le_bytes()[..], &[0, 0, 1, 0, b'S']].concat()));
    out.extend(record(0x0A, &[]));
    out.extend(begin(0x10));
    for (row, column, value) in cells {
        let (row, column) = (row.to_le_bytes(), column.to_le_bytes());
        out.extend(record(0x203, &[&row[..], &column, &[0, 0], &value.to_le_bytes()].concat()));
    }
    out.extend(record(0x0A, &[]));
    out
}
