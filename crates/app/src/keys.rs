//! Keys and what is done with them: ciphertext for personal data, blind indexes to find it,
//! keyed hashes for the audit book and for codes. The keys live in a file outside the database.
//!
//! A ciphertext is `version(1) | algorithm(1) | key id(2) | nonce(12) | text and tag`, bound to its
//! table, column and row, so that swapping two rows is an error and not another person.

use crate::clock::Chance;
use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};
use zeroize::Zeroizing;

const FORMAT: u8 = 1;
const AES_256_GCM: u8 = 1;

/// Why the keys can't be used; the program refuses to start.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key file {0} is missing; without it nothing stored can be read")]
    Missing(String),
    #[error("the key file {0} may be read by others; run: chmod 600 {0}")]
    Open(String),
    #[error("the key file can't be read: {0}")]
    Unreadable(String),
    #[error("these are not the keys that this database was written with")]
    NotOurs,
    #[error("a ciphertext does not open: wrong key {0}, wrong row, or damaged")]
    Sealed(u16),
}

/// The file: rings of keys by their numbers. Which ring is written with stands in the database
/// ([`crate::keyring`]), so that all nodes change over at one moment.
#[derive(Serialize, Deserialize)]
struct File {
    data: BTreeMap<String, String>,
    index: BTreeMap<String, String>,
    audit: String,
    code: String,
}

struct Cipher {
    id: u16,
    cipher: Aes256Gcm,
}
struct IndexKey {
    version: i64,
    key: Zeroizing<Vec<u8>>,
}

/// The opened keys. The file is read again while the program runs, so a new ring needs no restart.
pub struct Keys {
    path: PathBuf,
    rings: RwLock<Arc<Rings>>,
    in_use: AtomicI64,
}

/// What the file held when it was read last, each list in the order of the rings' numbers.
struct Rings {
    data: Vec<Cipher>,
    index: Vec<IndexKey>,
    audit: Zeroizing<Vec<u8>>,
    code: Zeroizing<Vec<u8>>,
}

/// Where a ciphertext belongs; part of what is authenticated.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// `table.column`.
    pub column: &'static str,
    /// The row's id.
    pub row: i64,
}

impl Keys {
    /// Writes a new key file that only its owner may read. Refuses to overwrite one.
    pub fn create(path: &Path, chance: &dyn Chance) -> Result<(), KeyError> {
        let fresh = || {
            let mut bytes = Zeroizing::new([0_u8; 32]);
            chance.fill(bytes.as_mut());
            BASE64_STANDARD.encode(bytes.as_ref())
        };
        let file = File {
            data: BTreeMap::from([("1".into(), fresh())]),
            index: BTreeMap::from([("1".into(), fresh())]),
            audit: fresh(),
            code: fresh(),
        };
        store(path, &file, true)
    }

    /// Adds a ring (a new data key and a new index key) to the file and returns its number. Nothing is
    /// written with it before [`crate::keyring::put_in_use`] says so.
    pub fn rotate(path: &Path, chance: &dyn Chance) -> Result<u16, KeyError> {
        let mut file = load(path)?;
        let numbers = file.data.keys().chain(file.index.keys());
        let next = numbers.filter_map(|k| k.parse::<u16>().ok()).max().unwrap_or(0) + 1;
        for ring in [&mut file.data, &mut file.index] {
            let mut bytes = Zeroizing::new([0_u8; 32]);
            chance.fill(bytes.as_mut());
            ring.insert(next.to_string(), BASE64_STANDARD.encode(bytes.as_ref()));
        }
        store(path, &file, false)?;
        Ok(next)
    }

