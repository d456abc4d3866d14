//! Files in a bucket of an S3-compatible server, for those who outgrow one disk. Names in it are hashes, so nothing that a member sends
//! chooses what is asked for. What has to be remembered of the bucket lies beside the files on their way in: names that the sweep
//! spares, and uploads in parts that may have been cut off.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::multipart::MultipartStore as _;
use object_store::path::Path as Key;
use object_store::{ClientOptions, ObjectMeta, ObjectStore as _, ObjectStoreExt as _, RetryConfig};

use super::folder::{if_there, is_old, write_synced};
use super::{SPARED_FOR, blocking};

/// A file up to this goes in one request; a larger one in parts of at least this many bytes (S3 takes none below 5 MiB).
const PART_BYTES: u64 = 8 << 20;
/// Most parts of one file (S3 has 10 000).
const MAX_PARTS: u64 = 9_000;
/// Parts of one file on their way at once: so much of it is in memory.
const PARTS_AT_ONCE: usize = 2;
/// Files that one look goes through: what S3 lists at once.
const LOOK_FILES: usize = 1_000;
/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long one request may take: a part over a slow line.
const REQUEST_WITHIN: Duration = Duration::from_secs(120);
/// How often a request is tried again, and until when: whoever waits for it is told soon.
const TRIES_AGAIN: usize = 2;
const TRY_AGAIN_WITHIN: Duration = Duration::from_secs(10);
/// Folder of empty files that mark names which the sweep spares: files of the bucket can't be made young by a touch.
const YOUNG: &str = "young";
/// Begin the names of notes about uploads in parts.
const IN_PARTS: &str = "parts-";
/// Codes by which a server says that it lets us not in (Amazon S3 API, Error Responses).
const REFUSALS: [&str; 3] = ["AccessDenied", "SignatureDoesNotMatch", "InvalidAccessKeyId"];
/// What is written and deleted to try the bucket out.
const TRIAL: &str = "hearth-trial";

/// Where the bucket is, and what opens it.
pub struct Access {
    /// Address of the server; Amazon's of the region where there is none.
    pub endpoint: Option<String>,
    /// Name of the bucket.
    pub bucket: String,
    /// Region, which signatures name.
    pub region: String,
    /// What all names in the bucket begin with.
    pub prefix: String,
    /// Which key signs.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
}

/// Why the bucket did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The settings make no client.
    #[error("the settings of media.s3 can't be used: {0}")]
    Settings(String),
    /// The server is not there, or fails.
    #[error("the S3 server at {at} can't be reached or fails: {why}")]
    Unreachable {
        /// Its address.
        at: String,
        /// What went wrong, with its causes.
        why: String,
    },
    /// The server knows the bucket and lets us not in, or knows us not.
    #[error(
        "the S3 server at {at} refuses access to bucket \"{bucket}\": check media.s3.access_key_id, the secret key, media.s3.region, \
         and that the key may list, read, write and delete there ({why})"
    )]
    Refused {
        /// Its address.
        at: String,
        /// The bucket.
        bucket: String,
        /// What it said.
        why: String,
    },
    /// There is no such bucket.
    #[error("the S3 server at {at} has no bucket \"{bucket}\": make it, or change media.s3.bucket")]
    Missing {
        /// Its address.
        at: String,
        /// The bucket.
        bucket: String,
    },
    /// What is remembered of the bucket on the local disk could not be read or written.
    #[error("a file beside the bucket could not be kept: {0}")]
    Io(#[from] io::Error),
}

/// The bucket; clones are cheap.
#[derive(Clone)]
pub(super) struct Bucket(Arc<Inner>);

struct Inner {
    store: AmazonS3,
    at: String,
    bucket: String,
    prefix: Key,
    /// Where marks and notes are.
    folder: PathBuf,
    next_note: AtomicU64,
    /// Notes of an earlier process, whose uploads nobody ends any more.
    abandoned: Mutex<Vec<PathBuf>>,
}

/// What is known of a file in the bucket.
pub(super) struct Named {
    /// Its bytes.
    pub length_bytes: u64,
    is_old: bool,
}

