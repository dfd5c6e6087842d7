//! The data folder is the program's own: folder 0700, files 0600, from the moment they are made;
//! what an older version or a restored copy left open to others is closed at the start, and said.

use anyhow::{Context, Result};
use app::storage;
use std::path::Path;

/// Makes the folder, for its owner alone.
pub(super) fn folder(folder: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder).with_context(|| format!("making {}", folder.display()))
}

/// Makes the database's file before SQLite does (its log and index files take after it), and closes
/// what others may read.
pub(super) fn keep(folder: &Path, options: &storage::Options, creates: bool) -> Result<()> {
    let sqlite = !options.url.starts_with("postgres");
    let file = Path::new(&options.url);
    if creates && sqlite && !file.exists() {
        create_file(file).with_context(|| format!("making {}", options.url))?;
    }
    close(folder, folder)
}

fn create_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map(drop)
}

/// Closes the folder and everything that lies in it. It holds the keys, so it is the program's own. The key
/// file itself is left: keys that others could read are refused, not made to look well kept.
#[cfg(unix)]
fn close(top: &Path, path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let told = |path: &Path| format!("closing {} to others", path.display());
    let found = match std::fs::symlink_metadata(path) {
        // Another command folded SQLite's log away meanwhile.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        found => found.with_context(|| told(path))?,
    };
    if !(found.is_dir() || found.is_file()) {
        return Ok(());
    }
    let right = if found.is_dir() { 0o700 } else { 0o600 };
    if found.permissions().mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "was open to others; closed");
        std::fs::set_permissions(path, PermissionsExt::from_mode(right))
            .with_context(|| told(path))?;
    }
    if path == top {
        for entry in std::fs::read_dir(path).with_context(|| told(path))? {
            let entry = entry.with_context(|| told(path))?.path();
            if entry.file_name().is_none_or(|name| name != "keys.toml") {
                close(top, &entry)?;
            }
        }
    }
    Ok(())
}
#[cfg(not(unix))]
fn close(_: &Path, _: &Path) -> Result<()> {
    Ok(())
}