    /// Reads the key file, refusing one that others may read. The newest ring counts as the one in
    /// use until the database has been asked.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        let rings = Rings::read(path)?;
        let newest = rings.newest();
        Ok(Self {
            path: path.to_owned(),
            rings: RwLock::new(Arc::new(rings)),
            in_use: AtomicI64::new(newest),
        })
    }

    /// Reads the file again. What it said before stays in force when it can't be read or belongs to
    /// another database.
    pub fn reload(&self) -> Result<(), KeyError> {
        let read = Rings::read(&self.path)?;
        if *read.audit != *self.rings().audit || *read.code != *self.rings().code {
            return Err(KeyError::NotOurs);
        }
        *self.rings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(read);
        Ok(())
    }

    /// The number of the newest ring in the file.
    pub fn newest_ring(&self) -> i64 {
        self.rings().newest()
    }

    /// The number of the ring that is written with.
    pub fn ring_in_use(&self) -> i64 {
        self.in_use.load(Ordering::Acquire)
    }

    /// Writes with this ring from now on.
    pub(crate) fn use_ring(&self, number: i64) {
        self.in_use.store(number, Ordering::Release);
    }

    /// Whether the ring in use is in our file; a node without it may read but not write.
    pub fn has_ring_in_use(&self) -> bool {
        let in_use = self.ring_in_use();
        self.rings().index.iter().any(|k| k.version == in_use)
    }

    fn rings(&self) -> Arc<Rings> {
        self.rings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A mark of these keys, stored in the database, that tells whether they belong together.
    pub fn mark(&self) -> String {
        BASE64_STANDARD.encode(&mac(&self.rings().audit, &[b"tuanjian key mark"])[..12])
    }

    /// Encrypts `text` for its place with the ring in use.
    pub fn seal(&self, place: Place, text: &str, chance: &dyn Chance) -> Vec<u8> {
        let rings = self.rings();
        let key = rings.data_key(self.ring_in_use());
        let mut nonce = [0_u8; 12];
        chance.fill(&mut nonce);
        let aad = aad(place);
        let payload = Payload { msg: text.as_bytes(), aad: &aad };
        let body = key
            .cipher
            .encrypt(&Nonce::from(nonce), payload)
            .expect("AES-GCM refuses only texts of 64 GiB");
        let mut out = Vec::with_capacity(16 + body.len());
        out.extend([FORMAT, AES_256_GCM]);
        out.extend(key.id.to_be_bytes());
        out.extend(nonce);
        out.extend(body);
        out
    }

    /// Decrypts what [`Keys::seal`] made for the same place.
    pub fn unseal(&self, place: Place, sealed: &[u8]) -> Result<Zeroizing<String>, KeyError> {
        let rings = self.rings();
        let key = rings.key_of(sealed)?;
        let wrong = || KeyError::Sealed(key.id);
        let nonce: [u8; 12] =
            sealed.get(4..16).and_then(|n| n.try_into().ok()).ok_or_else(wrong)?;
        let aad = aad(place);
        let payload = Payload { msg: &sealed[16..], aad: &aad };
        let plain = key.cipher.decrypt(&Nonce::from(nonce), payload).map_err(|_| wrong())?;
        String::from_utf8(plain).map(Zeroizing::new).map_err(|_| wrong())
    }

    /// Whether a ciphertext was made with the ring in use.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        let rings = self.rings();
        rings.key_of(sealed).is_ok_and(|k| k.id == rings.data_key(self.ring_in_use()).id)
    }

    /// Encrypts anew, with the ring in use, what [`Keys::seal`] made for the same place; `None` when
    /// that was done already.
    pub fn reseal(
        &self,
        place: Place,
        sealed: &[u8],
        chance: &dyn Chance,
    ) -> Result<Option<Vec<u8>>, KeyError> {
        if self.is_current(sealed) {
            return Ok(None);
        }
        Ok(Some(self.seal(place, &self.unseal(place, sealed)?, chance)))
    }

    /// The blind index of a value under the ring in use, with that ring's number.
    pub fn index(&self, column: &str, value: &str) -> (Vec<u8>, i64) {
        let rings = self.rings();
        let key = rings.index_key(self.ring_in_use());
        (blind(key, column, value), key.version)
    }

    /// The blind indexes under every ring: what to look for while keys are being changed.
    pub fn indexes(&self, column: &str, value: &str) -> Vec<(Vec<u8>, i64)> {
        let blind = |k: &IndexKey| (blind(k, column, value), k.version);
        self.rings().index.iter().map(blind).collect()
    }

    /// The number of the ring that [`Keys::index`] uses.
    pub fn index_version(&self) -> i64 {
        self.rings().index_key(self.ring_in_use()).version
    }

    /// A keyed hash for the audit book.
    pub fn audit_mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.rings().audit, parts)
    }

    /// A keyed hash for codes, tokens and sessions: what is stored instead of them.
    pub fn code_hash(&self, purpose: &str, code: &str) -> [u8; 32] {
        mac(&self.rings().code, &[purpose.as_bytes(), code.as_bytes()])
    }
}

