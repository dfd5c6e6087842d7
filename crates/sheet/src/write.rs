//! Writes .xlsx row by row with constant memory: templates, exports, lists of refused rows.
//!
//! Cells are text or numbers, never formulas; text that looks like a formula carries the quote
//! prefix (security.md (a) 19), so that what is read back is what was written.

use crate::book::column_letters;
use crate::csv_out::is_formula_like;
use crate::looks::{Kind, Looks};
use rust_xlsxwriter::{
    DataValidation, DataValidationErrorStyle, Format, Formula, Workbook, Worksheet, XlsxError,
};
use std::io::{Seek, Write};
use std::path::Path;

/// Why a workbook could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// More rows than a sheet has (1,048,576), too long a text (32,767), a bad sheet name, a full disk.
    #[error("writing the workbook: {0}")]
    Xlsx(#[from] XlsxError),
    /// A row has more values than the sheet has columns.
    #[error("row {row} has more values than columns")]
    TooWide {
        /// 1-based.
        row: u32,
    },
}

/// One column of a sheet.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// Header text.
    pub title: String,
    /// Width in characters; a Chinese character takes two.
    pub width: f64,
    /// Format.
    pub kind: Kind,
    /// The header is shown as required.
    pub required: bool,
    /// Values offered in a drop-down list; empty for none.
    pub choices: Vec<String>,
    /// Short text shown while a cell of the column is selected (title ≤ 32, text ≤ 255 characters).
    pub prompt: Option<(String, String)>,
    /// Value of the example row.
    pub example: String,
}

impl Column {
    /// A column of plain values: title, width in characters, format.
    pub fn new(title: &str, width: f64, kind: Kind) -> Self {
        Self { title: title.to_owned(), width, kind, ..Self::default() }
    }
}

/// What a sheet looks like before its rows.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Name of the sheet, ≤ 31 characters, without `[]:*?/\`.
    pub name: String,
    /// Columns from A on.
    pub columns: Vec<Column>,
    /// A line over the header, merged over all columns; empty for none.
    pub note: String,
    /// A line at the foot of every printed page, cut to what Excel takes; empty for none.
    pub foot: String,
    /// Whether a row of [`Column::example`] follows the header.
    pub example: bool,
    /// Rows below the header that offer drop-down lists and prompts.
    pub choice_rows: u32,
}

/// A value of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'v> {
    /// Nothing.
    Empty,
    /// Text.
    Text(&'v str),
    /// Text on a coloured ground: the cell a reason speaks of.
    Marked(&'v str),
    /// A number; not-a-number and infinity are written as nothing.
    Number(f64),
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }
}

impl From<i64> for Value<'_> {
    /// A count; those of people and organisations stay far below 2^53, so no digit is lost.
    fn from(count: i64) -> Self {
        Self::Number(i32::try_from(count).map_or(count as f64, f64::from))
    }
}

/// A workbook being written.
pub struct Writer {
    book: Workbook,
    lists: Vec<Vec<String>>,
    looks: Looks,
}

/// The hidden sheet that long drop-down lists refer to.
const LIST_SHEET: &str = "字典";

