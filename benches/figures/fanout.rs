//! One message of 500 bytes to all sessions of a guild, beside a loop that writes one numbered frame to every socket. CPU is that
//! of the servers alone; the clients of both are the same and look for frames instead of sleeping on each socket.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::client::Http;
use crate::crowd::{Crowd, Sweep};
use crate::measure::{Process, fresh, line, median, micros_each, millis, percentile};
use crate::seed::{Plan, Seeded};

const SESSIONS: [usize; 2] = [1_000, 5_000];
/// Deliveries of one measurement, over all its rounds.
const DELIVERIES: usize = 200_000;
/// Rounds of each side, in turn, so that a busy moment of the machine falls on both.
const ROUNDS: usize = 5;
/// Posts whose frames are timed.
const POSTS_TIMED: usize = 20;
/// Posts whose system calls are counted one after the other.
const POSTS_TRACED: usize = 5;
/// Posts sent at once where a flood is measured.
const FLOOD: usize = 20;
/// Bytes that each session's frame begins with.
const OPENING_BYTES: usize = r#"{"op":0,"s":21,"#.len();
/// Bytes of the message.
const CHARS: usize = 500;

/// Prints CPU, waits and system calls of a delivery.
pub async fn run() {
    for sessions in SESSIONS {
        let mut real = Real::start(sessions).await;
        let mut floor = Floor::start(sessions, real.tail_bytes).await;
        cpu(&mut real, &mut floor).await;
        let what = format!("Fan-out to {sessions} sessions: p99 from POST to frame");
        let (p99, floor_p99) = (real.p99_ms, floor.p99_ms);
        line(&what, &format!("{p99:.1} ms"), &format!("{floor_p99:.1} ms"), Some(p99 / floor_p99), "");
        drop(floor);
        real.system_calls().await;
    }
}

fn plan(sessions: usize, logins: usize) -> Plan {
    Plan { members: sessions as u64, channels: 5, messages: 1_000, logins: logins as u64 }
}

/// Prints CPU of a delivery, with and without its share of the post, which is measured by the same posts with nobody there.
async fn cpu(real: &mut Real, floor: &mut Floor) {
    let sessions = real.sweep.len();
    let (directory, seeded) = fresh(plan(sessions, 1)).await;
    let quiet = Process::hearth(directory.path());
    let mut http = Http::open(quiet.address).await;
    let posts = DELIVERIES / sessions / ROUNDS;
    let each = |spent| micros_each(spent, (posts * sessions) as u64);
    let (mut whole, mut alone, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let before = floor.server.cpu_of_threads();
        floor.broadcast(posts);
        bare.push(each(floor.server.cpu_of_threads().saturating_sub(before)));
        let before = real.server.cpu_of_threads();
        real.at_rest(posts).await;
        whole.push(each(real.server.cpu_of_threads().saturating_sub(before)));
        let before = quiet.cpu_of_threads();
        for _ in 0..posts {
            post(&mut http, &seeded).await;
        }
        alone.push(each(quiet.cpu_of_threads().saturating_sub(before)));
    }
    let deliveries = whole.iter().zip(&alone).map(|(whole, alone)| whole - alone).collect();
    let (delivery_us, whole_us, bare_us) = (median(deliveries), median(whole), median(bare));
    for (what, spent_us, target) in
        [("CPU a delivery", delivery_us, "≤ 1.5"), ("CPU a delivery, the post included", whole_us, "")]
    {
        line(
            &format!("Fan-out to {sessions} sessions: {what}"),
            &format!("{spent_us:.2} µs"),
            &format!("{bare_us:.2} µs"),
            Some(spent_us / bare_us),
            target,
        );
    }
}

