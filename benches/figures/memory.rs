//! Resident memory: of a process that does nothing, and of each idle gateway session.

use crate::crowd::Crowd;
use crate::measure::{Process, fresh, line};
use crate::seed::Plan;

const SESSIONS: usize = 5_000;
/// A bare fastwebsockets connection, as measured once; KiB.
const BARE_SOCKET_KIB: f64 = 13.0;

/// Prints KiB of a process and of a session.
pub async fn run() {
    let empty = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory can be made");
    let idle = Process::hearth(&empty.path().join("data"));
    let mb = idle.resident_kib() as f64 * 1_024.0 / 1e6;
    idle.kill();
    line("Idle process: resident memory", &format!("{mb:.1} MB"), "", None, "≤ 30 MB");
    for (what, query, target) in [
        ("JSON", "?v=10&encoding=json", "≤ 20 KiB"),
        ("zlib-stream", "?v=10&encoding=json&compress=zlib-stream", "≤ 24 KiB"),
        ("zstd-stream", "?v=10&encoding=json&compress=zstd-stream", ""),
    ] {
        let plan = Plan { members: SESSIONS as u64, channels: 5, messages: 1_000, logins: SESSIONS as u64 };
        let (directory, seeded) = fresh(plan).await;
        let server = Process::hearth(directory.path());
        // A first few bring in what is there once, however many come.
        let first = Crowd::gateway(
            server.address,
            query,
            seeded.people.iter().take(50).map(|(_, token)| token.clone()),
        )
        .await;
        let before = server.resident_kib();
        let rest = seeded.people.iter().skip(50).map(|(_, token)| token.clone());
        let crowd = Crowd::gateway(server.address, query, rest).await;
        let each = (server.resident_kib() - before) as f64 / crowd.len() as f64;
        let what = format!("Idle gateway session, {what}, of {SESSIONS} (floor: a bare WebSocket)");
        line(
            &what,
            &format!("{each:.1} KiB"),
            &format!("{BARE_SOCKET_KIB:.0} KiB"),
            Some(each / BARE_SOCKET_KIB),
            target,
        );
        drop((first, crowd));
    }
}