impl Rings {
    fn read(path: &Path) -> Result<Self, KeyError> {
        let file = load(path)?;
        let bytes = |text: &String| {
            BASE64_STANDARD
                .decode(text)
                .ok()
                .filter(|b| b.len() == 32)
                .map(Zeroizing::new)
                .ok_or_else(|| KeyError::Unreadable("a key is not 32 bytes of base64".into()))
        };
        let number = |text: &String| {
            text.parse::<u16>().map_err(|_| KeyError::Unreadable("a key has no number".into()))
        };
        let mut data = Vec::new();
        for (id, key) in &file.data {
            let cipher = Aes256Gcm::new_from_slice(&bytes(key)?)
                .map_err(|_| KeyError::Unreadable("a data key is not 32 bytes".into()))?;
            data.push(Cipher { id: number(id)?, cipher });
        }
        let mut index = Vec::new();
        for (version, key) in &file.index {
            index.push(IndexKey { version: i64::from(number(version)?), key: bytes(key)? });
        }
        data.sort_by_key(|c| c.id);
        index.sort_by_key(|k| k.version);
        let numbers = |(cipher, key): (&Cipher, &IndexKey)| i64::from(cipher.id) == key.version;
        if data.is_empty() || data.len() != index.len() || !data.iter().zip(&index).all(numbers) {
            return Err(KeyError::Unreadable("data and index keys are not in pairs".into()));
        }
        Ok(Self { data, index, audit: bytes(&file.audit)?, code: bytes(&file.code)? })
    }

    fn newest(&self) -> i64 {
        self.index.last().map_or(0, |k| k.version)
    }

    /// The key of this ring; the newest one where we lack it (such a node is refused writing).
    fn data_key(&self, ring: i64) -> &Cipher {
        let found = self.data.iter().find(|k| i64::from(k.id) == ring);
        found.unwrap_or(&self.data[self.data.len() - 1])
    }

    /// As [`Rings::data_key`].
    fn index_key(&self, ring: i64) -> &IndexKey {
        let found = self.index.iter().find(|k| k.version == ring);
        found.unwrap_or(&self.index[self.index.len() - 1])
    }

    fn key_of(&self, sealed: &[u8]) -> Result<&Cipher, KeyError> {
        let Some(&[FORMAT, AES_256_GCM, high, low]) = sealed.get(..4) else {
            return Err(KeyError::Sealed(0));
        };
        let id = u16::from_be_bytes([high, low]);
        self.data.iter().find(|k| k.id == id).ok_or(KeyError::Sealed(id))
    }
}

fn blind(key: &IndexKey, column: &str, value: &str) -> Vec<u8> {
    mac(&key.key, &[column.as_bytes(), value.as_bytes()])[..16].to_vec()
}

