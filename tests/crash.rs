//! The real process, killed with SIGKILL at random moments under load, twenty times and more: what was acknowledged is there once and
//! in order, what was told is there, files are whole, and who repeats a post whose answer was lost gets no second message.
//!
//! `HEARTH_CRASH_ROUNDS` asks for more rounds, `HEARTH_CRASH_SEED` for the moments of an earlier run; both are printed.

mod seed;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use seed::{Plan, Random, Seeded};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

const ROUNDS: u64 = 20;
const POSTERS: usize = 8;
/// Channels that are posted to: fewer than posters, so that they meet.
const CHANNELS: usize = 3;
/// The longest time from the first answer of a round to the kill.
const LONGEST_LOAD_MS: u64 = 300;
/// The longest time from the start of a process to the kill, in rounds that don't wait for it to serve.
const LONGEST_START_MS: u64 = 150;
/// Messages of one page.
const PAGE: usize = 100;
/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    process: Child,
    origin: String,
}

impl Server {
    fn spawn(data: &Path) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hearth"));
        command.arg("serve").env("HEARTH_DATA", data).env("HEARTH_LISTEN", "127.0.0.1:0");
        command.env("HEARTH_PASSWORDS_MEMORY_KIB", "19456").env("HEARTH_LIMITS_ROUTES", "off");
        command.env("HEARTH_LIMITS_REQUESTS_PER_ADDRESS", "0").env("HEARTH_LIMITS_GLOBAL_PER_USER", "0");
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn start(data: &Path) -> Self {
        let mut process = Self::spawn(data);
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut said = String::new();
        let origin = loop {
            assert_ne!(out.read_line(&mut said).unwrap(), 0, "it ended after: {said}");
            let Some((_, rest)) = said.split_once("http://") else { continue };
            break format!("http://{}", rest.split(['/', '\n']).next().unwrap());
        };
        Self { process, origin }
    }

