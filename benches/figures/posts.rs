//! Durable posts: the whole of `messages::post`, from its checks to its answer after the fsync, beside redb committing one bare row
//! a message with the same settings and the same way of gathering.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hearth::actions::messages::{self, Post};
use hearth::actions::{Actor, ActorKind};
use hearth::app::App;
use hearth::config::Config;
use hearth::logic::form::{self, Checked};
use hearth::model::{AuthSessionId, ChannelId, UserId};

use crate::bare::Rows;
use crate::measure::{fresh, line, median, micros_each, own_cpu};
use crate::seed::{Plan, Random, Seeded};

const PLAN: Plan = Plan { members: 1_000, channels: 16, messages: 10_000, logins: 256 };
const POSTERS: [usize; 4] = [1, 16, 64, 256];
/// Rounds of each side, in turn, so that a busy moment of the machine falls on both.
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_millis(1_500);
/// A commit that quick-repairs syncs twice.
const SYNCS_PER_COMMIT: f64 = 2.0;
/// Posts written before a round starts, of all posters together.
const WRITTEN: usize = 80_000;
/// Characters of a post: its row is about as long as the bare one.
const CHARS: usize = 330;

/// One round: posts a second, CPU microseconds a post, posts a commit.
#[derive(Clone, Copy)]
struct Round {
    per_second: f64,
    cpu_us: f64,
    per_commit: f64,
}

/// An app on a seeded directory, without its edges.
pub fn app(directory: &std::path::Path) -> (App, hearth::hub::Hub) {
    let mut config = Config { data: directory.to_owned(), ..Config::default() };
    config.passwords.memory_kib = 19_456;
    let (app, hub, _) = hearth::start::open(config, "127.0.0.1:0".parse().expect("an address"))
        .expect("a seeded directory opens");
    (app, hub)
}

/// The person with this place in the seed.
pub fn actor(user: UserId) -> Actor {
    Actor { user, kind: ActorKind::Human { session: AuthSessionId::new(1) } }
}

/// Prints posts a second, and what they cost, at several numbers of posters.
pub async fn run() {
    let (directory, seeded) = fresh(PLAN).await;
    let (app, hub) = app(directory.path());
    let bare_directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory can be made");
    let rows = Rows::open(bare_directory.path(), true);
    for posters in POSTERS {
        let (mut real, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bare.push(bare_round(&rows, posters).await);
            real.push(real_round(&app, &seeded, posters).await);
        }
        let middle = |rounds: &[Round], of: fn(&Round) -> f64| median(rounds.iter().map(of).collect());
        let (rate, floor) =
            (middle(&real, |round| round.per_second), middle(&bare, |round| round.per_second));
        let target = if posters == 256 { "≥ 0.5" } else { "" };
        let what = format!("Durable posts, {posters} at once");
        line(&what, &format!("{rate:.0}/s"), &format!("{floor:.0}/s"), Some(rate / floor), target);
        let (cpu, floor) = (middle(&real, |round| round.cpu_us), middle(&bare, |round| round.cpu_us));
        line(
            &format!("{what}: CPU"),
            &format!("{cpu:.1} µs"),
            &format!("{floor:.1} µs"),
            Some(cpu / floor),
            "",
        );
        let syncs = SYNCS_PER_COMMIT / middle(&real, |round| round.per_commit);
        let floor = 4.0 / posters as f64;
        line(
            &format!("{what}: fsyncs a post"),
            &format!("{syncs:.3}"),
            &format!("4/{posters} = {floor:.3}"),
            Some(syncs / floor),
            "≤ 1",
        );
    }
    tokio::task::spawn_blocking(move || (app.store.close(), hub.stop()))
        .await
        .expect("it does not panic")
        .0
        .expect("it closes");
}

fn commit(app: &App) -> u64 {
    app.store.read::<_, hearth::store::StoreError>(|view| Ok(view.commit())).expect("the store reads")
}

async fn real_round(app: &App, seeded: &Seeded, posters: usize) -> Round {
    let before = commit(app);
    let work = |n: usize| {
        let (app, user) = (app.clone(), seeded.people[n % seeded.people.len()].0);
        let channel = seeded.channels[n % seeded.channels.len()];
        // Written before the clock starts: reading a body is the edge's work, and the figure of posts over HTTP has it.
        let mut random = Random::new(n as u64 + before);
        let mut written: Vec<_> = (0..WRITTEN / posters).map(|_| post(&mut random)).collect();
        move || {
            let (app, post) = (app.clone(), written.pop().unwrap_or_else(|| post(&mut random)));
            async move {
                drop(
                    messages::post(&app, actor(user), channel, post, Vec::new())
                        .await
                        .expect("a member may post"),
                )
            }
        }
    };
    let mut round = round(posters, work).await;
    round.per_commit /= (commit(app) - before).max(1) as f64;
    round
}

/// A post such as clients send, nonce and all.
fn post(random: &mut Random) -> Checked<Post> {
    let mut text = random.text();
    while text.len() < CHARS {
        text.push(' ');
        text.push_str(&random.text());
    }
    text.truncate(CHARS);
    let body =
        serde_json::json!({ "content": text, "nonce": random.next().to_string(), "enforce_nonce": true });
    form::read_value::<Post>(&body)
        .map(Checked::valid)
        .unwrap_or_else(|_| unreachable!("this is a good form"))
}

async fn bare_round(rows: &Rows, posters: usize) -> Round {
    let before = rows.commits();
    let work = |n: usize| {
        let (rows, channel) = (rows.clone(), n as u64 % PLAN.channels);
        move || {
            let rows = rows.clone();
            async move { rows.write(channel).await }
        }
    };
    let mut round = round(posters, work).await;
    round.per_commit /= (rows.commits() - before).max(1) as f64;
    round
}

/// Lets so many tasks do the same over and over for a while.
async fn round<W, F>(posters: usize, work: impl Fn(usize) -> W) -> Round
where
    W: FnMut() -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let done = Arc::new(AtomicU64::new(0));
    let works: Vec<W> = (0..posters).map(work).collect();
    let (began, cpu) = (Instant::now(), own_cpu());
    let mut tasks = tokio::task::JoinSet::new();
    for mut work in works {
        let done = done.clone();
        tasks.spawn(async move {
            while began.elapsed() < ROUND {
                work().await;
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.expect("a poster does not panic");
    }
    let (took, cpu, done) = (began.elapsed(), own_cpu() - cpu, done.load(Ordering::Relaxed));
    Round {
        per_second: done as f64 / took.as_secs_f64(),
        cpu_us: micros_each(cpu, done),
        per_commit: done as f64,
    }
}

/// Channels and people of the seed, for who posts where.
pub fn place(seeded: &Seeded, n: usize) -> (ChannelId, &str) {
    (seeded.channels[n % seeded.channels.len()], &seeded.people[n % seeded.people.len()].1)
}
