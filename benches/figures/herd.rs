//! Everybody of a large guild at once: all sockets are cut, and all come back in the same moment (SAFETY.md §5.12).

use std::time::Instant;

use crate::crowd::Crowd;
use crate::measure::{Process, fresh, line};
use crate::seed::Plan;

const SESSIONS: usize = 10_000;
const QUERY: &str = "?v=10&encoding=json";

/// Prints how long it takes until the last has its READY, and what that tells the others.
pub async fn run() {
    let plan = Plan { members: SESSIONS as u64, channels: 5, messages: 1_000, logins: SESSIONS as u64 };
    let (directory, seeded) = fresh(plan).await;
    let server = Process::hearth(directory.path());
    let tokens = || seeded.people.iter().map(|(_, token)| token.clone());
    Crowd::gateway(server.address, QUERY, tokens()).await.cut().await;
    let (cut, cpu) = (Instant::now(), server.cpu_of_threads());
    let back = Crowd::connect(server.address, QUERY, tokens(), SESSIONS).await;
    let (seconds, cpu) = (cut.elapsed().as_secs_f64(), server.cpu_of_threads().saturating_sub(cpu));
    let what = format!("{SESSIONS} sessions of one guild cut and back: until the last READY");
    line(&what, &format!("{seconds:.1} s"), "", None, "≤ 10 s");
    line(&format!("{what}, CPU"), &format!("{:.1} s", cpu.as_secs_f64()), "", None, "");
    back.quiet().await;
    let told_kib = back.told_bytes() as f64 / 1_024.0 / SESSIONS as f64;
    let what = format!("{SESSIONS} sessions of one guild cut and back: told to each of the others' return");
    line(&what, &format!("{told_kib:.1} KiB"), "", None, "≤ 16 KiB");
}
