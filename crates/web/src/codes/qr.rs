//! QR codes as inline pictures: a bitmap of one bit a dot, a tenth of what drawn squares would take.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use qrcode::{Color, EcLevel, QrCode};

/// Light dots around the code, which readers need.
const EDGE: usize = 2;

/// The markup of a square with `text`; empty when the text is too long for one.
pub(super) fn picture(text: &str, label: &str) -> String {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else {
        return String::new();
    };
    let dots = code.to_colors();
    let rows: Vec<&[Color]> = dots.chunks(code.width().max(1)).collect();
    let label = askama::filters::escape(label, askama::filters::Html)
        .map_or_else(|_| String::new(), |safe| safe.to_string());
    let bits = STANDARD.encode(bitmap(&rows));
    format!("<img class=\"qr\" alt=\"{label}\" src=\"data:image/bmp;base64,{bits}\">")
}

/// A file of the BMP format: two colours, rows from the bottom up, each filled to four bytes.
fn bitmap(rows: &[&[Color]]) -> Vec<u8> {
    const HEAD: u32 = 14 + 40 + 8;
    let side = rows.len() + 2 * EDGE;
    let stride = side.div_ceil(32) * 4;
    let number = |n: usize| u32::try_from(n).unwrap_or(0);
    let mut file = Vec::with_capacity(62 + stride * side);
    file.extend(b"BM");
    for word in [HEAD + number(stride * side), 0, HEAD, 40, number(side), number(side)] {
        file.extend(word.to_le_bytes());
    }
    // One plane, one bit a dot; nothing packed, the sizes as they come.
    file.extend([1, 0, 1, 0]);
    for word in [0, number(stride * side), 0, 0, 2, 2, 0x00ff_ffff, 0] {
        file.extend(u32::to_le_bytes(word));
    }
    let blank: &[Color] = &[];
    let edge = [blank; EDGE];
    for row in edge.iter().chain(rows.iter().rev()).chain(&edge) {
        let mut line = vec![0_u8; stride];
        for (x, _) in row.iter().enumerate().filter(|(_, dot)| **dot == Color::Dark) {
            if let Some(byte) = line.get_mut((x + EDGE) / 8) {
                *byte |= 0x80 >> ((x + EDGE) % 8);
            }
        }
        file.extend(line);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_becomes_one_small_picture_and_its_label_is_escaped() {
        let made = picture("https://tuan.example.org/join/K7QM2RDX", "<b>");
        assert!(made.len() < 600, "{}", made.len());
        assert!(!made.contains("<b>"));
    }

    #[test]
    fn the_bitmap_shows_the_finder_in_its_corner_and_light_around_it() {
        let code = QrCode::with_error_correction_level(
            "https://tuan.example.org/join/K7QM2RDX",
            EcLevel::M,
        )
        .expect("short enough");
        let dots = code.to_colors();
        let rows: Vec<&[Color]> = dots.chunks(code.width()).collect();
        let file = bitmap(&rows);
        let side = code.width() + 2 * EDGE;
        let stride = side.div_ceil(32) * 4;
        assert_eq!(file.len(), 62 + stride * side);
        // Rows stand from the bottom up: the last two are the edge, the finder's bar is before them.
        let line = |from_top: usize| &file[62 + stride * (side - 1 - from_top)..][..stride];
        assert!(line(0).iter().chain(line(1)).all(|byte| *byte == 0));
        assert_eq!(line(2)[0], 0b0011_1111);
        assert_eq!(line(2)[1] & 0b1100_0000, 0b1000_0000);
    }
}
