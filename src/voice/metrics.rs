//! What media counts: for whoever runs the server, without names of people or places.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// The counters, written by the voice thread.
        #[derive(Debug, Default)]
        pub struct Counters { $($(#[doc = $doc])* pub $name: AtomicU64,)* }

        /// What the counters say at one moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
        pub struct Snapshot { $($(#[doc = $doc])* pub $name: u64,)* }

        impl Counters {
            /// What they say now.
            pub fn snapshot(&self) -> Snapshot {
                Snapshot { $($name: self.$name.load(Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Rooms with somebody in them.
    rooms,
    /// Connections, browsers' and bots'.
    peers,
    /// Packets that came in.
    packets_in,
    /// Packets sent.
    packets_out,
    /// Packets from nobody that is known.
    dropped_strangers,
    /// Packets beyond what one sender may send.
    dropped_budget,
    /// Packets of who may not be heard or seen.
    dropped_muted,
    /// Packets that the network took no more of.
    dropped_unsent,
    /// Packets of pictures that came while too many waited to be given out.
    dropped_busy,
    /// Keyframes asked for.
    keyframes_asked,
    /// Connections that were closed because they failed.
    failed_peers,
    /// Times that the thread began anew after a panic.
    restarts,
    /// Turns of the loop that took longer than 200 ms.
    slow_turns,
    /// Microseconds of work.
    busy_us,
}

/// Adds to a counter.
pub fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Relaxed);
}