    fn kill(mut self) {
        // On Unix this is SIGKILL: nothing is flushed, nothing is said.
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Somebody who posts numbered texts, one after the other, and remembers what was answered.
struct Poster {
    name: usize,
    channel: String,
    token: String,
    /// The number of the next text, or of the one whose answer never came.
    next: u64,
    /// Answered posts: id and text.
    acknowledged: Vec<(u64, String)>,
}

impl Poster {
    fn text(&self) -> String {
        format!("{}-{:05}", self.name, self.next)
    }

    /// Posts the next text; whether it was answered. The nonce is the text, so that a repeat is known as one.
    async fn post(&mut self, http: &reqwest::Client, origin: &str) -> bool {
        let text = self.text();
        let body = json!({ "content": text, "nonce": text, "enforce_nonce": true });
        let request = http
            .post(format!("{origin}/api/v10/channels/{}/messages", self.channel))
            .header("authorization", &self.token);
        let request = match file_of(&text) {
            None => request.json(&body),
            Some(file) => request
                .header("content-type", "multipart/form-data; boundary=b")
                .body(multipart(&body, &file)),
        };
        let Ok(response) = request.send().await else { return false };
        let status = response.status();
        let Ok(answer) = response.json::<Value>().await else { return false };
        assert!(status.is_success(), "{status} {answer}");
        assert_eq!(answer["content"], text);
        self.acknowledged.push((answer["id"].as_str().unwrap().parse().unwrap(), text));
        self.next += 1;
        true
    }
}

/// The file that goes with a text: every fourth poster sends one, large enough to be cut off in the middle.
fn file_of(text: &str) -> Option<Vec<u8>> {
    let poster: usize = text.split('-').next()?.parse().ok()?;
    poster.is_multiple_of(4).then(|| text.repeat(100_000).into_bytes())
}

fn multipart(payload: &Value, file: &[u8]) -> Vec<u8> {
    let head = format!(
        "--b\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n{payload}\r\n\
         --b\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"a.txt\"\r\n\r\n"
    );
    [head.as_bytes(), file, b"\r\n--b--\r\n"].concat()
}

/// Checks that a message has the file that was sent with it, and no other (SAFETY.md I-9).
async fn check_file(http: &reqwest::Client, message: &Value) {
    let expected = file_of(message["content"].as_str().unwrap());
    let files = message["attachments"].as_array().unwrap();
    assert_eq!(files.len(), usize::from(expected.is_some()), "{message}");
    if let Some(expected) = expected {
        let fetched = http.get(files[0]["url"].as_str().unwrap()).send().await.unwrap();
        assert!(fetched.bytes().await.unwrap() == expected, "the file of {}", message["content"]);
    }
}

/// Everybody posts until the server is gone; `answered` turns true with the first answer.
async fn load(posters: Vec<Poster>, origin: &str, answered: watch::Sender<bool>) -> Vec<Poster> {
    let http = reqwest::Client::new();
    let mut tasks = tokio::task::JoinSet::new();
    for mut poster in posters {
        let (http, origin, answered) = (http.clone(), origin.to_owned(), answered.clone());
        tasks.spawn(async move {
            while poster.post(&http, &origin).await {
                answered.send_replace(true);
            }
            poster
        });
    }
    drop(answered);
    let mut posters = tasks.join_all().await;
    posters.sort_by_key(|poster| poster.name);
    posters
}

/// Connects to the gateway, and keeps the ids of the messages it hears of until the server is gone.
async fn listen(origin: &str, token: &str) -> Arc<Mutex<Vec<u64>>> {
    let heard: Arc<Mutex<Vec<u64>>> = Arc::default();
    let url = format!("{}/?v=10&encoding=json", origin.replace("http://", "ws://"));
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let identify = json!({ "op": 2, "d": { "token": token, "properties": { "os": "linux", "browser": "t", "device": "t" } } });
    socket.send(Message::text(identify.to_string())).await.unwrap();
    let into = heard.clone();
    tokio::spawn(async move {
        while let Some(Ok(frame)) = socket.next().await {
            let Message::Text(text) = frame else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["t"] == "MESSAGE_CREATE" {
                into.lock().unwrap().push(frame["d"]["id"].as_str().unwrap().parse().unwrap());
            }
        }
    });
    heard
}

/// Everything in a channel after an id, oldest first.
async fn history(
    http: &reqwest::Client,
    origin: &str,
    token: &str,
    channel: &str,
    after: u64,
) -> Vec<(u64, String)> {
    let mut found: Vec<(u64, String)> = Vec::new();
    loop {
        let from = found.last().map_or(after, |(id, _)| *id);
        let url = format!("{origin}/api/v10/channels/{channel}/messages?limit={PAGE}&after={from}");
        let response = http.get(url).header("authorization", token).send().await.unwrap();
        let mut page: Vec<Value> = response.error_for_status().unwrap().json().await.unwrap();
        page.reverse();
        let is_last = page.len() < PAGE;
        for message in &page {
            check_file(http, message).await;
        }
        found.extend(page.iter().map(|message| {
            (
                message["id"].as_str().unwrap().parse().unwrap(),
                message["content"].as_str().unwrap().to_owned(),
            )
        }));
        if is_last {
            return found;
        }
    }
}

/// What has been checked of a channel: its newest id.
type Checked = BTreeMap<String, u64>;

/// Compares every channel with what its posters were told: the same messages, each once, in the order of each poster.
async fn check(origin: &str, posters: &mut [Poster], heard: &[u64], checked: &mut Checked) {
    let http = reqwest::Client::new();
    let mut expected: BTreeMap<String, BTreeSet<(u64, String)>> = BTreeMap::new();
    for poster in posters.iter_mut() {
        let (ids, texts): (Vec<u64>, Vec<String>) = poster.acknowledged.iter().cloned().unzip();
        assert!(ids.is_sorted_by(|a, b| a < b), "answers to poster {} rise: {ids:?}", poster.name);
        assert!(texts.is_sorted_by(|a, b| a < b), "texts of poster {} rise", poster.name);
        expected.entry(poster.channel.clone()).or_default().extend(poster.acknowledged.drain(..));
    }
    let mut there = BTreeSet::new();
    for (channel, expected) in expected {
        let before = checked.entry(channel.clone()).or_default();
        let token = &posters[0].token;
        let found = history(&http, origin, token, &channel, *before).await;
        assert!(found.is_sorted_by(|a, b| a.0 < b.0));
        assert!(expected.first().is_none_or(|(id, _)| id > before), "ids rise across restarts");
        let found: BTreeSet<(u64, String)> = found.into_iter().collect();
        let lost: Vec<_> = expected.difference(&found).collect();
        let unasked: Vec<_> = found.difference(&expected).collect();
        assert!(lost.is_empty(), "acknowledged and not there: {lost:?}");
        assert!(unasked.is_empty(), "there twice, or there though it was never answered: {unasked:?}");
        there.extend(found.iter().map(|(id, _)| *id));
        *before = found.last().map_or(*before, |(id, _)| *id);
    }
    assert!(heard.iter().all(|id| there.contains(id)), "what was told is there");
}

fn posters(seeded: &Seeded) -> Vec<Poster> {
    let poster = |(name, (_, token)): (usize, &(_, String))| Poster {
        name,
        channel: seeded.channels[name % CHANNELS].to_string(),
        token: token.clone(),
        next: 0,
        acknowledged: Vec::new(),
    };
    seeded.people.iter().take(POSTERS).enumerate().map(poster).collect()
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_what_was_acknowledged_survives_kills_at_random_moments() {
    let rounds = number("HEARTH_CRASH_ROUNDS", ROUNDS);
    let began = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = number("HEARTH_CRASH_SEED", began.as_nanos() as u64);
    println!("HEARTH_CRASH_SEED={seed} HEARTH_CRASH_ROUNDS={rounds}");
    let mut random = Random::new(seed);
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let seeded = seed::fill(&data, Plan::SMALL).await;
    let mut posters = posters(&seeded);
    let seeded_until = seed::end_of_history(Plan::SMALL).get();
    let mut checked: Checked = posters.iter().map(|poster| (poster.channel.clone(), seeded_until)).collect();
    let (mut retried, mut told, mut slowest) = (0, 0, Duration::ZERO);

    for round in 0..rounds {
        if random.below(4) == 0 {
            // The moment may also come while the process starts.
            let mut process = Server::spawn(&data);
            tokio::time::sleep(Duration::from_millis(random.below(LONGEST_START_MS))).await;
            process.kill().unwrap();
            process.wait().unwrap();
        }
        let server = Server::start(&data);
        let heard = listen(&server.origin, &seeded.people[POSTERS].1).await;
        let (answered, mut first) = watch::channel(false);
        let posting = tokio::spawn({
            let origin = server.origin.clone();
            async move { load(posters, &origin, answered).await }
        });
        tokio::time::timeout(PATIENCE, first.wait_for(|is_answered| *is_answered)).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(random.below(LONGEST_LOAD_MS))).await;
        server.kill();
        posters = tokio::time::timeout(PATIENCE, posting).await.unwrap().unwrap();

        let restarted = Instant::now();
        let server = Server::start(&data);
        slowest = slowest.max(restarted.elapsed());
        let http = reqwest::Client::new();
        for poster in &mut posters {
            let before = poster.next;
            assert!(poster.post(&http, &server.origin).await, "round {round}: the repeat is answered");
            retried += poster.next - before;
        }
        let heard = heard.lock().unwrap().clone();
        told += heard.len();
        check(&server.origin, &mut posters, &heard, &mut checked).await;
        server.kill();
    }
    let server = Server::start(&data);
    let left = std::fs::read_dir(data.join("blobs")).unwrap().map(|entry| entry.unwrap().file_name());
    let is_cut_off = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("tmp-");
    assert!(!left.into_iter().any(|name| is_cut_off(&name)), "what the kills cut off is gone");
    server.kill();
    let posts: u64 = posters.iter().map(|poster| poster.next).sum();
    println!("{rounds} kills, {posts} posts, {retried} retries, {told} heard, slowest start {slowest:?}");
    assert!(told > 0, "the gateway told of posts before the kills");
}
