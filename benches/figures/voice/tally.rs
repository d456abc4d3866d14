//! What loaders count: packets that came, numbers that are missing, and waits from a stamp in the payload to
//! its decryption.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::peer::SOUND_BYTES;

/// Where the payload's stamp stands: its last bytes.
const STAMP_BYTES: usize = 8;

/// One stream that comes in.
struct Stream {
    id: u32,
    seq: u16,
    due: u64,
    came: u64,
}

/// Streams that come in, told apart by a number of their own.
#[derive(Default)]
pub struct Streams(Vec<Stream>);

impl Streams {
    /// Counts a packet by its number in its stream.
    pub fn count(&mut self, id: u32, seq: u16) {
        let Some(stream) = self.0.iter_mut().find(|stream| stream.id == id) else {
            self.0.push(Stream { id, seq, due: 1, came: 1 });
            return;
        };
        stream.came += 1;
        let ahead = seq.wrapping_sub(stream.seq);
        if ahead < 1 << 15 {
            stream.due += u64::from(ahead);
            stream.seq = seq;
        }
    }

    /// How many of them were ever heard.
    pub fn heard(&self) -> usize {
        self.0.len()
    }

    /// Counts from here on.
    pub fn begin(&mut self) {
        for stream in &mut self.0 {
            (stream.due, stream.came) = (0, 0);
        }
    }

    /// What was counted since it began, with the waits that belong to it.
    pub fn tally(&self, waits: Waits) -> Tally {
        Tally {
            came: self.0.iter().map(|stream| stream.came).sum(),
            due: self.0.iter().map(|stream| stream.due).sum(),
            waits,
        }
    }
}

/// From a stamp in the payload to the end of decryption.
#[derive(Clone, Default, Debug)]
pub struct Waits {
    pub sounds: Vec<Duration>,
    pub pictures: Vec<Duration>,
}

impl Waits {
    /// Takes that of a packet with so many bytes in it.
    pub fn take(&mut self, bytes: usize, wait: Duration) {
        if bytes > SOUND_BYTES { &mut self.pictures } else { &mut self.sounds }.push(wait);
    }
}

/// What peers counted.
#[derive(Clone, Default, Debug)]
pub struct Tally {
    /// Media packets that came.
    pub came: u64,
    /// Those and the ones whose numbers are missing.
    pub due: u64,
    pub waits: Waits,
}

impl Tally {
    /// Takes in what others counted.
    pub fn add(&mut self, other: Self) {
        self.came += other.came;
        self.due += other.due;
        self.waits.sounds.extend(other.waits.sounds);
        self.waits.pictures.extend(other.waits.pictures);
    }

    /// The share that is missing, in percent.
    pub fn lost_percent(&self) -> f64 {
        100.0 * self.due.saturating_sub(self.came) as f64 / self.due.max(1) as f64
    }
}

/// Nanoseconds since the first call in this process.
fn now_ns() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// The payload with the present moment in its last bytes.
pub fn stamped(mut payload: Vec<u8>) -> Vec<u8> {
    let at = payload.len() - STAMP_BYTES;
    payload[at..].copy_from_slice(&now_ns().to_be_bytes());
    payload
}

/// How long ago a payload was stamped.
pub fn since_stamp(payload: &[u8]) -> Option<Duration> {
    let stamp = u64::from_be_bytes(*payload.last_chunk::<STAMP_BYTES>()?);
    Some(Duration::from_nanos(now_ns().saturating_sub(stamp)))
}