/// Excel's limit for a list written into the cell rule itself, separators included.
const INLINE_LIST_CHARS: usize = 255;

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// An empty workbook. Rows go to temporary files in the system's folder for them.
    #[must_use]
    pub fn new() -> Self {
        Self { book: Workbook::new(), lists: Vec::new(), looks: Looks::new() }
    }

    /// A workbook of one sheet with these rows.
    ///
    /// # Errors
    /// As [`Writer::sheet`], [`SheetWriter::row`] and [`Writer::finish`].
    pub fn table<'a, const N: usize>(
        layout: &Layout,
        rows: impl IntoIterator<Item = [Value<'a>; N]>,
    ) -> Result<Vec<u8>, WriteError> {
        let mut book = Self::new();
        let mut table = book.sheet(layout)?;
        for row in rows {
            table.row(&row)?;
        }
        book.finish()
    }

    /// Like [`Writer::new`] with the temporary files in `folder`, which must exist.
    ///
    /// # Errors
    /// If no file can be made there.
    pub fn in_folder(folder: &Path) -> Result<Self, WriteError> {
        let mut writer = Self::new();
        writer.book.set_tempdir(folder)?;
        Ok(writer)
    }

    /// Adds a sheet: note, header, example and column rules are written at once, rows follow.
    ///
    /// # Errors
    /// A bad sheet name or a full disk.
    pub fn sheet(&mut self, layout: &Layout) -> Result<SheetWriter<'_>, WriteError> {
        let rules = self.rules(layout);
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        sheet.set_name(&layout.name)?;
        let kinds: Vec<Kind> = layout.columns.iter().map(|column| column.kind).collect();
        for (index, column) in (0..).zip(&layout.columns) {
            sheet.set_column_width(index, if column.width > 0.0 { column.width } else { 12.0 })?;
            sheet.set_column_format(index, self.looks.of(column.kind, false))?;
        }
        if !layout.foot.is_empty() {
            // `&` begins a command there; 255 characters are the most, two of them our own.
            let text: String = layout.foot.chars().filter(|c| *c != '&').take(250).collect();
            sheet.set_footer(format!("&L{text}"));
        }
        let mut writer = SheetWriter { sheet, looks: &self.looks, kinds, next: 0 };
        writer.head(layout)?;
        let first = writer.next;
        for (index, rule) in rules {
            let last = first.saturating_add(layout.choice_rows.max(1) - 1);
            writer.sheet.add_data_validation(first, index, last, index, &rule)?;
        }
        if layout.example {
            let values: Vec<Value<'_>> =
                layout.columns.iter().map(|column| Value::from(column.example.as_str())).collect();
            writer.row(&values)?;
        }
        Ok(writer)
    }

    /// What the file says of itself in its properties.
    ///
    /// # Errors
    /// None today.
    pub fn properties(
        &mut self,
        title: &str,
        author: &str,
        company: &str,
        comment: &str,
    ) -> Result<(), WriteError> {
        let said = rust_xlsxwriter::DocProperties::new()
            .set_title(title)
            .set_author(author)
            .set_company(company)
            .set_comment(comment);
        self.book.set_properties(&said);
        Ok(())
    }

    /// Adds a sheet of plain lines: the instructions.
    ///
    /// # Errors
    /// A bad sheet name or a full disk.
    pub fn notes(&mut self, name: &str, lines: &[&str]) -> Result<(), WriteError> {
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        sheet.set_column_width(0, 100)?;
        for (row, line) in (0..).zip(lines) {
            write_text(sheet, (row, 0), line, &self.looks.wrapped)?;
        }
        Ok(())
    }

    /// The finished workbook as bytes; for large ones use [`Writer::save`].
    ///
    /// # Errors
    /// A full disk, two sheets of one name.
    pub fn finish(mut self) -> Result<Vec<u8>, WriteError> {
        self.write_lists()?;
        Ok(self.book.save_to_buffer()?)
    }

    /// Writes the finished workbook to a file without holding it in memory.
    ///
    /// # Errors
    /// A full disk, two sheets of one name.
    pub fn save(mut self, path: &Path) -> Result<(), WriteError> {
        self.write_lists()?;
        self.book.save(path)?;
        Ok(())
    }

    /// Writes the finished workbook to anything that can seek.
    ///
    /// # Errors
    /// Those of `out`, two sheets of one name.
    pub fn write_to(mut self, out: impl Write + Seek + Send) -> Result<(), WriteError> {
        self.write_lists()?;
        self.book.save_to_writer(out)?;
        Ok(())
    }

    /// Drop-down lists and prompts by column index. Long lists are kept for the hidden sheet.
    fn rules(&mut self, layout: &Layout) -> Vec<(u16, DataValidation)> {
        let mut rules = Vec::new();
        for (index, column) in (0..).zip(&layout.columns) {
            if column.choices.is_empty() && column.prompt.is_none() {
                continue;
            }
            let mut rule = DataValidation::new();
            if !column.choices.is_empty() {
                // A warning only: the import says better what is wrong, and old words may be typed.
                rule = self.offer(rule, &column.choices);
                rule = rule.set_error_style(DataValidationErrorStyle::Warning);
            }
            if let Some((title, text)) = &column.prompt {
                rule = prompted(rule, title, text);
            }
            rules.push((index, rule));
        }
        rules
    }

    fn offer(&mut self, rule: DataValidation, choices: &[String]) -> DataValidation {
        let chars: usize = choices.iter().map(|choice| choice.encode_utf16().count() + 1).sum();
        let inline = chars <= INLINE_LIST_CHARS && !choices.iter().any(|c| c.contains([',', '"']));
        if inline && let Ok(rule) = rule.clone().allow_list_strings(choices) {
            return rule;
        }
        let known = self.lists.iter().position(|list| list == choices);
        let list = known.unwrap_or_else(|| {
            self.lists.push(choices.to_vec());
            self.lists.len() - 1
        });
        let letters = column_letters(u32::try_from(list + 1).unwrap_or(1));
        let range = format!("={LIST_SHEET}!${letters}$1:${letters}${}", choices.len());
        rule.allow_list_formula(Formula::new(range))
    }

    fn write_lists(&mut self) -> Result<(), WriteError> {
        let longest = self.lists.iter().map(Vec::len).max().unwrap_or(0);
        if longest == 0 {
            return Ok(());
        }
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        sheet.set_name(LIST_SHEET)?.set_hidden(true);
        // Row by row over all lists: constant memory cannot go back up.
        for index in 0..longest {
            for (column, list) in (0..).zip(&self.lists) {
                if let (Some(choice), Ok(row)) = (list.get(index), u32::try_from(index)) {
                    write_text(sheet, (row, column), choice, &self.looks.text)?;
                }
            }
        }
        Ok(())
    }
}

