//! Posts over HTTP: what one costs the server, beside an empty handler on the same hyper that commits one bare row.

use std::time::{Duration, Instant};

use crate::client::Http;
use crate::measure::{Process, fresh, line, median, micros_each};
use crate::posts::place;
use crate::seed::{Plan, Random, Seeded};

const PLAN: Plan = Plan { members: 1_000, channels: 16, messages: 10_000, logins: 64 };
const CONNECTIONS: usize = 64;
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(3);

/// Prints the CPU of a post over HTTP.
pub async fn run() {
    let (directory, seeded) = fresh(PLAN).await;
    let server = Process::hearth(directory.path());
    let (_, _, answer_bytes) = posts(&server, &seeded, Duration::from_millis(200)).await;
    let rows = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory can be made");
    let floor = Process::floor("floor-http", &[answer_bytes.to_string(), rows.path().display().to_string()]);
    let (mut real, mut bare, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(posts(&floor, &seeded, ROUND).await.0);
        let (cpu_us, per_second, _) = posts(&server, &seeded, ROUND).await;
        real.push(cpu_us);
        rates.push(per_second);
    }
    let (cpu_us, floor_us) = (median(real), median(bare));
    let what = format!("Post over HTTP, {CONNECTIONS} connections, {:.0}/s: CPU", median(rates));
    line(&what, &format!("{cpu_us:.1} µs"), &format!("{floor_us:.1} µs"), Some(cpu_us / floor_us), "≤ 2");
}

/// CPU microseconds a post, posts a second, bytes of an answer.
async fn posts(server: &Process, seeded: &Seeded, time: Duration) -> (f64, f64, usize) {
    let mut tasks = tokio::task::JoinSet::new();
    let (began, cpu) = (Instant::now(), server.cpu());
    for n in 0..CONNECTIONS {
        let mut http = Http::open(server.address).await;
        let (channel, token) = place(seeded, n);
        let (path, token) = (format!("/api/v10/channels/{channel}/messages"), token.to_owned());
        tasks.spawn(async move {
            let (mut random, mut posts, mut bytes) = (Random::new(n as u64), 0u64, 0);
            while began.elapsed() < time {
                let body = format!(r#"{{"content":"{}","nonce":"{}"}}"#, random.text(), random.next());
                bytes = http.ok("POST", &path, &token, &body).await.len();
                posts += 1;
            }
            (posts, bytes)
        });
    }
    let all = tasks.join_all().await;
    let posts: u64 = all.iter().map(|one| one.0).sum();
    (micros_each(server.cpu() - cpu, posts), posts as f64 / began.elapsed().as_secs_f64(), all[0].1)
}
