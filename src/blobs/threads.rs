//! Threads for what nobody who talks waits for: to hash and write what is uploaded, to decode pictures. The scheduler serves them after
//! those that carry messages, so that on few cores a post waits neither behind a file nor behind a photo.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// How many there are at most of each kind; what more there is to do waits. Most that write wait for a disk, which is one; how many
/// pictures are decoded at once is decided elsewhere.
const THREADS: usize = 16;
/// How much later they are served (`nice`): a tenth of a core is left to them where messages take all of it.
const NICENESS: i32 = 10;

/// A runtime for its pool alone: nothing else runs on it, and its threads come with the first work and go without any. It ends with the
/// process: what it was about to write then is as after a power cut.
fn pool() -> Runtime {
    Builder::new_current_thread()
        .thread_name("files")
        .max_blocking_threads(THREADS)
        .on_thread_start(|| {
            // A refusal costs nothing but some fairness between files and messages.
            let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
        })
        .build()
        .expect("a runtime without drivers opens nothing")
}

/// Hashes or writes a file.
pub fn write<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    static WRITERS: LazyLock<Runtime> = LazyLock::new(pool);
    WRITERS.spawn_blocking(work)
}

/// Decodes a picture. On threads of its own: it must not wait for a disk, as what waits too long is given up.
pub fn decode<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    static DECODERS: LazyLock<Runtime> = LazyLock::new(pool);
    DECODERS.spawn_blocking(work)
}
