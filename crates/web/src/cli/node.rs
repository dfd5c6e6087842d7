//! This program's name among the nodes: kept in the data folder, so that after a kill it is known
//! which jobs were its own. Programs that share a folder have a name each; a lock on its file says
//! that one lives, and ends with it however it ends.

use anyhow::{Context, Result, bail};
use app::clock::{Chance, SystemChance};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
    sync::OnceLock,
};

/// More programs than anybody runs on one folder.
const MOST: u32 = 32;

/// Who we are, and who of this folder runs no more.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) dead: Vec<String>,
}

/// Held until the program ends.
static HELD: OnceLock<File> = OnceLock::new();

/// Takes the first name that no living program has.
pub(super) fn take(folder: &Path) -> Result<Node> {
    let folder = folder.join("nodes");
    let mut maker = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
    maker
        .recursive(true)
        .create(&folder)
        .with_context(|| format!("making {}", folder.display()))?;
    let (mut own, mut dead) = (None, Vec::new());
    for number in 1..=MOST {
        let path = folder.join(number.to_string());
        if own.is_some() && !path.exists() {
            break;
        }
        let mut file = open(&path).with_context(|| format!("opening {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(e)) => return Err(e).context("locking the node's file"),
        }
        let name = name(&mut file, number)?;
        if own.is_none() {
            own = Some(name);
            drop(HELD.set(file));
        } else {
            dead.push(name);
        }
    }
    match own {
        Some(name) => Ok(Node { name, dead }),
        None => bail!("{MOST} programs run on this folder already"),
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The name in the file; a new one where there is none, or where the folder was copied from another
/// machine: two machines must never take each other's jobs.
fn name(file: &mut File, number: u32) -> Result<String> {
    let place = place(file)?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if let Some((name, stored)) = text.trim_end().split_once(' ')
        && stored == place
        && !name.is_empty()
    {
        return Ok(name.to_owned());
    }
    let mut mark = [0_u8; 8];
    SystemChance.fill(&mut mark);
    let name = format!("{:016x}-{number}", u64::from_be_bytes(mark));
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(format!("{name} {place}\n").as_bytes())?;
    file.sync_all()?;
    Ok(name)
}

/// Machine and file, as one word: a copy of the file has another one.
fn place(file: &File) -> Result<String> {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&file.metadata()?);
    #[cfg(not(unix))]
    let inode = {
        drop(file.metadata()?);
        0
    };
    Ok(format!("{}:{inode}", machine.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_a_restart_and_a_copy_of_its_file_has_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("1"), folder.path().join("2"));
        let first = name(&mut open(&one).unwrap(), 1).unwrap();
        assert_eq!(name(&mut open(&one).unwrap(), 1).unwrap(), first);
        std::fs::copy(&one, &two).unwrap();
        assert_ne!(name(&mut open(&two).unwrap(), 1).unwrap(), first);
    }
}