impl From<ObjectMeta> for Named {
    fn from(meta: ObjectMeta) -> Self {
        let now_secs = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |age| age.as_secs());
        let written_secs = u64::try_from(meta.last_modified.timestamp()).unwrap_or(u64::MAX);
        let is_old = now_secs.saturating_sub(written_secs) > SPARED_FOR.as_secs();
        Self { length_bytes: meta.size, is_old }
    }
}

impl Bucket {
    /// A bucket that is not asked for anything yet; `folder` is where to remember things.
    pub fn new(access: Access, folder: &Path) -> Result<Self, BucketError> {
        let Access { endpoint, bucket, region, prefix, access_key_id, secret_access_key } = access;
        let at = endpoint.clone().unwrap_or_else(|| format!("s3.{region}.amazonaws.com"));
        let options = ClientOptions::new()
            .with_allow_http(true) // whoever names an address says how it is spoken to
            .with_connect_timeout(CONNECT_WITHIN)
            .with_timeout(REQUEST_WITHIN);
        let retry = RetryConfig {
            max_retries: TRIES_AGAIN,
            retry_timeout: TRY_AGAIN_WITHIN,
            ..RetryConfig::default()
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&bucket)
            .with_region(region)
            .with_access_key_id(access_key_id)
            .with_secret_access_key(secret_access_key)
            .with_client_options(options)
            .with_retry(retry);
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let said = |error: &dyn std::fmt::Display| BucketError::Settings(error.to_string());
        let store = builder.build().map_err(|error| said(&error))?;
        let prefix = Key::parse(prefix).map_err(|error| said(&error))?;
        fs::create_dir_all(folder.join(YOUNG))?;
        let mut abandoned = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(IN_PARTS) {
                abandoned.push(entry.path());
            }
        }
        Ok(Self(Arc::new(Inner {
            store,
            at,
            bucket,
            prefix,
            folder: folder.to_owned(),
            next_note: AtomicU64::new(0),
            abandoned: Mutex::new(abandoned),
        })))
    }

    /// Lists, writes, reads and deletes.
    pub async fn try_out(&self) -> Result<(), BucketError> {
        let (store, key) = (&self.0.store, self.0.prefix.clone().join(TRIAL));
        let tried = async {
            store.list(self.prefix()).next().await.transpose()?;
            store.put(&key, Bytes::from_static(b"hearth").into()).await?;
            store.get_range(&key, 0..6).await?;
            store.delete(&key).await
        };
        tried.await.map_err(|error| self.said(error))
    }

    /// Looks whether a file is there.
    pub async fn look(&self, name: &str) -> Result<Option<Named>, BucketError> {
        match self.0.store.head(&self.key(name)).await {
            Ok(meta) => Ok(Some(meta.into())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.said(error)),
        }
    }

    /// A part of a file.
    pub async fn read(&self, name: &str, range: Range<u64>) -> Result<Bytes, BucketError> {
        let length = range.end - range.start;
        if length == 0 {
            return Ok(Bytes::new());
        }
        let bytes = self.0.store.get_range(&self.key(name), range).await.map_err(|error| self.said(error))?;
        if bytes.len() as u64 == length {
            return Ok(bytes);
        }
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a file of the bucket is shorter than it was")
            .into())
    }

    /// Puts a file of the local disk into the bucket, unless it is there. Whole and there when it returns.
    pub async fn put(&self, name: &str, path: &Path, size_bytes: u64) -> Result<(), BucketError> {
        if self.look(name).await?.is_some_and(|named| named.length_bytes == size_bytes) {
            return Ok(());
        }
        let path = path.to_owned();
        let file = Arc::new(blocking(move || File::open(path)).await?);
        let key = self.key(name);
        if size_bytes > PART_BYTES {
            return self.put_in_parts(&key, file, size_bytes).await;
        }
        let bytes = piece(&file, 0..size_bytes).await?;
        self.0.store.put(&key, bytes.into()).await.map_err(|error| self.said(error))?;
        Ok(())
    }

    async fn put_in_parts(&self, key: &Key, file: Arc<File>, size_bytes: u64) -> Result<(), BucketError> {
        let store = &self.0.store;
        let part_bytes = PART_BYTES.max(size_bytes.div_ceil(MAX_PARTS));
        let id = store.create_multipart(key).await.map_err(|error| self.said(error))?;
        let number = self.0.next_note.fetch_add(1, Ordering::Relaxed);
        // Named by the process too: notes of an earlier one may still be there.
        let note = self.0.folder.join(format!("{IN_PARTS}{}-{number}", std::process::id()));
        let (path, text) = (note.clone(), format!("{key}\n{id}"));
        blocking(move || write_synced(&path, text.as_bytes())).await?;
        let parts = futures_util::stream::iter(0..size_bytes.div_ceil(part_bytes)).map(|number| {
            let (file, start) = (file.clone(), number * part_bytes);
            let id = &id;
            async move {
                let bytes = piece(&file, start..size_bytes.min(start + part_bytes)).await?;
                let put = store.put_part(key, id, number as usize, bytes.into()).await;
                put.map_err(|error| self.said(error))
            }
        });
        let put = async {
            let parts = parts.buffered(PARTS_AT_ONCE).try_collect().await?;
            store.complete_multipart(key, &id, parts).await.map_err(|error| self.said(error))
        };
        let put = put.await;
        if put.is_err() && store.abort_multipart(key, &id).await.is_err() {
            // The note stays, and a later look ends what is there.
            self.abandoned(|abandoned| abandoned.push(note));
        } else {
            blocking(move || fs::remove_file(note)).await?;
        }
        put.map(drop)
    }

    /// From here on a name is spared by the sweep. Called under its lock.
    pub async fn mark_young(&self, name: &str) -> Result<(), BucketError> {
        let mark = self.mark(name);
        Ok(blocking(move || File::create(mark)?.set_modified(SystemTime::now())).await?)
    }

    /// Whether a file is past the age at which it is spared, here and by the bucket's clock.
    pub async fn is_old(&self, name: &str) -> Result<bool, BucketError> {
        let mark = self.mark(name);
        if blocking(move || Ok(mark.exists() && !is_old(&mark)?)).await? {
            return Ok(false);
        }
        Ok(self.look(name).await?.is_some_and(|named| named.is_old))
    }

    /// Names of some files that are old enough to be swept, and where to look on.
    pub async fn old_ones(&self, from: Option<String>) -> Result<(Vec<String>, Option<String>), BucketError> {
        let listed = match &from {
            Some(from) => self.0.store.list_with_offset(self.prefix(), &Key::from(from.as_str())),
            None => self.0.store.list(self.prefix()),
        };
        let listed: Vec<ObjectMeta> =
            listed.take(LOOK_FILES).try_collect().await.map_err(|error| self.said(error))?;
        let next = listed.last().filter(|_| listed.len() == LOOK_FILES).map(|meta| meta.location.to_string());
        let of_old = |meta: ObjectMeta| {
            let name = meta.location.filename()?.to_owned();
            Named::from(meta).is_old.then_some(name)
        };
        Ok((listed.into_iter().filter_map(of_old).collect(), next))
    }

    /// Removes a file.
    pub async fn remove(&self, name: &str) -> Result<(), BucketError> {
        self.0.store.delete(&self.key(name)).await.map_err(|error| self.said(error))
    }

    /// Removes marks that mean nothing any more, and ends uploads in parts that nobody goes on with.
    pub async fn sweep_leftovers(&self) -> Result<(), BucketError> {
        let folder = self.0.folder.clone();
        let found = blocking(move || {
            let old = |folder: &Path| -> io::Result<Vec<PathBuf>> {
                let paths = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
                paths
                    .filter_map(|path| path.and_then(|path| Ok(is_old(&path)?.then_some(path))).transpose())
                    .collect()
            };
            for mark in old(&folder.join(YOUNG))? {
                fs::remove_file(mark)?;
            }
            let mut notes = old(&folder)?;
            notes.retain(|path| {
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(IN_PARTS))
            });
            Ok(notes)
        });
        let mut notes = found.await?;
        self.abandoned(|abandoned| notes.append(abandoned));
        let mut notes = notes.into_iter();
        while let Some(note) = notes.next() {
            if let Err(error) = self.end(&note).await {
                self.abandoned(|abandoned| abandoned.extend([note].into_iter().chain(notes)));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Ends the upload in parts that a note tells of.
    async fn end(&self, note: &Path) -> Result<(), BucketError> {
        let path = note.to_owned();
        let text = blocking(move || if_there(fs::read_to_string(path))).await?.unwrap_or_default();
        if let Some((key, id)) = text.split_once('\n') {
            match self.0.store.abort_multipart(&Key::from(key), &id.to_owned()).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.said(error)),
            }
        }
        let path = note.to_owned();
        blocking(move || if_there(fs::remove_file(path))).await?;
        Ok(())
    }

    fn abandoned(&self, change: impl FnOnce(&mut Vec<PathBuf>)) {
        change(&mut self.0.abandoned.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn mark(&self, name: &str) -> PathBuf {
        self.0.folder.join(YOUNG).join(name)
    }

    fn prefix(&self) -> Option<&Key> {
        (!self.0.prefix.is_root()).then_some(&self.0.prefix)
    }

    /// What a file is called in the bucket: as in the local folder.
    fn key(&self, name: &str) -> Key {
        self.0.prefix.clone().join(name.get(..2).unwrap_or("__")).join(name)
    }

    /// An error of the bucket in words. Of lists and uploads in parts only the server's own code tells what is the matter.
    fn said(&self, error: object_store::Error) -> BucketError {
        use object_store::Error;
        let (at, bucket, why) = (self.0.at.clone(), self.0.bucket.clone(), innermost(&error));
        let is_missing = matches!(error, Error::NotFound { .. }) || why.contains("NoSuchBucket");
        let is_refused = matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. });
        if is_missing {
            BucketError::Missing { at, bucket }
        } else if is_refused || REFUSALS.iter().any(|code| why.contains(code)) {
            BucketError::Refused { at, bucket, why }
        } else {
            BucketError::Unreachable { at, why }
        }
    }
}

