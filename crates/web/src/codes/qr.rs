//! QR codes as inline SVG: one path of horizontal runs, a third of what a square for each dot takes.

use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write;

/// The markup of a square with `text`; empty when the text is too long for one.
pub(super) fn svg(text: &str, label: &str) -> String {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else {
        return String::new();
    };
    let width = code.width();
    let colors = code.to_colors();
    let mut path = String::new();
    for (y, row) in colors.chunks(width).enumerate() {
        let mut x = 0;
        while x < width {
            let dark = row[x..].iter().take_while(|c| **c == Color::Dark).count();
            if dark == 0 {
                x += 1;
                continue;
            }
            // Writing into a string does not fail.
            let _ = write!(path, "M{x} {y}h{dark}v1h-{dark}z");
            x += dark;
        }
    }
    let label = askama::filters::escape(label, askama::filters::Html)
        .map_or_else(|_| String::new(), |safe| safe.to_string());
    format!(
        "<svg class=\"qr\" viewBox=\"0 0 {width} {width}\" role=\"img\" aria-label=\"{label}\" shape-rendering=\"crispEdges\"><path d=\"{path}\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_becomes_one_small_path_and_its_label_is_escaped() {
        let made = svg("https://tuan.example.org/join/K7QM2RDX", "<b>");
        assert!(made.len() < 5000, "{}", made.len());
        assert!(made.contains("M0 0h7v1h-7z"), "the finder stands in the corner");
        assert!(!made.contains("<b>"));
    }
}
