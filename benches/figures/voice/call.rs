//! How a loader comes into a room of the real server: the gateway, the voice connection, and what both are told to stay.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::peer::{Content, Peer, Role};
use crate::client::{Http, Socket};
use crate::measure::Process;
use crate::seed::Seeded;

/// A heartbeat is due within 13.75 s on a voice connection, and later on the gateway.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long the server may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pixels of the tile in which a screen is wanted.
const TILE_HEIGHT: u32 = 1_080;

/// A room to be in.
pub struct Place {
    server: SocketAddr,
    guild: String,
    channel: String,
}

impl Place {
    /// A new voice channel of the guild.
    pub async fn make(server: &Process, seeded: &Seeded, name: &str) -> Self {
        let mut http = Http::open(server.address).await;
        let path = format!("/api/v10/guilds/{}/channels", seeded.guild);
        let body = json!({ "name": name, "type": 2 }).to_string();
        let made = http.ok("POST", &path, &seeded.people[0].1, &body).await;
        let made: Value = serde_json::from_slice(&made).expect("answers are JSON");
        let channel = made["id"].as_str().expect("a channel has an id").to_owned();
        Self { server: server.address, guild: seeded.guild.to_string(), channel }
    }
}

/// A WebSocket that is kept alive; what of it is wanted waits to be read.
struct Line {
    say: mpsc::UnboundedSender<String>,
    heard: mpsc::UnboundedReceiver<Value>,
    task: JoinHandle<()>,
}

impl Line {
    fn keep(mut socket: Socket, beat: Value, is_wanted: impl Fn(&str) -> bool + Send + 'static) -> Self {
        let (say, mut queue) = mpsc::unbounded_channel::<String>();
        let (tell, heard) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let mut clock = tokio::time::interval(HEARTBEAT);
            clock.tick().await;
            loop {
                tokio::select! {
                    frame = socket.next_if_any() => {
                        let Some(frame) = frame else { return };
                        if let Ok(text) = std::str::from_utf8(frame)
                            && is_wanted(text)
                            && let Ok(message) = serde_json::from_str(text)
                        {
                            // Nobody listens to a connection that is only kept.
                            let _ = tell.send(message);
                        }
                    }
                    Some(text) = queue.recv() => socket.send(&text).await,
                    _ = clock.tick() => socket.send(&beat.to_string()).await,
                }
            }
        });
        Self { say, heard, task }
    }

    fn say(&self, op: u64, d: &Value) {
        self.say.send(json!({ "op": op, "d": d }).to_string()).expect("the connection holds");
    }

    /// The data of the next message that is as wanted.
    async fn expect(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let waiting = async {
            loop {
                let mut message = self.heard.recv().await.expect("the connection holds");
                if fits(&message) {
                    return message["d"].take();
                }
            }
        };
        let came = tokio::time::timeout(PATIENCE, waiting).await;
        came.unwrap_or_else(|_| panic!("the server says nothing: {what}"))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Somebody on the gateway, with a voice connection once they joined.
pub struct Seat {
    /// Their id.
    pub user: String,
    gateway: Line,
    voice: Option<Line>,
}

impl Seat {
    /// Logs in.
    pub async fn take(server: &Process, person: &(hearth::model::UserId, String)) -> Self {
        let (user, token) = (person.0.to_string(), &person.1);
        let mut socket = Socket::open(server.address, "?v=10&encoding=json").await;
        socket.next().await;
        socket.identify(token).await;
        socket.next().await;
        let own = user.clone();
        let gateway = Line::keep(socket, json!({ "op": 1, "d": null }), move |text| {
            text.contains("\"VOICE_SERVER_UPDATE\"")
                || (text.contains("\"VOICE_STATE_UPDATE\"") && text.contains(&own))
        });
        Self { user, gateway, voice: None }
    }

    /// Joins a room: from the click to descriptions exchanged. `screen` is whose screen is wanted.
    pub async fn join(&mut self, place: &Place, role: Role, is_deaf: bool, screen: Option<&str>) -> Peer {
        let d = json!({ "guild_id": place.guild, "channel_id": place.channel, "self_mute": false, "self_deaf": is_deaf });
        self.gateway.say(4, &d);
        let state = self.gateway.expect("op 4", |message| message["t"] == "VOICE_STATE_UPDATE").await;
        let server = self.gateway.expect("op 4", |message| message["t"] == "VOICE_SERVER_UPDATE").await;
        let socket = Socket::open(place.server, "voice?v=8").await;
        let mut voice = Line::keep(socket, json!({ "op": 3, "d": { "t": 1 } }), |text| {
            ["\"op\":2,", "\"op\":4,"].iter().any(|op| text.contains(op))
        });
        let d = json!({ "server_id": place.guild, "user_id": self.user, "session_id": state["session_id"], "token": server["token"] });
        voice.say(0, &d);
        voice.expect("op 0", |message| message["op"] == 2).await;
        let mut peer = Peer::new(IpAddr::V4(Ipv4Addr::LOCALHOST), role);
        let (sdp, sent) = peer.offer();
        let name = |content| if content == Content::Voice { "mic" } else { "screen" };
        let tracks: serde_json::Map<String, Value> =
            sent.iter().map(|(mid, content)| (mid.to_string(), name(*content).into())).collect();
        voice.say(1, &json!({ "protocol": "webrtc", "data": sdp, "tracks": tracks }));
        let session = voice.expect("op 1", |message| message["op"] == 4).await;
        peer.take_answer(session["sdp"].as_str().expect("an answer holds a description"));
        if role.sends.is_some_and(|content| content != Content::Voice) {
            voice.say(
                106,
                &json!({ "mute": false, "deaf": is_deaf, "camera": false, "screen": true, "ptt": false }),
            );
        }
        if let (Some(user), Some(mid)) = (screen, peer.video_slot()) {
            let want = json!({ "mid": mid.to_string(), "user_id": user, "kind": "screen", "height": TILE_HEIGHT, "priority": 1 });
            voice.say(103, &json!({ "video": [want] }));
        }
        self.voice = Some(voice);
        peer
    }
}
