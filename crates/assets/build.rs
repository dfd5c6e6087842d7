//! Gathers the browser files (htmx and icons from `node_modules`, our own from `static/`), names
//! them by content hash, compresses them ahead of time and writes the table that `lib.rs` includes.
//! Never touches the network: `cargo xtask setup` puts `node_modules` there (decision 20).

use sha2::{Digest, Sha256};
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Files taken from packages: (our name, path below `node_modules`).
const PACKAGED: &[(&str, &str)] = &[("htmx.js", "htmx.org/dist/htmx.min.js")];

/// Own files in `static/`; anything else there (the README) is for people.
const OWN: &[&str] = &["app.css", "app.js", "forms.js", "ime.js", "favicon.svg"];

/// The line icons that pages may use, by their name in the icon package.
const ICONS: &[&str] = &[
    "alert-circle",
    "alert-triangle",
    "arrow-back-up",
    "arrow-left",
    "arrow-right",
    "bell",
    "book",
    "briefcase",
    "building",
    "calendar-event",
    "certificate",
    "chart-bar",
    "check",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "circle-check",
    "clock",
    "copy",
    "dots",
    "download",
    "edit",
    "external-link",
    "eye",
    "file-import",
    "filter",
    "help-circle",
    "history",
    "home",
    "hourglass",
    "id",
    "info-circle",
    "key",
    "list-check",
    "lock",
    "logout",
    "mail",
    "menu-2",
    "message",
    "palette",
    "phone",
    "plus",
    "printer",
    "qrcode",
    "refresh",
    "school",
    "search",
    "send",
    "settings",
    "shield",
    "sitemap",
    "switch-horizontal",
    "trash",
    "upload",
    "user",
    "user-plus",
    "users",
    "x",
];

fn main() {
    if let Err(problem) = gather() {
        // Cargo shows this line as the error of the crate, without a backtrace.
        let mut out = std::io::stdout();
        let _ = writeln!(out, "cargo::error={problem}");
        std::process::exit(1);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a build script learns its folders from Cargo this way"
)]
fn gather() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let packages = here.join("../../node_modules");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    watch(&here.join("build.rs"))?;
    // The marker that `npm ci` writes last: it exists when the set-up is complete, and it changes
    // with the lock file. Watching it also wakes this script when the files appear.
    let marker = packages.join(".package-lock.json");
    watch(&marker)?;
    if !marker.exists() {
        return Err("browser assets are missing: run `cargo xtask setup`".into());
    }

    let mut table = String::from("pub(crate) static TABLE: &[Asset] = &[\n");
    for (name, path) in PACKAGED {
        table += &embed(name, &packages.join(path), &out)?;
    }
    for name in OWN {
        table += &embed(name, &here.join("static").join(name), &out)?;
    }
    table +=
        "];\n\npub(crate) fn drawn(name: &str) -> Option<&'static str> {\n    Some(match name {\n";
    for name in ICONS {
        let svg = icon(&packages.join(format!("@tabler/icons/icons/outline/{name}.svg")))?;
        writeln!(table, "        {name:?} => {svg:?},")?;
    }
    table += "        _ => return None,\n    })\n}\n";
    fs::write(out.join("table.rs"), table)?;
    Ok(())
}

/// Asks Cargo to run this script again only when `file` changes.
fn watch(file: &Path) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "cargo::rerun-if-changed={}", file.display())
}

fn read(file: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    watch(file)?;
    fs::read(file).map_err(|e| {
        format!("{}: {e}; if a package is missing run `cargo xtask setup`", file.display()).into()
    })
}

/// Writes the three forms of one file into `OUT_DIR` and returns its line of the table.
fn embed(name: &str, source: &Path, out: &Path) -> Result<String, Box<dyn Error>> {
    let raw = read(source)?;
    let (stem, kind) = name.rsplit_once('.').ok_or("an asset needs an extension")?;
    let mime = match kind {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        other => return Err(format!("no media type known for .{other}").into()),
    };
    let mut hash = String::new();
    for byte in Sha256::digest(&raw).iter().take(6) {
        write!(hash, "{byte:02x}")?;
    }
    let file = format!("{stem}.{hash}.{kind}");

    let mut br = Vec::new();
    let best = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    brotli::BrotliCompress(&mut raw.as_slice(), &mut br, &best)?;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(&raw)?;

    fs::write(out.join(&file), &raw)?;
    fs::write(out.join(format!("{file}.br")), br)?;
    fs::write(out.join(format!("{file}.gz")), gz.finish()?)?;
    let bytes =
        |suffix: &str| format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}{suffix}\"))");
    Ok(format!(
        "    Asset {{ name: {name:?}, path: \"/assets/{file}\", mime: {mime:?}, raw: {}, br: {}, gz: {} }},\n",
        bytes(""),
        bytes(".br"),
        bytes(".gz"),
    ))
}

/// Keeps the strokes of a package icon and gives them our own frame: 20 px, 1.5 px lines, coloured
/// by the text around it, and hidden from screen readers because a word always stands beside it.
fn icon(file: &Path) -> Result<String, Box<dyn Error>> {
    let svg = String::from_utf8(read(file)?)?;
    let inner = svg
        .split_once("<svg")
        .and_then(|(_, rest)| rest.split_once('>'))
        .and_then(|(_, rest)| rest.rsplit_once("</svg>"))
        .map(|(inner, _)| inner)
        .ok_or_else(|| format!("{} is not an SVG file", file.display()))?;
    let strokes: String =
        inner.lines().map(str::trim).filter(|line| !line.contains("stroke=\"none\"")).collect();
    Ok(format!(
        "<svg class=\"icon\" aria-hidden=\"true\" focusable=\"false\" width=\"20\" height=\"20\" \
         viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.5\" \
         stroke-linecap=\"round\" stroke-linejoin=\"round\">{strokes}</svg>"
    ))
}
