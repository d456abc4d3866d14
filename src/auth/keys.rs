//! Key files in `DATA/keys`: made on first start, readable by the server's user alone, refused otherwise. Session-signing keys
//! rotate: the newest signs, older ones are accepted until the last token they signed has run out.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::random;
use super::tokens::SESSION_LIFE_SECS;

/// Most session-signing keys kept at once; a rotation beyond that drops the oldest, and its sessions with it.
const MAX_SESSION_KEYS: usize = 8;
/// Largest key file that is read, in bytes.
const MAX_KEY_FILE_BYTES: u64 = 64 << 10;
/// Name of the file of session-signing keys.
const SESSION_FILE: &str = "session.json";
/// Name of the file of the key that signs CDN addresses.
const CDN_FILE: &str = "cdn.key";
/// Name of the file of the key that seals reusable secrets in the store.
const SEALING_FILE: &str = "sealing.key";
/// Name of the file where an admin puts the secret key of a bucket, unless the settings name another.
const S3_FILE: &str = "s3.secret";

/// Why the keys can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The disk refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others may read the file or enter the directory.
    #[error("{} is open to other users (mode {mode:04o}); run: chmod {wanted:o} {}", path.display(), path.display())]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The bits it should have.
        wanted: u32,
    },
    /// The file, which an admin fills, holds nothing.
    #[error("{} is empty; write the secret key into it", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file does not hold a key.
    #[error("{} is not a key file; restore it from a backup, or remove it to have a new key made", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
    },
}

/// A 256-bit key. It has no `Debug`: only [`expose`](Self::expose) shows it.
#[derive(Clone)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    fn generate() -> Self {
        Self(random::bytes())
    }

    /// The key, for the cryptography that uses it.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    fn decode(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text.trim()).ok()?.try_into().ok().map(Self)
    }
}

/// One session-signing key.
#[derive(Clone)]
pub struct SessionKey {
    /// What tokens name it by.
    pub kid: String,
    /// The key itself.
    pub secret: SecretKey,
    /// End of acceptance in seconds of Unix time; `None` while it signs.
    pub accepted_until_secs: Option<u64>,
}

/// The session-signing keys, the signing one last.
#[derive(Clone)]
pub struct SessionKeys(Vec<SessionKey>);

/// How a session key stands in its file.
#[derive(Serialize, Deserialize)]
struct StoredKey {
    kid: String,
    secret: String,
    accepted_until_secs: Option<u64>,
}

impl SessionKeys {
    /// A single new key.
    pub fn generate() -> Self {
        Self(vec![SessionKey::generate()])
    }

    /// The key that signs.
    pub fn signing(&self) -> &SessionKey {
        self.0.last().expect("there is always a key: neither reading nor rotating leaves none")
    }

    /// The key that a token names, if tokens of it are accepted at `now_secs`.
    pub fn accepted(&self, kid: &str, now_secs: u64) -> Option<&SessionKey> {
        self.0
            .iter()
            .find(|key| key.kid == kid && key.accepted_until_secs.is_none_or(|until| now_secs < until))
    }

    /// With a new signing key; the ones before are accepted until the last token they may have signed runs out.
    pub fn rotated(mut self, now_secs: u64) -> Self {
        self.0.retain(|key| key.accepted_until_secs.is_none_or(|until| now_secs < until));
        for key in &mut self.0 {
            key.accepted_until_secs.get_or_insert(now_secs + SESSION_LIFE_SECS);
        }
        self.0.push(SessionKey::generate());
        let surplus = self.0.len().saturating_sub(MAX_SESSION_KEYS);
        self.0.drain(..surplus);
        self
    }

    fn encode(&self) -> String {
        let stored: Vec<_> = self
            .0
            .iter()
            .map(|key| StoredKey {
                kid: key.kid.clone(),
                secret: key.secret.encode(),
                accepted_until_secs: key.accepted_until_secs,
            })
            .collect();
        serde_json::to_string_pretty(&stored).expect("strings and numbers are always JSON") + "\n"
    }

