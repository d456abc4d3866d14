//! From connect to READY in a guild of 50 channels and 1 000 members.

use crate::client::Socket;
use crate::measure::{Process, fresh, line, micros_each};
use crate::seed::Plan;

const PLAN: Plan = Plan { members: 1_000, channels: 50, messages: 5_000, logins: 1_000 };

/// Prints the CPU of one connect.
pub async fn run() {
    let (directory, seeded) = fresh(PLAN).await;
    let server = Process::hearth(directory.path());
    let mut open = Vec::new();
    let mut cpu = server.cpu();
    for (n, (_, token)) in seeded.people.iter().enumerate() {
        if n == 100 {
            // The first ones also pay for what is loaded once.
            cpu = server.cpu();
        }
        let mut socket = Socket::open(server.address, "?v=10&encoding=json").await;
        socket.next().await;
        socket.identify(token).await;
        socket.wait_for(r#""t":"READY""#).await;
        open.push(socket);
    }
    let each = micros_each(server.cpu() - cpu, open.len() as u64 - 100) / 1e3;
    line("Connect to READY, 50 channels, 1 000 members: CPU", &format!("{each:.3} ms"), "", None, "≤ 0.6 ms");
}
