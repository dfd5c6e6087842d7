//! Browser files embedded in the program: our own style and scripts beside the pinned packages,
//! named by content hash (so they may be cached for ever) and compressed ahead of time.
//! `web` serves them under `/assets/` and asks for their addresses in templates.

include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// One embedded file in the three forms that a browser may accept.
pub struct Asset {
    /// The name used in templates, e.g. `app.css`.
    pub name: &'static str,
    /// The address with the content hash, e.g. `/assets/app.1a2b3c4d5e6f.css`.
    pub path: &'static str,
    /// The value for `Content-Type`.
    pub mime: &'static str,
    /// The bytes as they are.
    pub raw: &'static [u8],
    /// The bytes for `Content-Encoding: br`.
    pub br: &'static [u8],
    /// The bytes for `Content-Encoding: gzip`.
    pub gz: &'static [u8],
}

/// The address of a file by its plain name, e.g. `url("app.css")`. An unknown name gives an address
/// that answers 404; a test of this crate reads all templates so that none gets that far.
pub fn url(name: &str) -> &'static str {
    TABLE.iter().find(|a| a.name == name).map_or("/assets/unknown", |a| a.path)
}

/// The file that a request path such as `/assets/app.1a2b3c4d5e6f.css` names.
pub fn find(path: &str) -> Option<&'static Asset> {
    TABLE.iter().find(|a| a.path == path)
}

/// The inline SVG of an icon, hidden from screen readers; the empty text for an unknown name
/// (kept out of templates by the same test).
pub fn icon(name: &str) -> &'static str {
    drawn(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    fn templates(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                templates(&path, found);
            } else if path.extension().is_some_and(|e| e == "html") {
                found.push(path);
            }
        }
    }

    /// The literal arguments of `call("…")` in a text.
    fn named<'a>(text: &'a str, call: &str) -> Vec<&'a str> {
        text.split(&format!("{call}(\""))
            .skip(1)
            .filter_map(|rest| rest.split_once('"').map(|(name, _)| name))
            .collect()
    }

    #[test]
    fn an_address_leads_back_to_its_file() {
        for name in ["app.css", "app.js", "ime.js", "htmx.js", "favicon.svg"] {
            assert_eq!(find(url(name)).map(|a| a.name), Some(name));
        }
        assert!(find("/assets/app.css").is_none(), "only the hashed address answers");
    }

    #[test]
    fn compressed_forms_hold_the_same_bytes() {
        use std::io::Read;
        for asset in TABLE {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(asset.gz).read_to_end(&mut plain).unwrap();
            assert_eq!(plain, asset.raw, "{} gz", asset.name);
            let mut plain = Vec::new();
            brotli::BrotliDecompress(&mut &asset.br[..], &mut plain).unwrap();
            assert_eq!(plain, asset.raw, "{} br", asset.name);
        }
    }

    #[test]
    fn style_and_scripts_stay_within_their_budget() {
        let gz = |name| find(url(name)).unwrap().gz.len();
        assert!(gz("app.css") <= 30 * 1024);
        assert!(gz("app.js") + gz("ime.js") <= 8 * 1024);
        assert!(gz("app.js") + gz("ime.js") + gz("htmx.js") <= 25 * 1024);
    }

    #[test]
    fn templates_name_only_files_and_icons_that_exist() {
        let mut files = Vec::new();
        templates(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/templates"), &mut files);
        assert!(!files.is_empty());
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for name in named(&text, "asset") {
                assert_ne!(url(name), "/assets/unknown", "{name} in {}", file.display());
            }
            for name in named(&text, "icon") {
                assert_ne!(icon(name), "", "icon {name} in {}", file.display());
            }
        }
    }

    #[test]
    fn own_style_needs_nothing_newer_than_chromium_109() {
        let css = std::str::from_utf8(find(url("app.css")).unwrap().raw).unwrap();
        for too_new in ["color-mix(", "oklch(", "@scope", "subgrid", "popover", "&:", "& ."] {
            assert!(!css.contains(too_new), "{too_new}");
        }
        assert!(!css.contains("url("), "no further requests, no third hosts");
    }
}
