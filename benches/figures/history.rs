//! Reading back: pages of 50 at a million messages, over HTTP for their cost and in process for their tail.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hearth::actions::messages::{self, Page};
use hearth::logic::form::{self, Checked};

use crate::client::Http;
use crate::measure::{Process, kept, line, median, micros_each, millis, percentile};
use crate::posts::{actor, app};
use crate::seed::{Plan, Random, Seeded};

/// A million messages.
pub const PLAN: Plan = Plan { members: 100_000, channels: 50, messages: 1_000_000, logins: 64 };
const CONNECTIONS: usize = 4;
const READERS: usize = 64;
/// Rounds over HTTP of each side, in turn.
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(3);
/// Milliseconds from the first seeded message to the last: pages begin anywhere between.
const SPAN_MS: u64 = 20 * PLAN.messages;

/// Prints what a page costs and how long its readers wait.
pub async fn run() {
    let (directory, seeded) = kept(PLAN).await;
    let server = Process::hearth(&directory);
    let (_, bytes) = over_http(&server, &seeded).await;
    let floor = Process::floor("floor-http", &[bytes.to_string()]);
    let (mut real, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(over_http(&floor, &seeded).await.0);
        real.push(over_http(&server, &seeded).await.0);
    }
    server.kill();
    floor.kill();
    let (cost_us, floor_us) = (median(real), median(bare));
    let what = "Page of 50 at 1 M messages over HTTP: CPU (floor: an empty handler)";
    line(
        what,
        &format!("{:.3} ms", cost_us / 1e3),
        &format!("{:.3} ms", floor_us / 1e3),
        Some(cost_us / floor_us),
        "≤ 0.2 ms",
    );

    let (app, hub) = app(&directory);
    let app = Arc::new(app);
    let (most, _) = in_process(&app, &seeded, None).await;
    let (rate, mut waits) = in_process(&app, &seeded, Some(most / 2.0)).await;
    let p99 = millis(percentile(&mut waits, 0.99));
    let what = format!("Page of 50 in process, {READERS} readers at {rate:.0}/s: p99");
    line(&what, &format!("{p99:.2} ms"), &format!("saturates at {most:.0}/s"), None, "≤ 2 ms");
    tokio::task::spawn_blocking(move || (app.store.close(), hub.stop()))
        .await
        .expect("it does not panic")
        .0
        .expect("it closes");
}

/// The query of a page: the newest or one anywhere before.
fn query(random: &mut Random) -> String {
    if random.below(2) == 0 {
        return "limit=50".to_owned();
    }
    let first = 1_700_002_000_000 + random.below(SPAN_MS);
    format!("limit=50&before={}", hearth::model::MessageId::from_ms(first))
}

async fn over_http(server: &Process, seeded: &Seeded) -> (f64, usize) {
    let mut tasks = tokio::task::JoinSet::new();
    let (began, cpu) = (Instant::now(), server.cpu_of_threads());
    for n in 0..CONNECTIONS {
        let mut http = Http::open(server.address).await;
        let (channels, token) = (seeded.channels.clone(), seeded.people[n].1.clone());
        tasks.spawn(async move {
            let (mut random, mut pages, mut bytes) = (Random::new(n as u64), 0u64, 0usize);
            while began.elapsed() < ROUND {
                // The last channels of the seed hold few messages: pages there are short.
                let channel = channels[random.below(channels.len() as u64 * 9 / 10) as usize];
                let path = format!("/api/v10/channels/{channel}/messages?{}", query(&mut random));
                bytes += http.ok("GET", &path, &token, "").await.len();
                pages += 1;
            }
            (pages, bytes)
        });
    }
    let all = tasks.join_all().await;
    let (pages, bytes) = all.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    (micros_each(server.cpu_of_threads().saturating_sub(cpu), pages), bytes / pages.max(1) as usize)
}

/// Pages a second, and how long each took from its turn on; without a rate as many as go.
async fn in_process(
    app: &Arc<hearth::app::App>,
    seeded: &Seeded,
    per_second: Option<f64>,
) -> (f64, Vec<Duration>) {
    let waits = Arc::new(Mutex::new(Vec::new()));
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..READERS {
        let (app, waits) = (app.clone(), waits.clone());
        let (channels, user) = (seeded.channels.clone(), seeded.people[n % seeded.people.len()].0);
        let gap = per_second.map(|rate| Duration::from_secs_f64(READERS as f64 / rate));
        tasks.spawn(async move {
            let (mut random, mut own) = (Random::new(n as u64), Vec::new());
            let mut turn = began + gap.unwrap_or_default().mul_f64(n as f64 / READERS as f64);
            while began.elapsed() < ROUND {
                if let Some(gap) = gap {
                    tokio::time::sleep_until(turn.into()).await;
                    turn += gap;
                }
                let asked = Instant::now();
                let page = form::decode_query::<Page>(&query(&mut random)).map(Checked::valid);
                let channel = channels[random.below(channels.len() as u64 * 9 / 10) as usize];
                let page = page.unwrap_or_else(|_| unreachable!("this is a good query"));
                std::hint::black_box(
                    messages::page(&app, actor(user), channel, page).expect("a member may read"),
                );
                own.push(asked.elapsed());
                tokio::task::yield_now().await;
            }
            waits.lock().expect("held for a moment").extend(own);
        });
    }
    tasks.join_all().await;
    let waits = std::mem::take(&mut *waits.lock().expect("held for a moment"));
    (waits.len() as f64 / began.elapsed().as_secs_f64(), waits)
}