async fn post(http: &mut Http, seeded: &Seeded) {
    let path = format!("/api/v10/channels/{}/messages", seeded.channels[0]);
    let body = format!(r#"{{"content":"{}"}}"#, "x".repeat(CHARS));
    http.ok("POST", &path, &seeded.people[0].1, &body).await;
}

/// A server with sessions, and who posts to them.
struct Real {
    server: Process,
    sweep: Sweep,
    http: Http,
    seeded: Seeded,
    _directory: TempDir,
    p99_ms: f64,
    /// Bytes that the frames of all sessions share.
    tail_bytes: usize,
}

impl Real {
    /// A server with so many sessions, and its milliseconds from a post to its frames at the 99th percentile.
    async fn start(sessions: usize) -> Self {
        let (directory, seeded) = fresh(plan(sessions, sessions)).await;
        let server = Process::hearth(directory.path());
        let tokens = seeded.people.iter().map(|(_, token)| token.clone());
        let crowd = Crowd::gateway(server.address, "?v=10&encoding=json", tokens).await;
        let mut http = Http::open(server.address).await;
        for _ in 0..POSTS_TIMED {
            let before = crowd.posting();
            post(&mut http, &seeded).await;
            crowd.wait_for_frames(before + sessions as u64).await;
        }
        let p99_ms = millis(percentile(&mut crowd.take_waits(), 0.99));
        let tail_bytes = crowd.frame_bytes() - OPENING_BYTES;
        let sweep = crowd.into_sweep().await;
        Self { server, sweep, http, seeded, _directory: directory, p99_ms, tail_bytes }
    }

    /// Posts one message after the other, each when everybody has the one before.
    async fn at_rest(&mut self, posts: usize) {
        for _ in 0..posts {
            let before = self.sweep.frames();
            post(&mut self.http, &self.seeded).await;
            self.sweep.wait_for_frames(before + self.sweep.len() as u64);
        }
    }

    /// Posts many messages at once.
    async fn in_a_flood(&mut self, mut clients: Vec<Http>) {
        let before = self.sweep.frames();
        let posts = clients.len();
        let mut tasks = tokio::task::JoinSet::new();
        for mut http in clients.drain(..) {
            let seeded = self.seeded.clone();
            tasks.spawn(async move { post(&mut http, &seeded).await });
        }
        tasks.join_all().await;
        self.sweep.wait_for_frames(before + (posts * self.sweep.len()) as u64);
    }

    /// Counts the server's system calls with strace, where there is one: one post after the other, then many at once.
    async fn system_calls(&mut self) {
        let sessions = self.sweep.len();
        for (what, posts, target) in [("at rest", POSTS_TRACED, "≤ 1.05"), ("in a flood", FLOOD, "< 0.5")] {
            let mut clients = Vec::new();
            for _ in 0..FLOOD {
                clients.push(Http::open(self.server.address).await);
            }
            let Some(tracer) = Tracer::start(self.server.id()).await else { return };
            if posts == FLOOD {
                self.in_a_flood(clients).await;
            } else {
                self.at_rest(posts).await;
            }
            let calls = tracer.stop() as f64 / (posts * sessions) as f64;
            line(
                &format!("Fan-out to {sessions} sessions {what}: system calls a delivery"),
                &format!("{calls:.3}"),
                "1",
                Some(calls),
                target,
            );
        }
    }
}

/// The bare loop and its clients.
struct Floor {
    server: Process,
    sweep: Sweep,
    p99_ms: f64,
    tail_bytes: usize,
}

impl Floor {
    /// A loop with so many clients, and its milliseconds from the line that asks for a frame to the frame, at the 99th percentile.
    async fn start(sessions: usize, tail_bytes: usize) -> Self {
        let mut server = Process::floor("floor-broadcast", &[sessions.to_string()]);
        let crowd = Crowd::floor(server.address, sessions).await;
        for _ in 0..POSTS_TIMED {
            let before = crowd.posting();
            writeln!(server.input(), "{tail_bytes}").expect("it reads");
            crowd.wait_for_frames(before + sessions as u64).await;
        }
        let p99_ms = millis(percentile(&mut crowd.take_waits(), 0.99));
        Self { server, sweep: crowd.into_sweep().await, p99_ms, tail_bytes }
    }

    /// Writes one frame to everybody after the other, each when everybody has the one before.
    fn broadcast(&mut self, frames: usize) {
        for _ in 0..frames {
            let before = self.sweep.frames();
            writeln!(self.server.input(), "{}", self.tail_bytes).expect("it reads");
            self.sweep.wait_for_frames(before + self.sweep.len() as u64);
        }
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
