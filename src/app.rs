//! The handles every action gets. Made once at the start, by `serve` or a test; clones are cheap.

use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use crate::auth::keys::Keys;
use crate::auth::live::LiveSessions;
use crate::auth::passwords::PasswordPool;
use crate::auth::random::TokenHash;
use crate::auth::tokens::Tokens;
use crate::blobs::Blobs;
use crate::blobs::cache::Cache;
use crate::blobs::pool::PicturePool;
use crate::config::Config;
use crate::hub::HubHandle;
use crate::logic::rate_limit::Limiter;
use crate::store::marks::Marks;
use crate::store::nonces::Nonces;
use crate::store::{GuildsAsOf, Store};
use crate::unfurl::Unfurler;
use crate::unfurl::queue::Queue;
use crate::voice::Voice;
use tokio::sync::Semaphore;

/// The server's parts.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What [`App`] leads to.
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// What is durable.
    pub store: Store,
    /// What is true while we run: live sessions, presence, fan-out.
    pub hub: HubHandle,
    /// Files kept by hash.
    pub blobs: Blobs,
    /// Turns and memory for work on pictures.
    pub pictures: PicturePool,
    /// What was made of pictures.
    pub previews: Cache,
    /// Messages whose links may have cards.
    pub links: Queue,
    /// Looks links up.
    pub unfurler: Unfurler,
    /// Secrets of this instance.
    pub keys: Keys,
    /// Signs and checks session tokens.
    pub tokens: Tokens,
    /// Logins that are alive.
    pub live: LiveSessions,
    /// The pool that hashes passwords.
    pub passwords: PasswordPool,
    /// Guesses at passwords, by account.
    pub guesses: Mutex<Limiter>,
    /// Hash of the one-time set-up token, while there is no owner (API.md §0).
    pub setup: Mutex<Option<TokenHash>>,
    /// Gateway sessions begun, by account.
    pub session_starts: Mutex<Limiter>,
    /// Turns at building a READY, so that a herd does not hold up everything else (SAFETY.md §5.12).
    pub ready_turns: Semaphore,
    /// Guilds as READYs of one commit show them.
    pub whole_guilds: GuildsAsOf,
    /// When the server started; limits count from here.
    pub started: Instant,
    /// Read marks on their way to the store.
    pub marks: Marks,
    /// Where messages with recent nonces stand.
    pub nonces: Arc<Nonces>,
    /// Voice and video, once started; never where they are off.
    pub voice: OnceLock<Voice>,
}

impl App {
    /// The parts, put together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Ends the set-up link: there is an owner.
    pub fn forget_setup(&self) {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

#[cfg(test)]
impl App {
    /// An app with these settings on an empty directory that goes with the guard; nobody hears its events.
    pub fn for_test(config: Config) -> (Self, tempfile::TempDir) {
        Self::for_test_heard_by(config, |_| {})
    }

    /// As [`App::for_test`]; `hear` gets every commit's events.
    pub fn for_test_heard_by(
        config: Config,
        hear: impl FnMut(&crate::model::Batch) + Send + 'static,
    ) -> (Self, tempfile::TempDir) {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        // In memory, so that hundreds of these do not wait for the disk: what is on it is the store's own tests' affair.
        let memory = redb::backends::InMemoryBackend::new();
        let opened =
            Store::open_with_backend(memory, crate::store::Options::default()).expect("an empty store opens");
        (Self::for_test_on(config, &directory, opened, hear), directory)
    }

    /// An app with these settings on a store of the test's making, which also hears what is told.
    pub fn for_test_on(
        config: Config,
        directory: &tempfile::TempDir,
        opened: crate::store::Opened,
        mut hear: impl FnMut(&crate::model::Batch) + Send + 'static,
    ) -> Self {
        use crate::auth::passwords::{Cost, CostChoice};
        use crate::unfurl::client::{Client, no_resolver};

        let keys = Keys::open(directory.path()).expect("keys can be made");
        let pictures = PicturePool::new(1);
        let previews =
            Cache::open(directory.path().join("previews"), 1 << 20).expect("a directory can be made");
        let (_, hub) = crate::hub::Hub::start(crate::hub::RING_BUDGET_BYTES).expect("a thread starts");
        let publish = hub.clone();
        let parts = Parts {
            store: opened
                .start(move |batch| {
                    hear(&batch);
                    _ = publish.publish(batch);
                })
                .expect("an empty store starts"),
            hub,
            tokens: Tokens::new(keys.session.clone()),
            blobs: Blobs::open(directory.path().join("blobs"), Box::new(|| Ok((1, 0))), Arc::default(), None)
                .expect("a directory can be made"),
            links: Queue::default(),
            unfurler: Unfurler::new(
                Client::new(no_resolver(), Box::new(|_| false), Vec::new()),
                pictures.clone(),
                previews.clone(),
            ),
            pictures,
            previews,
            live: LiveSessions::load([]),
            passwords: PasswordPool::start(CostChoice::Fixed(Cost::LEAST), directory.path())
                .expect("a pool of threads starts"),
            guesses: Mutex::default(),
            session_starts: Mutex::default(),
            ready_turns: Semaphore::new(1),
            whole_guilds: GuildsAsOf::default(),
            marks: Marks::default(),
            nonces: Arc::default(),
            voice: OnceLock::new(),
            setup: Mutex::default(),
            started: Instant::now(),
            config,
            keys,
        };
        Self::new(parts)
    }
}
