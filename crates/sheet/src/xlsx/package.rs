//! The zip container of an .xlsx: which part is which, and how to open one.

use super::{Xml, attribute};
use crate::meter::Meter;
use crate::{Found, Limits, ReadError};
use quick_xml::events::Event;
use std::collections::HashMap;
use std::io::{BufReader, Cursor};
use std::rc::Rc;
use zip::ZipArchive;
use zip::read::ZipFile;

type Part<'p, 'b> = Xml<BufReader<ZipFile<'p, Cursor<&'b [u8]>>>>;

/// An opened container.
pub(super) struct Package<'b> {
    archive: ZipArchive<Cursor<&'b [u8]>>,
    /// Entry index by lower-case name with `/`.
    names: HashMap<String, usize>,
    meter: Rc<Meter>,
}

impl<'b> Package<'b> {
    pub(super) fn open(
        bytes: &'b [u8],
        limits: &Limits,
        meter: Rc<Meter>,
    ) -> Result<Self, ReadError> {
        // Counted before the library builds its table of entries.
        let entries = bytes.windows(4).filter(|window| window == b"PK\x01\x02").count();
        if entries > limits.parts {
            return Err(ReadError::TooBig);
        }
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| ReadError::Damaged)?;
        let names: HashMap<String, usize> = (0..archive.len())
            .filter_map(|index| Some((plain(&archive.name_for_index(index)?.ok()?), index)))
            .collect();
        let package = Self { archive, names, meter };
        package.refuse_other_kinds()?;
        Ok(package)
    }

    /// Opens a part by its normalised name.
    pub(super) fn xml(&mut self, part: &str) -> Result<Part<'_, 'b>, ReadError> {
        let index = *self.names.get(part).ok_or(ReadError::Damaged)?;
        let encrypted = self.archive.by_index_data(index).is_ok_and(|entry| entry.encrypted());
        if encrypted {
            return Err(ReadError::Encrypted);
        }
        let file = self.archive.by_index(index).map_err(|_| ReadError::Damaged)?;
        Ok(Xml::new(BufReader::with_capacity(32 * 1024, file), &self.meter))
    }

    /// Where the workbook itself is.
    pub(super) fn main_part(&mut self) -> Result<String, ReadError> {
        let usual = "xl/workbook.xml".to_owned();
        if self.names.contains_key(&usual) {
            return Ok(usual);
        }
        let found = self.rels_of("")?.by_kind("officeDocument").ok_or(ReadError::Damaged)?;
        Ok(found)
    }

    /// The relations of a part; none if it has no such file.
    pub(super) fn rels_of(&mut self, part: &str) -> Result<Rels, ReadError> {
        let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
        let path = plain(&format!("{folder}/_rels/{name}.rels"));
        let mut rels = Rels { all: Vec::new() };
        if !self.names.contains_key(&path) {
            return Ok(rels);
        }
        let mut xml = self.xml(&path)?;
        loop {
            match xml.next()? {
                Event::Start(tag) | Event::Empty(tag)
                    if tag.local_name().as_ref() == "Relationship" =>
                {
                    let get = |name| attribute(&tag, name).unwrap_or_default();
                    let kind = get("Type").rsplit('/').next().unwrap_or_default().to_owned();
                    rels.all.push(Rel {
                        id: get("Id"),
                        kind,
                        part: resolve(folder, &get("Target")),
                    });
                }
                Event::Eof => return Ok(rels),
                _ => {}
            }
        }
    }

    fn refuse_other_kinds(&self) -> Result<(), ReadError> {
        let has = |name: &str| self.names.contains_key(name);
        let found = if has("word/document.xml") || has("ppt/presentation.xml") {
            Found::Document
        } else if has("content.xml") {
            Found::OpenDocument
        } else if has("xl/workbook.bin") || has("index/document.iwa") {
            Found::OtherWorkbook
        } else if self.names.keys().any(|name| name.starts_with("xl/")) || has("_rels/.rels") {
            return Ok(());
        } else {
            Found::Archive
        };
        Err(ReadError::NotAWorkbook { found })
    }
}

struct Rel {
    id: String,
    kind: String,
    part: String,
}

/// The relations of one part.
pub(super) struct Rels {
    all: Vec<Rel>,
}

impl Rels {
    /// The part a relation of this kind points to.
    pub(super) fn by_kind(&self, kind: &str) -> Option<String> {
        self.all.iter().find(|rel| rel.kind == kind).map(|rel| rel.part.clone())
    }

    /// The worksheet of this relation id.
    pub(super) fn worksheet(&self, id: &str) -> Option<String> {
        let is_it = |rel: &&Rel| rel.id == id && rel.kind == "worksheet";
        self.all.iter().find(is_it).map(|rel| rel.part.clone())
    }
}

fn resolve(folder: &str, target: &str) -> String {
    if target.starts_with(['/', '\\']) {
        return plain(target);
    }
    let mut steps: Vec<&str> = folder.split('/').collect();
    for step in target.split(['/', '\\']) {
        match step {
            "." => {}
            ".." => {
                steps.pop();
            }
            _ => steps.push(step),
        }
    }
    plain(&steps.join("/"))
}

/// Some writers use backslashes, a leading slash or other case.
fn plain(name: &str) -> String {
    name.replace('\\', "/").trim_start_matches('/').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_resolved_like_paths() {
        assert_eq!(resolve("xl", "worksheets/Sheet1.xml"), "xl/worksheets/sheet1.xml");
        assert_eq!(resolve("xl", "/xl/styles.xml"), "xl/styles.xml");
        assert_eq!(resolve("xl", "../xl/./a.xml"), "xl/a.xml");
        assert_eq!(resolve("", "xl/workbook.xml"), "xl/workbook.xml");
    }
}
