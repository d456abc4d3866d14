//! Password hashes: argon2id in a bounded pool of threads of their own, so that log-ins never hold up messages. An unknown name costs
//! what a wrong password does. How strong a hash is was measured on this machine once, and is kept beside the data.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::random;

/// Hashes that may wait for a thread (SAFETY.md §6); more are refused as [`PasswordError::Busy`].
const QUEUE_JOBS: usize = 32;
/// Bytes that a chosen password may have (API.md §5).
const CHOSEN_BYTES: std::ops::RangeInclusive<usize> = 8..=72;
/// Time that a measured hash aims at. The largest memories fall out of the processor's caches, and the goal is at most 250 ms.
const AIM: Duration = Duration::from_millis(200);
/// Memory that measuring may choose, in KiB, the strongest first: 64 MiB and OWASP's 46 MiB.
const MEASURED_MEMORY_KIB: [u32; 2] = [64 << 10, 46 << 10];
/// Most passes that measuring chooses.
const MEASURED_ITERATIONS: u32 = 4;
/// Bytes of a salt and of a hash.
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// Blocks reserved for every hash though fewer are touched: glibc gives areas above 32 MiB back to the system when they are freed,
/// and keeps smaller ones as resident memory of the idle process.
const RESERVED_BLOCKS: usize = 34 << 10;
/// How long a thread keeps the memory of a hash for the next one.
const KEEP_MEMORY: Duration = Duration::from_secs(1);
/// How much later than the event loop the hashing threads are served by the scheduler (`nice`): as late as can be, so that they
/// take what messages leave and no more.
const NICENESS: i32 = 19;
/// Where the measured cost is kept, below the data directory; removing the file has it measured again.
const COST_FILE: &str = "password-cost.json";
/// Letters of generated passwords: no two that look alike.
const GENERATED_LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz234567892";
/// Letters in a generated password: 100 random bits, less what the doubled `2` costs.
const GENERATED_CHARS: usize = 20;

/// A password in clear. It has no `Debug` and no `Serialize`.
#[derive(Clone)]
pub struct Password(String);

/// A chosen password is too short or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be between 8 and 72 bytes, this one has {0}")]
pub struct BadLength(pub usize);

impl Password {
    /// A password that somebody chooses for an account.
    pub fn choose(text: String) -> Result<Self, BadLength> {
        if CHOSEN_BYTES.contains(&text.len()) { Ok(Self(text)) } else { Err(BadLength(text.len())) }
    }

    /// A password that somebody logs in with, of any length.
    pub fn offer(text: String) -> Self {
        Self(text)
    }

    /// A random password to hand to a person, in groups of five letters.
    pub fn generate() -> Self {
        let letter = |byte: &u8| char::from(GENERATED_LETTERS[usize::from(*byte) % GENERATED_LETTERS.len()]);
        let letters: Vec<char> = random::bytes::<GENERATED_CHARS>().iter().map(letter).collect();
        Self(letters.chunks(5).map(String::from_iter).collect::<Vec<_>>().join("-"))
    }

    /// The text, for the one place that shows or sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What is stored of a password: a PHC string of argon2id. It has no `Debug`: guesses can be tried on it.
#[derive(Clone)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// A hash read back from the store.
    pub fn from_stored(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string to store.
    pub fn as_stored(&self) -> &str {
        &self.0
    }
}

/// How much work one hash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Cost {
    /// The least that is ever used (OWASP's least for argon2id with two passes).
    pub const LEAST: Self = Self { memory_kib: 19 << 10, iterations: 2, parallelism: 1 };

    /// The same, but nowhere below [`Cost::LEAST`].
    fn at_least_least(self) -> Self {
        Self {
            memory_kib: self.memory_kib.max(Self::LEAST.memory_kib),
            iterations: self.iterations.max(Self::LEAST.iterations),
            parallelism: self.parallelism.max(Self::LEAST.parallelism),
        }
    }

    fn work(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.iterations)
    }

    fn params(self) -> Result<Params, argon2::Error> {
        Params::new(self.memory_kib, self.iterations, self.parallelism, Some(HASH_BYTES))
    }
}

/// Where the cost of a hash comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostChoice {
    /// The admin set it.
    Fixed(Cost),
    /// It is measured, and at least this.
    Measured(Cost),
}

