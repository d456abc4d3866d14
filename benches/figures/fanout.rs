//! One message of 500 bytes to all sessions of a guild, beside a loop that writes one frame to every socket.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::client::Http;
use crate::crowd::{Crowd, Sweep};
use crate::measure::{Process, fresh, line, micros_each, millis, percentile};
use crate::seed::{Plan, Seeded};

const SESSIONS: [usize; 2] = [1_000, 5_000];
/// Deliveries of one measurement.
const DELIVERIES: usize = 200_000;
/// Posts whose frames are timed.
const POSTS_TIMED: usize = 20;
/// Posts sent at once where a flood is measured.
const FLOOD: usize = 20;
/// Bytes of the message.
const CHARS: usize = 500;

/// Prints CPU, waits and system calls of a delivery.
pub async fn run() {
    for sessions in SESSIONS {
        let plan = Plan { members: sessions as u64, channels: 5, messages: 1_000, logins: sessions as u64 };
        let (directory, seeded) = fresh(plan).await;
        let server = Process::hearth(directory.path());
        let tokens = seeded.people.iter().map(|(_, token)| token.clone());
        let crowd = Crowd::gateway(server.address, "?v=10&encoding=json", tokens).await;
        let posts = DELIVERIES / sessions;
        let mut http = Http::open(server.address).await;

        let mut frame_bytes = 0;
        for _ in 0..POSTS_TIMED {
            let before = crowd.posting();
            frame_bytes = post(&mut http, &seeded).await;
            crowd.wait_for_frames(before + sessions as u64).await;
        }
        let p99 = millis(percentile(&mut crowd.take_waits(), 0.99));

        let mut sweep = crowd.into_sweep().await;
        let cpu = server.cpu();
        at_rest(&mut sweep, &mut http, &seeded, posts).await;
        let spent_us = micros_each(server.cpu() - cpu, (posts * sessions) as u64);

        let (floor_us, floor_p99) = floor(sessions, posts, frame_bytes).await;
        let what = format!("Fan-out to {sessions} sessions: CPU a delivery");
        line(
            &what,
            &format!("{spent_us:.2} µs"),
            &format!("{floor_us:.2} µs"),
            Some(spent_us / floor_us),
            "≤ 1.5",
        );
        let what = format!("Fan-out to {sessions} sessions: p99 from POST to frame");
        line(&what, &format!("{p99:.1} ms"), &format!("{floor_p99:.1} ms"), Some(p99 / floor_p99), "");
        system_calls(&server, &mut sweep, &mut http, &seeded).await;
    }
}

async fn post(http: &mut Http, seeded: &Seeded) -> usize {
    let path = format!("/api/v10/channels/{}/messages", seeded.channels[0]);
    let body = format!(r#"{{"content":"{}"}}"#, "x".repeat(CHARS));
    http.ok("POST", &path, &seeded.people[0].1, &body).await.len()
}

/// Posts one message after the other, each when everybody has the one before.
async fn at_rest(sweep: &mut Sweep, http: &mut Http, seeded: &Seeded, posts: usize) {
    for _ in 0..posts {
        let before = sweep.frames();
        post(http, seeded).await;
        sweep.wait_for_frames(before + sweep.len() as u64);
    }
}

/// CPU microseconds a delivery and milliseconds at the 99th percentile of a bare loop.
async fn floor(sessions: usize, posts: usize, frame_bytes: usize) -> (f64, f64) {
    let mut server = Process::floor("floor-broadcast", &[sessions.to_string()]);
    let crowd = Crowd::floor(server.address, sessions).await;
    for _ in 0..POSTS_TIMED {
        let before = crowd.posting();
        writeln!(server.input(), "{frame_bytes}").expect("it reads");
        crowd.wait_for_frames(before + sessions as u64).await;
    }
    let p99 = millis(percentile(&mut crowd.take_waits(), 0.99));
    let mut sweep = crowd.into_sweep().await;
    let cpu = server.cpu();
    for _ in 0..posts {
        let before = sweep.frames();
        writeln!(server.input(), "{frame_bytes}").expect("it reads");
        sweep.wait_for_frames(before + sessions as u64);
    }
    (micros_each(server.cpu() - cpu, (posts * sessions) as u64), p99)
}

/// Counts the server's system calls with strace, where there is one: one post after the other, then many at once.
async fn system_calls(server: &Process, sweep: &mut Sweep, http: &mut Http, seeded: &Seeded) {
    let sessions = sweep.len();
    for (what, posts, at_once) in [("at rest", 5, 1), ("in a flood", FLOOD, FLOOD)] {
        let mut clients = Vec::new();
        for _ in 0..at_once {
            clients.push(Http::open(server.address).await);
        }
        let Some(tracer) = Tracer::start(server.id()).await else { return };
        let before = sweep.frames();
        if at_once == 1 {
            at_rest(sweep, http, seeded, posts).await;
        } else {
            let mut tasks = tokio::task::JoinSet::new();
            for mut http in clients {
                let seeded = seeded.clone();
                tasks.spawn(async move { post(&mut http, &seeded).await });
            }
            tasks.join_all().await;
        }
        sweep.wait_for_frames(before + (posts * sessions) as u64);
        let calls = tracer.stop() as f64 / (posts * sessions) as f64;
        let target = if at_once == 1 { "≤ 1.05" } else { "< 0.5" };
        line(
            &format!("Fan-out to {sessions} sessions {what}: system calls a delivery"),
            &format!("{calls:.3}"),
            "1",
            Some(calls),
            target,
        );
    }
}

/// An strace that counts.
struct Tracer {
    child: std::process::Child,
    report: tempfile::NamedTempFile,
}

impl Tracer {
    async fn start(process: u32) -> Option<Self> {
        let report = tempfile::NamedTempFile::new().ok()?;
        let mut command = Command::new("strace");
        command.args(["-q", "-f", "-c", "-o"]).arg(report.path()).arg("-p").arg(process.to_string());
        let child = command.stderr(Stdio::null()).spawn().ok()?;
        // It says nothing once it is attached.
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some(Self { child, report })
    }

    /// Stops counting; all system calls.
    fn stop(mut self) -> u64 {
        let pid = rustix::process::Pid::from_raw(self.child.id() as i32).expect("it runs");
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it is our own");
        let _ = self.child.wait();
        let text = std::fs::read_to_string(self.report.path()).unwrap_or_default();
        let total = text.lines().find(|line| line.ends_with("total")).expect("strace sums up");
        if std::env::var_os("HEARTH_BENCH_CALLS").is_some() {
            eprintln!("{text}");
        }
        total
            .split_whitespace()
            .nth(3)
            .and_then(|calls| calls.parse().ok())
            .expect("calls are its fourth column")
    }
}
