//! The same peers in a video room of Janus, where it is installed: who sends is one connection, who receives another, as its clients
//! do, over its HTTP API (<https://janus.conf.meetecho.com/docs/videoroom>). It takes no loopback address, so its media goes over another
//! one of this machine; its threads and logs are as its configuration has them by default.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::call::Place;
use super::load::Load;
use super::peer::{Content, Peer, Role};
use super::{CLIMB, House, Measured, SLOTS, WINDOW, compare, measure, spread};
use crate::measure::{Process, free_address};

/// Who speaks, or shows a screen, to how many.
const SPEAKERS: usize = 10;
const LISTENERS: usize = 50;
/// The room.
const ROOM: u64 = 1;
/// What requests are named, as each is answered before the next.
const TRANSACTION: &str = "one";

/// Prints the CPU of both for a forwarded packet, and their waits.
pub async fn run() {
    let address = hearth::voice::own_address();
    let (true, Some(address)) = (is_installed(), address) else {
        eprintln!(
            "janus: skipped, as there is no program of that name on the path, or no address but loopback"
        );
        return;
    };
    for (content, senders, what) in
        [(Content::Voice, SPEAKERS, "sounds of 10"), (Content::Screen, 1, "a screen of 1.5 Mbps")]
    {
        let ours = in_hearth(content, senders).await;
        let theirs = in_janus(address, content, senders).await;
        let expected = content.packets_within(WINDOW) * (senders * LISTENERS) as u64;
        compare(&format!("{what} to {LISTENERS} (beside Janus)"), ours, theirs, expected, ["≤ 0.5", ""]);
    }
}

fn is_installed() -> bool {
    Command::new("janus").arg("--version").output().is_ok()
}

/// Whether a listener opens what it hears, and what it waits for: the last one is the ear.
fn listener(content: Content, senders: usize, is_ear: bool) -> Role {
    let is_video = content == Content::Screen;
    Role {
        sends: None,
        sounds: if is_video { 0 } else { SLOTS },
        videos: usize::from(is_video),
        streams: senders,
        is_whole: is_video || is_ear,
    }
}

async fn in_hearth(content: Content, senders: usize) -> Measured {
    let house = House::open(senders + LISTENERS).await;
    let place = Place::make(&house.server, &house.seeded, "duel").await;
    let (mut seats, mut crowd, mut ear) = (Vec::new(), Load::sweep(), None);
    let began = Instant::now();
    for person in 0..senders + LISTENERS {
        let mut seat = house.seat(person).await;
        let screen = (content == Content::Screen && person > 0).then(|| house.seeded.people[0].0.to_string());
        // Who speaks hears nobody, so that both sides forward the same.
        let speaks = person < senders;
        let is_ear = person + 1 == senders + LISTENERS;
        let role = match speaks {
            true if content == Content::Screen => {
                Role { sends: Some(Content::LayeredScreen), ..Role::default() }
            }
            true => Role { sends: Some(content), ..Role::default() },
            false => listener(content, senders, is_ear),
        };
        let mut peer = seat.join(&place, role, speaks, screen.as_deref()).await;
        spread(&mut peer, began, person, senders);
        seats.push(seat);
        if is_ear {
            ear = Some(Load::ear(peer));
        } else {
            crowd.take(peer);
        }
    }
    measure(&house.server, &crowd, &ear.expect("the last one is an ear"), CLIMB).await
}