/// Why there is no answer about a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// More hashes are waiting than the queue holds; try again in a moment.
    #[error("too many log-ins at once")]
    Busy,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopped,
    /// The stored hash is not one of argon2id.
    #[error("the stored password hash is not readable")]
    Corrupt,
}

/// One hash to compute, and where its answer goes. A job whose asker has gone is skipped.
enum Job {
    Hash(Password, oneshot::Sender<Result<PasswordHash, PasswordError>>),
    Verify(Password, Option<PasswordHash>, oneshot::Sender<Result<bool, PasswordError>>),
}

/// The threads that hash. Dropping the pool ends them after the hash they are at.
pub struct PasswordPool {
    jobs: SyncSender<Job>,
    cost: Arc<Mutex<Cost>>,
}

impl PasswordPool {
    /// Starts max(1, cores ÷ 2) threads. A cost to be measured is read from the file that an earlier start left in `data`; where
    /// there is none, the first thread measures before its first job, for well under a second.
    pub fn start(choice: CostChoice, data: &Path) -> io::Result<Self> {
        let file = data.join(COST_FILE);
        let (cost, to_measure) = match choice {
            CostChoice::Fixed(cost) => (cost.at_least_least(), None),
            CostChoice::Measured(least) => match measured_before(&file) {
                Some(cost) => (cost.at_least_least(), None),
                None => (least.at_least_least(), Some(file)),
            },
        };
        let cost = Arc::new(Mutex::new(cost));
        let (jobs, queue) = sync_channel(QUEUE_JOBS);
        let queue = Arc::new(Mutex::new(queue));
        let threads = thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1));
        let mut to_measure = to_measure;
        for index in 0..threads {
            let (queue, cost, to_measure) = (queue.clone(), cost.clone(), to_measure.take());
            thread::Builder::new()
                .name(format!("password-{index}"))
                .spawn(move || work(&queue, &cost, to_measure))?;
        }
        Ok(Self { jobs, cost })
    }

    /// What a new hash costs.
    pub fn cost(&self) -> Cost {
        *self.cost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hashes a password to be stored.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, PasswordError> {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Hash(password, reply))?;
        answer.await.map_err(|_| PasswordError::Stopped)?
    }

    /// Whether `password` is the one of `stored`. Without a stored hash, because there is no such account, a hash is computed all
    /// the same and the answer is no.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<PasswordHash>,
    ) -> Result<bool, PasswordError> {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Verify(password, stored, reply))?;
        answer.await.map_err(|_| PasswordError::Stopped)?
    }

    /// Whether a hash is weaker than new ones are, so that a log-in, which has the password, should store a new one.
    pub fn needs_rehash(&self, stored: &PasswordHash) -> bool {
        let wanted = self.cost();
        let params = Phc::new(&stored.0).ok().and_then(|phc| Params::try_from(&phc).ok());
        params.is_none_or(|params| params.m_cost() < wanted.memory_kib || params.t_cost() < wanted.iterations)
    }

    fn submit(&self, job: Job) -> Result<(), PasswordError> {
        self.jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => PasswordError::Busy,
            TrySendError::Disconnected(_) => PasswordError::Stopped,
        })
    }
}

/// The next job. The memory of the last one is kept for it, because having pages cleared by the system costs half as much as a hash
/// does; a thread that has nothing to do gives it back.
fn next(queue: &Mutex<Receiver<Job>>, memory: &mut Vec<Block>) -> Result<Job, RecvError> {
    let jobs = match queue.try_lock() {
        Ok(jobs) => jobs,
        Err(_) => {
            // Another thread waits for jobs already: there are none.
            *memory = Vec::new();
            queue.lock().unwrap_or_else(PoisonError::into_inner)
        }
    };
    if !memory.is_empty() {
        match jobs.recv_timeout(KEEP_MEMORY) {
            Err(RecvTimeoutError::Timeout) => *memory = Vec::new(),
            Err(RecvTimeoutError::Disconnected) => return Err(RecvError),
            Ok(job) => return Ok(job),
        }
    }
    jobs.recv()
}

