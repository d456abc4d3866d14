//! A login beside the hash it is made of, and how long posts take while logins keep the hashing pool full.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};

use crate::client::Http;
use crate::measure::{Process, fresh, line, median, micros_each, millis, percentile, thread_cpu};
use crate::posts::place;
use crate::seed::{Plan, Seeded};

const PLAN: Plan = Plan { members: 100, channels: 5, messages: 1_000, logins: 16 };
const PASSWORD: &str = "correct horse battery";
const WRONG: &str = "correct horse staple";
const ROUNDS: usize = 5;
const LOGINS: u64 = 10;
/// Logins at once that keep the pool full.
const CROWD: usize = 8;
const POSTERS: usize = 8;
/// Time between two posts of one poster.
const GAP: Duration = Duration::from_millis(40);
/// Time of one round.
const LOAD: Duration = Duration::from_secs(3);
/// Rounds with and without logins, in turn.
const LOAD_ROUNDS: usize = 5;

/// Prints what a login costs, and what it costs others.
pub async fn run() {
    let (directory, seeded) = fresh(PLAN).await;
    let server = Process::hearth(directory.path());
    let mut http = Http::open(server.address).await;
    http.ok(
        "POST",
        "/api/v10/auth/register",
        "",
        &format!(r#"{{"username":"mira","password":"{PASSWORD}"}}"#),
    )
    .await;
    let (mut right, mut wrong, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (password, status, spent) in [(PASSWORD, 200, &mut right), (WRONG, 400, &mut wrong)] {
            let cpu = server.cpu_of_threads();
            for _ in 0..LOGINS {
                log_in(&mut http, password, status).await;
            }
            spent.push(micros_each(server.cpu_of_threads().saturating_sub(cpu), LOGINS) / 1e3);
        }
        floor.push(hash_ms());
    }
    let floor_ms = median(floor);
    for (what, spent) in [("Login", right), ("Login with a wrong password", wrong)] {
        let cpu_ms = median(spent);
        line(
            &format!("{what} (floor: its argon2id hash): CPU"),
            &format!("{cpu_ms:.2} ms"),
            &format!("{floor_ms:.2} ms"),
            Some(cpu_ms / floor_ms),
            "≤ 1.15",
        );
    }
    beside_logins(&server, &seeded).await;
}

/// Prints how long posts take with and without logins that keep the pool full.
async fn beside_logins(server: &Process, seeded: &Seeded) {
    let (mut calm, mut busy) = (Vec::new(), Vec::new());
    let p99 = |mut waits: Vec<Duration>| millis(percentile(&mut waits, 0.99));
    for _ in 0..LOAD_ROUNDS {
        calm.push(p99(waits(server, seeded).await));
        let mut crowd = tokio::task::JoinSet::new();
        for _ in 0..CROWD {
            let mut http = Http::open(server.address).await;
            crowd.spawn(async move {
                loop {
                    log_in(&mut http, PASSWORD, 200).await;
                }
            });
        }
        busy.push(p99(waits(server, seeded).await));
        crowd.shutdown().await;
    }
    let (busy_ms, calm_ms) = (median(busy), median(calm));
    let what = "p99 of a post while logins keep the pool full (floor: without logins)";
    line(what, &format!("{busy_ms:.1} ms"), &format!("{calm_ms:.1} ms"), Some(busy_ms / calm_ms), "≤ 2");
}

async fn log_in(http: &mut Http, password: &str, status: u16) {
    let body = format!(r#"{{"login":"mira","password":"{password}"}}"#);
    let (answered, _) = http.request("POST", "/api/v10/auth/login", "", &body).await;
    assert_eq!(answered, status, "the answer to a login");
}

/// Milliseconds of CPU of one hash with the server's parameters.
fn hash_ms() -> f64 {
    let params = Params::new(19_456, 2, 1, None).expect("these are within the limits");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = [0; 32];
    let cpu = thread_cpu();
    for _ in 0..LOGINS {
        argon2.hash_password_into(PASSWORD.as_bytes(), b"sixteen bytes ok", &mut hash).expect("it hashes");
    }
    micros_each(thread_cpu() - cpu, LOGINS) / 1e3
}

/// How long each post of a steady trickle took.
pub async fn waits(server: &Process, seeded: &Seeded) -> Vec<Duration> {
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..POSTERS {
        let mut http = Http::open(server.address).await;
        let (channel, token) = place(seeded, n);
        let (path, token) = (format!("/api/v10/channels/{channel}/messages"), token.to_owned());
        tasks.spawn(async move {
            let mut own = Vec::new();
            let mut turn = began + GAP.mul_f64(n as f64 / POSTERS as f64);
            while began.elapsed() < LOAD {
                tokio::time::sleep_until(turn.into()).await;
                turn += GAP;
                let asked = Instant::now();
                http.ok("POST", &path, &token, r#"{"content":"how long does this take"}"#).await;
                own.push(asked.elapsed());
            }
            own
        });
    }
    tasks.join_all().await.concat()
}