async fn in_janus(ip: IpAddr, content: Content, senders: usize) -> Measured {
    let janus = Janus::start();
    let (mut handles, mut feeds) = (Vec::new(), Vec::new());
    let (mut crowd, mut ear) = (Load::sweep(), None);
    let desk = Handle::attach(janus.server.address).await;
    let room = json!({ "request": "create", "room": ROOM, "publishers": SPEAKERS, "bitrate": 0, "audiocodec": "opus", "videocodec": "vp8" });
    desk.ask(room, None).await;
    let began = Instant::now();
    for sender in 0..senders {
        let handle = Handle::attach(janus.server.address).await;
        let mut peer = Peer::new(ip, Role { sends: Some(content), ..Role::default() });
        let (offer, sent) = peer.offer();
        let mid = sent.iter().find(|(_, of)| *of == content).map(|(mid, _)| mid.to_string());
        let join = json!({ "request": "joinandconfigure", "ptype": "publisher", "room": ROOM });
        let joined = handle.ask(join, Some(("offer", &offer))).await;
        feeds.push(json!({ "feed": joined["plugindata"]["data"]["id"], "mid": mid }));
        peer.take_answer(joined["jsep"]["sdp"].as_str().expect("it answers the offer"));
        spread(&mut peer, began, sender, senders);
        crowd.take(peer);
        handles.push(handle);
    }
    // Who may be subscribed to is known once they send.
    crowd.settled("publishers at Janus").await;
    for person in 0..LISTENERS {
        let is_ear = person + 1 == LISTENERS;
        let handle = Handle::attach(janus.server.address).await;
        let join = json!({ "request": "join", "ptype": "subscriber", "room": ROOM, "streams": feeds });
        let joined = handle.ask(join, None).await;
        let mut peer = Peer::new(ip, listener(content, senders, is_ear));
        let answer = peer.answer(joined["jsep"]["sdp"].as_str().expect("it offers what was asked for"));
        handle.ask(json!({ "request": "start" }), Some(("answer", &answer))).await;
        handles.push(handle);
        if is_ear {
            ear = Some(Load::ear(peer));
        } else {
            crowd.take(peer);
        }
    }
    measure(&janus.server, &crowd, &ear.expect("the last one is an ear"), CLIMB).await
}

/// The server, and its configuration.
struct Janus {
    server: Process,
    _configuration: TempDir,
}

impl Janus {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let address = free_address();
        let write = |name: &str, text: &str| {
            let file: &Path = &directory.path().join(name);
            std::fs::write(file, text).expect("the directory can be written to");
        };
        // Sessions stay without being asked after.
        write("janus.jcfg", "general: { debug_level = 2\n session_timeout = 0 }\n");
        let http = format!("general: {{ http = true\n ip = \"127.0.0.1\"\n port = {} }}\n", address.port());
        write("janus.transport.http.jcfg", &http);
        write("janus.plugin.videoroom.jcfg", "general: { }\n");
        let mut command = Command::new("janus");
        command.arg("-F").arg(directory.path()).arg("-N");
        Self { server: Process::at(command, address), _configuration: directory }
    }
}

/// A session with a handle of the video room.
struct Handle {
    http: reqwest::Client,
    session: String,
    handle: String,
}

impl Handle {
    async fn attach(address: SocketAddr) -> Self {
        let http = reqwest::Client::new();
        let root = format!("http://{address}/janus");
        let session = post(&http, &root, json!({ "janus": "create" })).await;
        let session = format!("{root}/{}", session["data"]["id"]);
        let attach = json!({ "janus": "attach", "plugin": "janus.plugin.videoroom" });
        let handle = post(&http, &session, attach).await;
        let handle = format!("{session}/{}", handle["data"]["id"]);
        Self { http, session, handle }
    }

    /// Asks the video room; its answer comes at once, or as an event that names what was asked. Others are news of the room.
    async fn ask(&self, body: Value, description: Option<(&str, &str)>) -> Value {
        let mut message = json!({ "janus": "message", "body": body });
        if let Some((kind, sdp)) = description {
            message["jsep"] = json!({ "type": kind, "sdp": sdp });
        }
        let mut answer = post(&self.http, &self.handle, message).await;
        while answer["transaction"] != TRANSACTION
            || (answer["janus"] != "success" && answer["janus"] != "event")
        {
            answer = sent(self.http.get(format!("{}?maxev=1", self.session))).await;
        }
        let error = &answer["plugindata"]["data"]["error"];
        assert!(error.is_null(), "Janus refuses: {error}");
        answer
    }
}

async fn post(http: &reqwest::Client, url: &str, mut message: Value) -> Value {
    message["transaction"] = TRANSACTION.into();
    sent(http.post(url).json(&message)).await
}

async fn sent(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.expect("Janus answers");
    let answer: Value = answer.json().await.expect("answers are JSON");
    assert_ne!(answer["janus"], "error", "Janus refuses: {answer}");
    answer
}