/// One thread of the pool: measures if it is told to, then works until the pool is dropped.
fn work(queue: &Mutex<Receiver<Job>>, cost: &Mutex<Cost>, to_measure: Option<PathBuf>) {
    // A refusal costs nothing but some fairness between log-ins and messages.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
    if let Some(file) = to_measure {
        let least = *cost.lock().unwrap_or_else(PoisonError::into_inner);
        let measured = calibrate(least);
        *cost.lock().unwrap_or_else(PoisonError::into_inner) = measured;
        remember(&file, measured);
    }
    let mut memory = Vec::new();
    loop {
        let Ok(job) = next(queue, &mut memory) else { return };
        let cost = *cost.lock().unwrap_or_else(PoisonError::into_inner);
        match job {
            Job::Hash(_, reply) if reply.is_closed() => {}
            Job::Verify(_, _, reply) if reply.is_closed() => {}
            Job::Hash(password, reply) => _ = reply.send(hash(&password, cost, &mut memory)),
            Job::Verify(password, Some(stored), reply) => {
                _ = reply.send(verify(&password, &stored, &mut memory))
            }
            Job::Verify(password, None, reply) => {
                _ = reply.send(hash(&password, cost, &mut memory).map(|_| false))
            }
        }
    }
}

fn hash(password: &Password, cost: Cost, memory: &mut Vec<Block>) -> Result<PasswordHash, PasswordError> {
    let params = cost.params().map_err(|_| PasswordError::Corrupt)?;
    let salt = random::bytes::<SALT_BYTES>();
    let output = digest(password, &salt, &params, memory)?;
    let phc = || -> argon2::password_hash::phc::Result<String> {
        Ok(Phc {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params)
                .map_err(|_| argon2::password_hash::phc::Error::ParamValueInvalid)?,
            salt: Some(Salt::new(&salt)?),
            hash: Some(Output::new(&output)?),
        }
        .to_string())
    };
    phc().map(PasswordHash).map_err(|_| PasswordError::Corrupt)
}

fn verify(
    password: &Password,
    stored: &PasswordHash,
    memory: &mut Vec<Block>,
) -> Result<bool, PasswordError> {
    let phc = Phc::new(&stored.0).map_err(|_| PasswordError::Corrupt)?;
    let (Some(salt), Some(expected)) = (&phc.salt, &phc.hash) else { return Err(PasswordError::Corrupt) };
    if phc.algorithm != ARGON2ID_IDENT || expected.len() != HASH_BYTES {
        return Err(PasswordError::Corrupt);
    }
    let params = Params::try_from(&phc).map_err(|_| PasswordError::Corrupt)?;
    let output = digest(password, salt, &params, memory)?;
    Ok(verify_slices_are_equal(&output, expected.as_bytes()).is_ok())
}

fn digest(
    password: &Password,
    salt: &[u8],
    params: &Params,
    memory: &mut Vec<Block>,
) -> Result<[u8; HASH_BYTES], PasswordError> {
    let count = params.block_count();
    if memory.len() < count {
        *memory = Vec::with_capacity(count.max(RESERVED_BLOCKS));
        memory.resize(count, Block::default());
    }
    let mut output = [0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password.0.as_bytes(), salt, &mut output, &mut memory[..count])
        .map_err(|_| PasswordError::Corrupt)?;
    Ok(output)
}

/// The strongest cost that takes about 200 ms on this machine, but at least `least`. Takes one to two hashes of the least cost.
pub fn calibrate(least: Cost) -> Cost {
    let least = least.at_least_least();
    let sample = || {
        let started = Instant::now();
        // The sample's hash is thrown away; only its time counts.
        let _ = hash(&Password(String::from("how long does this take")), Cost::LEAST, &mut Vec::new());
        started.elapsed()
    };
    let first = sample();
    let fastest = if first < AIM { first.min(sample()) } else { first };
    strongest(fastest, least)
}

/// The strongest cost that stays within the aim, where a hash of [`Cost::LEAST`] took `sample`; at least `least`.
fn strongest(sample: Duration, least: Cost) -> Cost {
    let is_within = |cost: &Cost| {
        let expected =
            sample.as_nanos().saturating_mul(u128::from(cost.work())) / u128::from(Cost::LEAST.work());
        expected <= AIM.as_nanos()
    };
    let with_memory = MEASURED_MEMORY_KIB
        .into_iter()
        .filter(|memory_kib| *memory_kib > least.memory_kib)
        .map(|memory_kib| Cost { memory_kib, ..least })
        .find(is_within)
        .unwrap_or(least);
    (with_memory.iterations..=MEASURED_ITERATIONS)
        .rev()
        .map(|iterations| Cost { iterations, ..with_memory })
        .find(is_within)
        .unwrap_or(with_memory)
}

