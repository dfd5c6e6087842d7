//! The few cell formats of the workbooks we write. Used by the writer only.

use rust_xlsxwriter::{Format, FormatAlign, FormatBorder};

/// How a column is formatted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// As the spreadsheet likes.
    #[default]
    General,
    /// Text, so that long digits stay whole when people type them.
    Text,
    /// Wrapped text on a coloured ground where it is filled: the reason a row was refused.
    Reason,
}

/// The few formats there are.
pub(crate) struct Looks {
    pub(crate) general: Format,
    pub(crate) general_quoted: Format,
    pub(crate) text: Format,
    pub(crate) text_quoted: Format,
    pub(crate) header: Format,
    pub(crate) required: Format,
    pub(crate) wrapped: Format,
    pub(crate) reason: Format,
    pub(crate) marked: Format,
}

impl Looks {
    pub(crate) fn new() -> Self {
        let text = Format::new().set_num_format("@");
        let quoted = text.clone().set_quote_prefix();
        let header = quoted
            .clone()
            .set_bold()
            .set_align(FormatAlign::Center)
            .set_border(FormatBorder::Thin)
            .set_background_color(0xF1_F3_F5_u32);
        let wrapped = quoted.clone().set_text_wrap().set_align(FormatAlign::VerticalCenter);
        Self {
            general: Format::new(),
            general_quoted: Format::new().set_quote_prefix(),
            required: header.clone().set_font_color(0xC8_10_2E_u32),
            reason: wrapped
                .clone()
                .set_background_color(0xFF_F3_BF_u32)
                .set_font_color(0xA6_1E_4D_u32),
            marked: quoted.clone().set_background_color(0xFF_E3_E3_u32),
            text,
            text_quoted: quoted,
            header,
            wrapped,
        }
    }

    pub(crate) fn of(&self, kind: Kind, quoted: bool) -> &Format {
        match (kind, quoted) {
            (Kind::General, false) => &self.general,
            (Kind::General, true) => &self.general_quoted,
            (Kind::Text | Kind::Reason, false) => &self.text,
            (Kind::Text | Kind::Reason, true) => &self.text_quoted,
        }
    }
}
