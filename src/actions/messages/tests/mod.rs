//! Stories of messages, each on a store in memory: people act, and the test looks at answers, rows and what was told.

mod deleting;
mod dms;
mod editing;
mod mentioning;
mod pinning;
mod posting;
mod reacting;
mod reading;
mod sweeping;
mod world;
