//! XML from a zip entry, with every inflated byte counted while it is read.
//! Used by the .xlsx reader only.

use crate::{Limits, ReadError};
use quick_xml::events::Event;
use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// Bytes that may still be inflated; shared by all parts of one workbook.
pub(crate) struct Meter {
    left: Cell<u64>,
    event_left: Cell<u64>,
    event_bytes: u64,
    tripped: Cell<bool>,
}

impl Meter {
    pub(crate) fn new(limits: &Limits) -> Rc<Self> {
        Rc::new(Self {
            left: Cell::new(limits.inflated_bytes),
            event_left: Cell::new(limits.xml_event_bytes),
            event_bytes: limits.xml_event_bytes,
            tripped: Cell::new(false),
        })
    }

    fn spend(&self, bytes: u64) {
        for account in [&self.left, &self.event_left] {
            match account.get().checked_sub(bytes) {
                Some(rest) => account.set(rest),
                None => self.tripped.set(true),
            }
        }
    }
}

/// A reader that fails once its [`Meter`] is used up.
struct Metered<R> {
    inner: R,
    meter: Rc<Meter>,
}

impl<R: BufRead> Read for Metered<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(out.len());
        out[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Metered<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.meter.tripped.get() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.meter.spend(count as u64);
        self.inner.consume(count);
    }
}

/// Nesting deeper than any real part of a workbook; the parser keeps all open names.
const MAX_DEPTH: u32 = 64;

/// Pull parser over one part: no document type, bounded depth, bounded events.
pub(crate) struct Xml<R: BufRead> {
    reader: quick_xml::Reader<Metered<R>>,
    buffer: Vec<u8>,
    depth: u32,
    meter: Rc<Meter>,
}

impl<R: BufRead> Xml<R> {
    pub(crate) fn new(inner: R, meter: &Rc<Meter>) -> Self {
        let metered = Metered { inner, meter: Rc::clone(meter) };
        let reader = quick_xml::Reader::from_reader(metered);
        Self { reader, buffer: Vec::new(), depth: 0, meter: Rc::clone(meter) }
    }

    /// The next event; [`Event::Eof`] only after the whole part was inflated and its checksum held.
    pub(crate) fn next(&mut self) -> Result<Event<'_>, ReadError> {
        self.meter.event_left.set(self.meter.event_bytes);
        self.buffer.clear();
        let event = match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => event,
            Err(_) if self.meter.tripped.get() => return Err(ReadError::TooBig),
            Err(_) => return Err(ReadError::Damaged),
        };
        match event {
            Event::DocType(_) => return Err(ReadError::Damaged),
            Event::Start(_) if self.depth >= MAX_DEPTH => return Err(ReadError::Damaged),
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            Event::Eof if self.depth > 0 => return Err(ReadError::Damaged),
            _ => {}
        }
        Ok(event)
    }
}