fn measured_before(file: &Path) -> Option<Cost> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

fn remember(file: &Path, cost: Cost) {
    let text = serde_json::to_string(&cost).expect("three numbers are always JSON") + "\n";
    if let Err(error) = fs::write(file, text) {
        tracing::warn!(%error, "the measured cost of password hashes could not be kept; the next start measures again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(data: &tempfile::TempDir) -> PasswordPool {
        PasswordPool::start(CostChoice::Fixed(Cost::LEAST), data.path()).unwrap()
    }

    fn offered(text: &str) -> Password {
        Password::offer(text.into())
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_and_verifies_its_own_password_only() {
        let data = tempfile::tempdir().unwrap();
        let pool = pool(&data);
        let stored = pool.hash(Password::choose("correct horse".into()).unwrap()).await.unwrap();
        assert!(stored.as_stored().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored.as_stored());
        assert_eq!(pool.verify(offered("correct horse"), Some(stored.clone())).await, Ok(true));
        assert_eq!(pool.verify(offered("correct horsf"), Some(stored.clone())).await, Ok(false));
        assert_eq!(pool.verify(offered("correct horse"), None).await, Ok(false));
        let garbage = PasswordHash::from_stored("$argon2id$v=19$m=8".into());
        assert_eq!(pool.verify(offered("x"), Some(garbage.clone())).await, Err(PasswordError::Corrupt));
        assert!(pool.needs_rehash(&garbage) && !pool.needs_rehash(&stored));
        // The library's own verifier agrees with ours, which hashes in memory that another hash has left.
        use argon2::PasswordVerifier as _;
        let phc = Phc::new(stored.as_stored()).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &phc).is_ok());
    }

    #[tokio::test]
    async fn more_than_the_queue_holds_is_busy() {
        let data = tempfile::tempdir().unwrap();
        let (jobs, _queue) = sync_channel(QUEUE_JOBS);
        let pool = PasswordPool { jobs, cost: Arc::new(Mutex::new(Cost::LEAST)) };
        let mut waiting = Vec::new();
        for _ in 0..QUEUE_JOBS {
            let (reply, answer) = oneshot::channel();
            pool.submit(Job::Verify(offered("x"), None, reply)).unwrap();
            waiting.push(answer);
        }
        assert_eq!(pool.verify(offered("x"), None).await, Err(PasswordError::Busy));
        drop(data);
    }

    #[test]
    fn measuring_never_goes_below_the_least_and_remembers() {
        let ms = Duration::from_millis;
        assert_eq!(strongest(ms(400), Cost::LEAST), Cost::LEAST);
        assert_eq!(strongest(ms(120), Cost::LEAST), Cost { iterations: 3, ..Cost::LEAST });
        assert_eq!(
            strongest(ms(50), Cost::LEAST),
            Cost { memory_kib: 64 << 10, iterations: 2, parallelism: 1 }
        );
        assert_eq!(
            strongest(ms(1), Cost::LEAST),
            Cost { memory_kib: 64 << 10, iterations: 4, parallelism: 1 }
        );
        let big = Cost { memory_kib: 128 << 10, iterations: 6, parallelism: 1 };
        assert_eq!(strongest(ms(1), big), big);
        let data = tempfile::tempdir().unwrap();
        let kept = Cost { memory_kib: 46 << 10, iterations: 3, parallelism: 1 };
        remember(&data.path().join(COST_FILE), kept);
        let pool = PasswordPool::start(CostChoice::Measured(Cost::LEAST), data.path()).unwrap();
        assert_eq!(pool.cost(), kept);
        fs::write(data.path().join(COST_FILE), r#"{"memory_kib":8,"iterations":1,"parallelism":1}"#).unwrap();
        let pool = PasswordPool::start(CostChoice::Measured(Cost::LEAST), data.path()).unwrap();
        assert_eq!(pool.cost(), Cost::LEAST);
    }

    #[test]
    fn chosen_passwords_have_a_length_and_generated_ones_are_chosen() {
        assert!(Password::choose("seven77".into()).is_err() && Password::choose("x".repeat(73)).is_err());
        let generated = Password::generate();
        assert_eq!(generated.expose().len(), GENERATED_CHARS + 3);
        assert!(Password::choose(generated.expose().into()).is_ok());
        assert_ne!(generated.expose(), Password::generate().expose());
    }
}
