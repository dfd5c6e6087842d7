//! The shared string table. Its announced counts are never believed.

use super::{Sink, Xml, take_text};
use crate::{Limits, ReadError};
use quick_xml::events::Event;
use std::io::BufRead;

/// All shared strings in one buffer.
#[derive(Default)]
pub(super) struct Strings {
    text: String,
    spans: Vec<Span>,
}

/// Where one string lies; `None` for one longer than a cell may be.
type Span = Option<(u32, u32)>;

/// A shared string as a cell refers to it.
pub(super) enum Found<'s> {
    Text(&'s str),
    TooLong,
}

impl Strings {
    pub(super) fn get(&self, index: usize) -> Option<Found<'_>> {
        match self.spans.get(index)? {
            Some((start, end)) => self.text.get(*start as usize..*end as usize).map(Found::Text),
            None => Some(Found::TooLong),
        }
    }

    fn add(&mut self, text: Option<&str>, limits: &Limits) -> Result<(), ReadError> {
        if self.spans.len() >= limits.cells {
            return Err(ReadError::TooBig);
        }
        let Some(text) = text else {
            self.spans.push(None);
            return Ok(());
        };
        let start = self.text.len();
        if start + text.len() > limits.text_bytes {
            return Err(ReadError::TooBig);
        }
        self.text.push_str(text);
        let at = |offset| u32::try_from(offset).map_err(|_| ReadError::TooBig);
        self.spans.push(Some((at(start)?, at(self.text.len())?)));
        Ok(())
    }
}

pub(super) fn read<R: BufRead>(xml: &mut Xml<R>, limits: &Limits) -> Result<Strings, ReadError> {
    let mut strings = Strings::default();
    let mut sink = Sink::new(limits.cell_chars);
    let (mut in_text, mut phonetic) = (false, false);
    loop {
        match xml.next()? {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "si" => sink.clear(),
                // Reading aids over Japanese text are no part of it.
                "rPh" => phonetic = true,
                "t" => in_text = !phonetic,
                _ => {}
            },
            Event::Empty(tag) if tag.local_name().as_ref() == "si" => {
                strings.add(Some(""), limits)?
            }
            Event::End(tag) => match tag.local_name().as_ref() {
                "si" => strings.add(sink.finished().as_deref(), limits)?,
                "rPh" => phonetic = false,
                "t" => in_text = false,
                _ => {}
            },
            Event::Eof => return Ok(strings),
            event if in_text => take_text(&event, &mut sink)?,
            _ => {}
        }
    }
}