    fn decode(text: &str) -> Option<Self> {
        let stored: Vec<StoredKey> = serde_json::from_str(text).ok()?;
        let keys: Option<Vec<_>> = stored
            .into_iter()
            .map(|key| {
                let secret = SecretKey::decode(&key.secret)?;
                Some(SessionKey { kid: key.kid, secret, accepted_until_secs: key.accepted_until_secs })
            })
            .collect();
        keys.filter(|keys| keys.last().is_some_and(|key| key.accepted_until_secs.is_none())).map(Self)
    }
}

impl SessionKey {
    fn generate() -> Self {
        let kid = URL_SAFE_NO_PAD.encode(random::bytes::<6>());
        Self { kid, secret: SecretKey::generate(), accepted_until_secs: None }
    }
}

/// What becomes of tokens signed with the keys before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// They are accepted until they run out.
    KeepSessions,
    /// They are refused at once: everybody logs in again.
    EndSessions,
}

/// All keys of an instance.
#[derive(Clone)]
pub struct Keys {
    dir: PathBuf,
    /// Keys that sign session tokens, gateway tickets and the like.
    pub session: SessionKeys,
    /// Key that signs addresses of attachments.
    pub cdn: SecretKey,
    /// Key that seals reusable secrets in the store, and from which webhook tokens are derived.
    pub sealing: SecretKey,
}

impl Keys {
    /// Opens the keys in `data/keys`, and makes those that are missing.
    pub fn open(data: &Path) -> Result<Self, KeyError> {
        let dir = data.join("keys");
        let made = DirBuilder::new().mode(0o700).create(&dir);
        if let Err(source) =
            made.or_else(|e| if e.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(e) })
        {
            return Err(KeyError::Io { path: dir, source });
        }
        refuse_exposed(&dir, 0o700)?;
        Ok(Self {
            session: open_or_make(&dir.join(SESSION_FILE), SessionKeys::decode, || {
                let keys = SessionKeys::generate();
                (keys.encode(), keys)
            })?,
            cdn: open_or_make_secret(&dir.join(CDN_FILE))?,
            sealing: open_or_make_secret(&dir.join(SEALING_FILE))?,
            dir,
        })
    }

    /// The secret key of a bucket: from `file`, or without it from the file in the keys' directory, which others must not be able to
    /// read. A file that the settings name may be readable as whatever puts it there wants it.
    ///
    /// # Errors
    /// A file that is not there, holds nothing, or is open to others.
    pub fn s3_secret(&self, file: Option<&Path>) -> Result<String, KeyError> {
        let path = file.map_or_else(|| self.dir.join(S3_FILE), Path::to_owned);
        if file.is_none() {
            refuse_exposed(&path, 0o600)?;
        }
        let secret = read_small(&path)?.lines().next().unwrap_or_default().trim().to_owned();
        if secret.is_empty() { Err(KeyError::Empty { path }) } else { Ok(secret) }
    }

    /// Makes a new signing key and writes it down before it is used.
    pub fn rotate(&mut self, rotation: Rotation, now_secs: u64) -> Result<(), KeyError> {
        let rotated = match rotation {
            Rotation::KeepSessions => self.session.clone().rotated(now_secs),
            Rotation::EndSessions => SessionKeys::generate(),
        };
        write(&self.dir.join(SESSION_FILE), &rotated.encode())?;
        self.session = rotated;
        Ok(())
    }
}

fn open_or_make_secret(path: &Path) -> Result<SecretKey, KeyError> {
    open_or_make(path, SecretKey::decode, || {
        let key = SecretKey::generate();
        (key.encode() + "\n", key)
    })
}

