//! From connect to READY in a guild of 50 channels and 1 000 members.

use crate::client::Socket;
use crate::measure::{Process, fresh, line, median, micros_each};
use crate::seed::Plan;

/// A READY is longer than this in any encoding, and nothing else that comes first.
const LEAST_READY_BYTES: usize = 1_500;
const PLAN: Plan = Plan { members: 1_000, channels: 50, messages: 5_000, logins: 1_000 };

/// Sessions that come before any is counted: they also pay for what is loaded once.
const FIRST: usize = 100;
/// Rounds of each encoding, in turn.
const ROUNDS: usize = 5;
const ENCODINGS: [(&str, &str); 2] =
    [("JSON", "?v=10&encoding=json"), ("zlib-stream", "?v=10&encoding=json&compress=zlib-stream")];

/// Prints the CPU of one connect in each encoding.
pub async fn run() {
    let (directory, seeded) = fresh(PLAN).await;
    let server = Process::hearth(directory.path());
    let mut open = Vec::new();
    let mut tokens = seeded.people.iter().map(|(_, token)| token.as_str());
    for token in tokens.by_ref().take(FIRST) {
        open.push(connect(&server, ENCODINGS[0].1, token).await);
    }
    let each = (seeded.people.len() - FIRST) / ROUNDS / ENCODINGS.len();
    let mut spent = ENCODINGS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for ((_, query), spent) in ENCODINGS.iter().zip(&mut spent) {
            let cpu = server.cpu_of_threads();
            for token in tokens.by_ref().take(each) {
                open.push(connect(&server, query, token).await);
            }
            spent.push(micros_each(server.cpu_of_threads().saturating_sub(cpu), each as u64) / 1e3);
        }
    }
    for ((name, _), spent) in ENCODINGS.iter().zip(spent) {
        let what = format!("Connect to READY, {name}, 50 channels, 1 000 members: CPU");
        line(&what, &format!("{:.3} ms", median(spent)), "", None, "≤ 0.6 ms");
    }
}

/// A session that has its READY: HELLO, then one frame that is much longer, whatever its encoding.
async fn connect(server: &Process, query: &str, token: &str) -> Socket {
    let mut socket = Socket::open(server.address, query).await;
    socket.next().await;
    socket.identify(token).await;
    while socket.next().await.len() < LEAST_READY_BYTES {}
    socket
}