/// SHA-256, for things that are no secret.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("HMAC takes any key");
    for part in parts {
        // The length before each part keeps ("ab", "c") and ("a", "bc") apart.
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn aad(place: Place) -> Vec<u8> {
    format!("{}|{}|{FORMAT}", place.column, place.row).into_bytes()
}

fn load(path: &Path) -> Result<File, KeyError> {
    let shown = path.display().to_string();
    let meta = fs::metadata(path).map_err(|_| KeyError::Missing(shown.clone()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if meta.permissions().mode() & 0o077 != 0 {
            return Err(KeyError::Open(shown));
        }
    }
    let text = fs::read_to_string(path).map_err(|e| KeyError::Unreadable(e.to_string()))?;
    toml::from_str(&text).map_err(|_| KeyError::Unreadable(format!("{shown} is not in order")))
}

/// Writes beside and renames, so that a crash never leaves half a key file.
fn store(path: &Path, file: &File, only_new: bool) -> Result<(), KeyError> {
    if only_new && path.exists() {
        return Err(KeyError::Unreadable(format!("{} is already there", path.display())));
    }
    let unreadable = |e: std::io::Error| KeyError::Unreadable(e.to_string());
    let text = toml::to_string(file).map_err(|e| KeyError::Unreadable(e.to_string()))?;
    let beside = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut out = options.open(&beside).map_err(unreadable)?;
    out.write_all(
        b"# Keys of tuanjian. Keep a copy apart from the database; never send it with a backup.\n",
    )
    .and_then(|()| out.write_all(text.as_bytes()))
    .and_then(|()| out.sync_all())
    .map_err(unreadable)?;
    fs::rename(&beside, path).map_err(unreadable)
}

/// Whether two secrets are the same; how long it takes tells nothing about where they differ.
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(one, other).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededChance;

    fn keys(dir: &tempfile::TempDir) -> Keys {
        let path = dir.path().join("keys.toml");
        Keys::create(&path, &SeededChance::new(1)).unwrap();
        Keys::open(&path).unwrap()
    }
    const HERE: Place = Place { column: "person.id", row: 7 };

    #[test]
    fn a_ciphertext_opens_only_in_its_own_row_and_column() {
        let dir = tempfile::tempdir().unwrap();
        let keys = keys(&dir);
        let sealed = keys.seal(HERE, "secret", &SeededChance::new(2));
        assert_eq!(&*keys.unseal(HERE, &sealed).unwrap(), "secret");
        assert!(keys.unseal(Place { row: 8, ..HERE }, &sealed).is_err());
        assert!(keys.unseal(Place { column: "person.mobile", ..HERE }, &sealed).is_err());
    }

    #[test]
    fn a_new_ring_is_written_with_only_when_it_is_put_in_use_and_old_texts_open_all_the_time() {
        let dir = tempfile::tempdir().unwrap();
        let keys = keys(&dir);
        let mark = keys.mark();
        let sealed = keys.seal(HERE, "secret", &SeededChance::new(2));
        let ring = Keys::rotate(&dir.path().join("keys.toml"), &SeededChance::new(3)).unwrap();
        keys.reload().unwrap();
        assert_eq!((ring, keys.newest_ring(), keys.ring_in_use()), (2, 2, 1));
        assert!(keys.is_current(&keys.seal(HERE, "x", &SeededChance::new(4))));
        assert!(keys.is_current(&sealed) && keys.index("person.id", "x").1 == 1);
        keys.use_ring(2);
        assert!(!keys.is_current(&sealed) && keys.index("person.id", "x").1 == 2);
        assert_eq!(&*keys.unseal(HERE, &sealed).unwrap(), "secret");
        assert_eq!((keys.mark(), keys.indexes("person.id", "x").len()), (mark, 2));
    }

    #[test]
    fn a_node_knows_that_it_lacks_the_ring_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let keys = keys(&dir);
        keys.use_ring(2);
        assert!(!keys.has_ring_in_use());
        Keys::rotate(&dir.path().join("keys.toml"), &SeededChance::new(3)).unwrap();
        keys.reload().unwrap();
        assert!(keys.has_ring_in_use());
    }

    #[test]
    fn the_key_file_of_another_database_is_not_taken_while_running() {
        let dir = tempfile::tempdir().unwrap();
        let keys = keys(&dir);
        let path = dir.path().join("keys.toml");
        fs::remove_file(&path).unwrap();
        Keys::create(&path, &SeededChance::new(77)).unwrap();
        assert!(matches!(keys.reload(), Err(KeyError::NotOurs)));
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        keys(&dir);
        let path = dir.path().join("keys.toml");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Keys::open(&path), Err(KeyError::Open(_))));
    }
}