/// A sheet being filled from top to bottom.
pub struct SheetWriter<'w> {
    sheet: &'w mut Worksheet,
    looks: &'w Looks,
    kinds: Vec<Kind>,
    next: u32,
}

impl SheetWriter<'_> {
    /// Appends a row and returns its number as a person sees it. Missing values stay empty.
    ///
    /// # Errors
    /// More values than columns, more rows than a sheet has, too long a text, a full disk.
    pub fn row(&mut self, values: &[Value<'_>]) -> Result<u32, WriteError> {
        if values.len() > self.kinds.len() {
            return Err(WriteError::TooWide { row: self.next + 1 });
        }
        for ((index, value), kind) in (0..).zip(values).zip(&self.kinds) {
            let at = (self.next, index);
            match *value {
                Value::Empty => {}
                Value::Text(text) => {
                    let look = if *kind == Kind::Reason {
                        &self.looks.reason
                    } else {
                        self.looks.of(*kind, is_formula_like(text))
                    };
                    write_text(self.sheet, at, text, look)?;
                }
                Value::Marked(text) => write_text(self.sheet, at, text, &self.looks.marked)?,
                Value::Number(number) if number.is_finite() => {
                    self.sheet.write_number(at.0, at.1, number)?;
                }
                Value::Number(_) => {}
            }
        }
        self.next += 1;
        Ok(self.next)
    }

    fn head(&mut self, layout: &Layout) -> Result<(), WriteError> {
        if !layout.note.is_empty() {
            let last = u16::try_from(layout.columns.len().saturating_sub(1)).unwrap_or(0);
            if last > 0 {
                self.sheet.merge_range(0, 0, 0, last, &layout.note, &self.looks.wrapped)?;
            } else {
                write_text(self.sheet, (0, 0), &layout.note, &self.looks.wrapped)?;
            }
            // Merged cells do not grow with their text: one line of 16 points per line break.
            let lines = u32::try_from(layout.note.lines().count()).unwrap_or(1).clamp(1, 20);
            self.sheet.set_row_height(0, f64::from(lines) * 16.0 + 4.0)?;
            self.next = 1;
        }
        for (index, column) in (0..).zip(&layout.columns) {
            let look = if column.required { &self.looks.required } else { &self.looks.header };
            write_text(self.sheet, (self.next, index), &column.title, look)?;
        }
        self.next += 1;
        self.sheet.set_freeze_panes(self.next, 0)?;
        Ok(())
    }
}

/// Text that Excel limits is cut rather than refused: a prompt is help, not data.
fn prompted(rule: DataValidation, title: &str, text: &str) -> DataValidation {
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let plain = rule.clone();
    rule.set_input_title(cut(title, 32))
        .and_then(|rule| rule.set_input_message(cut(text, 255)))
        .unwrap_or(plain)
}

fn write_text(
    sheet: &mut Worksheet,
    at: (u32, u16),
    text: &str,
    look: &Format,
) -> Result<(), WriteError> {
    sheet.write_string_with_format(at.0, at.1, text, look)?;
    Ok(())
}
