//! Starting: after a kill at a million messages and 100 000 members, and what the setting that makes it quick costs each commit.

use std::time::{Duration, Instant};

use hearth::store::{Body, MessageRow, Row as _};
use redb::{Database, TableDefinition};

use crate::client::Http;
use crate::history::PLAN;
use crate::measure::{Process, kept, line, median, micros_each, millis, own_cpu};
use crate::seed::{Random, Seeded};

const KILLS: usize = 3;
/// How long posts run before the kill.
const LOAD: Duration = Duration::from_millis(700);
const POSTERS: usize = 16;
const COMMITS: u64 = 150;
const SCRATCH: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("bench_scratch");

/// Prints times and memory of a start, the price of quick repair, of caches and of the rows' encoding.
pub async fn run() {
    let (directory, seeded) = kept(PLAN).await;
    let (mut starts, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..KILLS {
        let server = Process::hearth(&directory);
        post_for_a_while(&server, &seeded).await;
        server.kill();
        let server = Process::hearth(&directory);
        starts.push(millis(server.started_in));
        memory.push(server.resident_kib() as f64 * 1_024.0 / 1e6);
    }
    let empty = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory can be made");
    let idle = Process::hearth(&empty.path().join("data"));
    let floor_mb = idle.resident_kib() as f64 * 1_024.0 / 1e6;
    idle.kill();
    let what = "Start after kill -9 at 1 M messages, 100 000 members";
    line(what, &format!("{:.0} ms", median(starts)), "", None, "≤ 300 ms");
    let mb = median(memory);
    let what = "Resident memory after that start (floor: an empty directory)";
    line(what, &format!("{mb:.1} MB"), &format!("{floor_mb:.1} MB"), Some(mb / floor_mb), "≤ 30 MB");

    let file = directory.join(hearth::store::FILE_NAME);
    let (mut plain, mut quick) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        plain.push(commits(&file, false));
        quick.push(commits(&file, true));
    }
    for (what, of) in [("wall", 0), ("CPU", 1)] {
        let pick = |rounds: &[(f64, f64)]| {
            median(rounds.iter().map(|round| if of == 0 { round.0 } else { round.1 }).collect())
        };
        let (with, without) = (pick(&quick), pick(&plain));
        let what = format!("Commit of one row at 1 M messages with quick repair: {what} (floor: without)");
        line(&what, &format!("{with:.0} µs"), &format!("{without:.0} µs"), Some(with / without), "");
    }
    encodings();
}

async fn post_for_a_while(server: &Process, seeded: &Seeded) {
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..POSTERS {
        let mut http = Http::open(server.address).await;
        let (channel, token) = (seeded.channels[n % seeded.channels.len()], seeded.people[n].1.clone());
        tasks.spawn(async move {
            while began.elapsed() < LOAD {
                http.ok(
                    "POST",
                    &format!("/api/v10/channels/{channel}/messages"),
                    &token,
                    r#"{"content":"before the kill"}"#,
                )
                .await;
            }
        });
    }
    tasks.join_all().await;
}

/// Microseconds of wall and CPU of a commit of one row in the big file.
fn commits(file: &std::path::Path, is_quick_repair: bool) -> (f64, f64) {
    let db = Database::builder()
        .set_cache_size(hearth::store::Options::default().cache_bytes)
        .create(file)
        .expect("it opens");
    let (began, cpu) = (Instant::now(), own_cpu());
    for n in 0..COMMITS {
        let mut txn = db.begin_write().expect("a write begins");
        txn.set_quick_repair(is_quick_repair);
        txn.open_table(SCRATCH)
            .expect("it opens")
            .insert(n.to_be_bytes().as_slice(), [b'x'; 400].as_slice())
            .expect("it writes");
        txn.commit().expect("the disk works");
    }
    let spent = (micros_each(began.elapsed(), COMMITS), micros_each(own_cpu() - cpu, COMMITS));
    // The last commit leaves the file quick to open, whatever was measured.
    let mut txn = db.begin_write().expect("a write begins");
    txn.set_quick_repair(true);
    txn.delete_table(SCRATCH).expect("it was made above");
    txn.commit().expect("the disk works");
    spent
}

/// A message's row as the store keeps it, beside the same content as JSON.
fn encodings() {
    const TIMES: u64 = 200_000;
    let row = MessageRow {
        body: Body::Plain(Random::new(7).text()),
        author: hearth::model::UserId::new(1 << 60),
        ..MessageRow::default()
    };
    let Body::Plain(text) = &row.body;
    let bytes = row.to_bytes();
    let cost = |work: &mut dyn FnMut()| {
        let cpu = own_cpu();
        (0..TIMES).for_each(|_| work());
        (own_cpu() - cpu).as_nanos() as f64 / TIMES as f64
    };
    let write = cost(&mut || drop(std::hint::black_box(row.to_bytes())));
    let read = cost(&mut || drop(std::hint::black_box(MessageRow::from_bytes(&bytes))));
    let json = serde_json::json!({ "author": row.author, "content": text, "mentions": [], "mention_roles": [], "embeds": [],
        "pinned": false, "tts": false, "mention_everyone": false, "type": 0, "flags": 0, "edited": null, "reactions": [] });
    let json_bytes = json.to_string();
    let json_write = cost(&mut || drop(std::hint::black_box(json.to_string())));
    let json_read =
        cost(&mut || drop(std::hint::black_box(serde_json::from_str::<serde_json::Value>(&json_bytes))));
    let beside = |what: &str, figure: f64, floor: f64, unit: &str| {
        line(what, &format!("{figure:.0} {unit}"), &format!("{floor:.0} {unit}"), Some(figure / floor), "");
    };
    let content = text.len();
    beside(
        &format!("Row of a message of {content} bytes (floor: JSON): size"),
        bytes.len() as f64,
        json_bytes.len() as f64,
        "bytes",
    );
    beside("Row of a message (floor: JSON): write", write, json_write, "ns");
    beside("Row of a message (floor: JSON): read", read, json_read, "ns");
}