/// Some bytes of a file, read where waiting for the disk holds nobody up.
async fn piece(file: &Arc<File>, range: Range<u64>) -> io::Result<Bytes> {
    let file = file.clone();
    blocking(move || {
        let mut piece = vec![0; (range.end - range.start) as usize];
        file.read_exact_at(&mut piece, range.start)?;
        Ok(piece.into())
    })
    .await
}

/// The innermost cause, which says most in fewest words.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::super::s3::{BUCKET, KEY, S3};
    use super::super::{BlobError, Blobs};
    use super::*;
    use crate::model::BlobHash;

    fn open(s3: &S3, directory: &tempfile::TempDir) -> Blobs {
        let access = Access {
            endpoint: Some(s3.endpoint()),
            bucket: BUCKET.to_owned(),
            region: "us-east-1".to_owned(),
            prefix: "chat".to_owned(),
            access_key_id: KEY.0.to_owned(),
            secret_access_key: KEY.1.to_owned(),
        };
        Blobs::open(
            directory.path().join("blobs"),
            Box::new(|| Ok((1, 0))),
            std::sync::Arc::default(),
            Some(access),
        )
        .unwrap()
    }

    async fn old_ones(blobs: &Blobs) -> Vec<BlobHash> {
        let (old, next) = blobs.old_ones(None).await.unwrap();
        assert!(next.is_none(), "one look lists all");
        old
    }

    #[tokio::test]
    async fn the_sweep_takes_old_files_of_the_bucket_that_nothing_names() {
        let (s3, directory) = (S3::start().await, tempfile::tempdir().unwrap());
        let blobs = open(&s3, &directory);
        let hash = blobs.put(Bytes::from_static(b"x")).await.unwrap();
        let long_ago = SystemTime::now() - SPARED_FOR - Duration::from_secs(1);
        let file = s3.files().pop().unwrap();
        let mark = directory.path().join("blobs/young").join(hash.to_string());
        let make_old =
            |path: &Path| File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
        let unnamed = || Ok::<_, BlobError>(false);
        assert!(old_ones(&blobs).await.is_empty() && !blobs.remove_unless(hash, unnamed).await.unwrap());
        make_old(&file);
        assert_eq!(old_ones(&blobs).await, [hash]);
        assert!(
            !blobs.remove_unless(hash, unnamed).await.unwrap(),
            "kept here lately, whatever the bucket says"
        );
        make_old(&mark);
        assert!(!blobs.remove_unless(hash, || Ok::<_, BlobError>(true)).await.unwrap(), "named");
        assert!(blobs.spare(hash).await.unwrap());
        assert!(!blobs.remove_unless(hash, unnamed).await.unwrap(), "spared");
        make_old(&mark);
        blobs.sweep_leftovers().await.unwrap();
        assert!(!mark.exists());
        assert!(blobs.remove_unless(hash, unnamed).await.unwrap() && s3.files().is_empty());
        assert!(!blobs.remove_unless(hash, unnamed).await.unwrap() && !blobs.spare(hash).await.unwrap());
    }

    #[tokio::test]
    async fn an_upload_in_parts_that_was_cut_off_ends_after_the_next_start() {
        let (s3, directory) = (S3::start().await, tempfile::tempdir().unwrap());
        let blobs = open(&s3, &directory);
        let bucket = blobs.0.bucket.as_ref().unwrap();
        let file = directory.path().join("large");
        fs::write(&file, vec![7; 2 * PART_BYTES as usize + 5]).unwrap();
        let key = bucket.key("abcd");
        // As a process leaves it that is killed between two parts.
        let id = bucket.0.store.create_multipart(&key).await.unwrap();
        bucket.0.store.put_part(&key, &id, 0, Bytes::from_static(b"part").into()).await.unwrap();
        let note = directory.path().join("blobs/parts-1-0");
        fs::write(&note, format!("{key}\n{id}")).unwrap();
        blobs.sweep_leftovers().await.unwrap();
        assert!(note.exists(), "it may be going on");
        open(&s3, &directory).sweep_leftovers().await.unwrap();
        assert!(!note.exists());
        let gone = bucket.0.store.put_part(&key, &id, 1, Bytes::from_static(b"part").into()).await;
        assert!(gone.is_err(), "the server knows it no more");
        bucket.put("abcd", &file, 2 * PART_BYTES + 5).await.unwrap();
        assert_eq!(fs::read(s3.files().pop().unwrap()).unwrap(), fs::read(&file).unwrap());
    }

    #[tokio::test]
    async fn a_bucket_that_is_away_says_so_and_keeps_the_file_for_later() {
        let (mut s3, directory) = (S3::start().await, tempfile::tempdir().unwrap());
        let blobs = open(&s3, &directory);
        s3.go_away().await;
        let (mut incoming, _) = super::super::Incoming::resume(&blobs, "ab", 5).await.unwrap();
        incoming.write(Bytes::from_static(b"grain")).await.unwrap();
        let kept = incoming.finish().await.unwrap().keep(&blobs).await;
        assert!(matches!(kept, Err(BlobError::Bucket(BucketError::Unreachable { .. }))), "{kept:?}");
        assert_eq!(blobs.partial_length("ab").await.unwrap(), 5);
        s3.come_back().await;
        let (incoming, held) = super::super::Incoming::resume(&blobs, "ab", 5).await.unwrap();
        incoming.finish().await.unwrap().keep(&blobs).await.unwrap();
        assert_eq!((held, s3.files().len(), blobs.partial_length("ab").await.unwrap()), (5, 1, 0));
    }

    #[tokio::test]
    async fn more_files_than_one_look_lists_are_all_looked_at() {
        let (s3, directory) = (S3::start().await, tempfile::tempdir().unwrap());
        let blobs = open(&s3, &directory);
        blobs.put(Bytes::from_static(b"x")).await.unwrap();
        let folder = s3.files().pop().unwrap().parent().unwrap().to_owned();
        let long_ago = SystemTime::now() - SPARED_FOR - Duration::from_secs(1);
        for n in 0..LOOK_FILES + 5 {
            let name = format!("{n:064x}");
            File::create(folder.join(name)).unwrap().set_modified(long_ago).unwrap();
        }
        let (first, next) = blobs.old_ones(None).await.unwrap();
        let (second, end) = blobs.old_ones(next).await.unwrap();
        assert!(first.len() + second.len() == LOOK_FILES + 5 && !second.is_empty() && end.is_none());
    }
}