fn open_or_make<T>(
    path: &Path,
    decode: impl Fn(&str) -> Option<T>,
    make: impl FnOnce() -> (String, T),
) -> Result<T, KeyError> {
    match fs::metadata(path) {
        Ok(_) => {
            refuse_exposed(path, 0o600)?;
            decode(&read_small(path)?).ok_or_else(|| KeyError::Corrupt { path: path.into() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let (text, value) = make();
            write(path, &text)?;
            Ok(value)
        }
        Err(source) => Err(KeyError::Io { path: path.into(), source }),
    }
}

/// The text of a file that is no larger than a key file may be.
fn read_small(path: &Path) -> Result<String, KeyError> {
    let io = |source| KeyError::Io { path: path.into(), source };
    if fs::metadata(path).map_err(io)?.len() > MAX_KEY_FILE_BYTES {
        return Err(KeyError::Corrupt { path: path.into() });
    }
    fs::read_to_string(path).map_err(io)
}

fn refuse_exposed(path: &Path, wanted: u32) -> Result<(), KeyError> {
    let found = fs::metadata(path).map_err(|source| KeyError::Io { path: path.into(), source })?;
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyError::Exposed { path: path.into(), mode, wanted }) }
}

/// Writes aside, syncs and renames, so that a key file is whole or not there.
fn write(path: &Path, text: &str) -> Result<(), KeyError> {
    let aside = path.with_extension("new");
    let written = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, path)?;
        match path.parent() {
            Some(dir) => File::open(dir)?.sync_all(),
            None => Ok(()),
        }
    };
    written().map_err(|source| KeyError::Io { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn keys_are_made_once_and_for_their_owner_only() {
        let data = tempfile::tempdir().unwrap();
        let made = Keys::open(data.path()).unwrap();
        let again = Keys::open(data.path()).unwrap();
        assert_eq!(made.session.signing().kid, again.session.signing().kid);
        assert_eq!(made.session.signing().secret.expose(), again.session.signing().secret.expose());
        assert_eq!(made.cdn.expose(), again.cdn.expose());
        assert_eq!(made.sealing.expose(), again.sealing.expose());
        assert_ne!(made.cdn.expose(), made.sealing.expose());
        let dir = data.path().join("keys");
        assert_eq!(mode(&dir), 0o700);
        for file in fs::read_dir(&dir).unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600);
        }
    }

    #[test]
    fn keys_open_to_others_or_torn_are_refused() {
        let data = tempfile::tempdir().unwrap();
        Keys::open(data.path()).unwrap();
        let file = data.path().join("keys").join(CDN_FILE);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = Keys::open(data.path()).err().unwrap().to_string();
        assert!(refused.contains("mode 0640") && refused.contains("chmod 600"), "{refused}");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&file, "short").unwrap();
        assert!(matches!(Keys::open(data.path()), Err(KeyError::Corrupt { .. })));
        fs::remove_file(&file).unwrap();
        let dir = data.path().join("keys");
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(Keys::open(data.path()), Err(KeyError::Exposed { wanted: 0o700, .. })));
    }

    #[test]
    fn a_rotated_key_is_accepted_until_its_tokens_ran_out() {
        let data = tempfile::tempdir().unwrap();
        let mut keys = Keys::open(data.path()).unwrap();
        let old = keys.session.signing().kid.clone();
        keys.rotate(Rotation::KeepSessions, 1_000).unwrap();
        let reopened = Keys::open(data.path()).unwrap();
        let new = reopened.session.signing().kid.clone();
        assert_ne!(old, new);
        assert!(reopened.session.accepted(&old, 1_000 + SESSION_LIFE_SECS - 1).is_some());
        assert!(reopened.session.accepted(&old, 1_000 + SESSION_LIFE_SECS).is_none());
        assert!(reopened.session.accepted(&new, u64::MAX).is_some());
        for turn in 0..20 {
            keys.rotate(Rotation::KeepSessions, 1_001 + turn).unwrap();
        }
        assert_eq!(keys.session.0.len(), MAX_SESSION_KEYS);
        keys.rotate(Rotation::EndSessions, 1_030).unwrap();
        assert_eq!(Keys::open(data.path()).unwrap().session.0.len(), 1);
    }
}
