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
use std::{collections::BTreeMap, fs, io::Write, path::Path};
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

/// The file: rings of keys, the last of each ring in use for writing.
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

/// The opened keys.
pub struct Keys {
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

    /// Adds a new data key and a new index key; they are used from the next start on, and the job
    /// `rekey` moves what is stored over to them.
    pub fn rotate(path: &Path, chance: &dyn Chance) -> Result<(), KeyError> {
        let mut file = load(path)?;
        for ring in [&mut file.data, &mut file.index] {
            let next = ring.keys().filter_map(|k| k.parse::<u16>().ok()).max().unwrap_or(0) + 1;
            let mut bytes = Zeroizing::new([0_u8; 32]);
            chance.fill(bytes.as_mut());
            ring.insert(next.to_string(), BASE64_STANDARD.encode(bytes.as_ref()));
        }
        store(path, &file, false)
    }

    /// Reads the key file, refusing one that others may read.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
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
        if data.is_empty() || index.is_empty() {
            return Err(KeyError::Unreadable("a ring of keys is empty".into()));
        }
        Ok(Self { data, index, audit: bytes(&file.audit)?, code: bytes(&file.code)? })
    }

    /// A mark of these keys, stored in the database, that tells whether they belong together.
    pub fn mark(&self) -> String {
        BASE64_STANDARD.encode(&mac(&self.audit, &[b"tuanjian key mark"])[..12])
    }

    /// Encrypts `text` for its place.
    pub fn seal(&self, place: Place, text: &str, chance: &dyn Chance) -> Vec<u8> {
        let newest = &self.data[self.data.len() - 1];
        let mut nonce = [0_u8; 12];
        chance.fill(&mut nonce);
        let aad = aad(place);
        let payload = Payload { msg: text.as_bytes(), aad: &aad };
        let body = newest
            .cipher
            .encrypt(&Nonce::from(nonce), payload)
            .expect("AES-GCM refuses only texts of 64 GiB");
        let mut out = Vec::with_capacity(16 + body.len());
        out.extend([FORMAT, AES_256_GCM]);
        out.extend(newest.id.to_be_bytes());
        out.extend(nonce);
        out.extend(body);
        out
    }

    /// Decrypts what [`Keys::seal`] made for the same place.
    pub fn unseal(&self, place: Place, sealed: &[u8]) -> Result<Zeroizing<String>, KeyError> {
        let key = self.key_of(sealed)?;
        let wrong = || KeyError::Sealed(key.id);
        let nonce: [u8; 12] =
            sealed.get(4..16).and_then(|n| n.try_into().ok()).ok_or_else(wrong)?;
        let aad = aad(place);
        let payload = Payload { msg: &sealed[16..], aad: &aad };
        let plain = key.cipher.decrypt(&Nonce::from(nonce), payload).map_err(|_| wrong())?;
        String::from_utf8(plain).map(Zeroizing::new).map_err(|_| wrong())
    }

    /// Whether a ciphertext was made with the newest key.
    pub fn is_newest(&self, sealed: &[u8]) -> bool {
        self.key_of(sealed).is_ok_and(|k| k.id == self.data[self.data.len() - 1].id)
    }

    /// Encrypts anew, with the newest key, what [`Keys::seal`] made for the same place; `None` when
    /// that was done already.
    pub fn reseal(
        &self,
        place: Place,
        sealed: &[u8],
        chance: &dyn Chance,
    ) -> Result<Option<Vec<u8>>, KeyError> {
        if self.is_newest(sealed) {
            return Ok(None);
        }
        Ok(Some(self.seal(place, &self.unseal(place, sealed)?, chance)))
    }

    fn key_of(&self, sealed: &[u8]) -> Result<&Cipher, KeyError> {
        let Some(&[FORMAT, AES_256_GCM, high, low]) = sealed.get(..4) else {
            return Err(KeyError::Sealed(0));
        };
        let id = u16::from_be_bytes([high, low]);
        self.data.iter().find(|k| k.id == id).ok_or(KeyError::Sealed(id))
    }

    /// The blind index of a value under the newest index key, with that key's version.
    pub fn index(&self, column: &str, value: &str) -> (Vec<u8>, i64) {
        let newest = &self.index[self.index.len() - 1];
        (mac(&newest.key, &[column.as_bytes(), value.as_bytes()])[..16].to_vec(), newest.version)
    }

    /// The blind indexes under every index key: what to look for while keys are being changed.
    pub fn indexes(&self, column: &str, value: &str) -> Vec<(Vec<u8>, i64)> {
        self.index
            .iter()
            .map(|k| {
                (mac(&k.key, &[column.as_bytes(), value.as_bytes()])[..16].to_vec(), k.version)
            })
            .collect()
    }

    /// The version of the newest index key.
    pub fn index_version(&self) -> i64 {
        self.index[self.index.len() - 1].version
    }

    /// A keyed hash for the audit book.
    pub fn audit_mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.audit, parts)
    }

    /// A keyed hash for codes, tokens and sessions: what is stored instead of them.
    pub fn code_hash(&self, purpose: &str, code: &str) -> [u8; 32] {
        mac(&self.code, &[purpose.as_bytes(), code.as_bytes()])
    }
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
    fn after_a_rotation_old_texts_open_and_new_ones_use_the_new_key() {
        let dir = tempfile::tempdir().unwrap();
        let before = keys(&dir);
        let sealed = before.seal(HERE, "secret", &SeededChance::new(2));
        let path = dir.path().join("keys.toml");
        Keys::rotate(&path, &SeededChance::new(3)).unwrap();
        let after = Keys::open(&path).unwrap();
        assert_eq!(&*after.unseal(HERE, &sealed).unwrap(), "secret");
        assert!(!after.is_newest(&sealed));
        assert!(after.is_newest(&after.seal(HERE, "x", &SeededChance::new(4))));
        assert_eq!(before.mark(), after.mark());
        assert_eq!(after.indexes("person.id", "x").len(), 2);
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
