//! Somebody in a call, with a real WebRTC connection: what they send and hear, without a browser.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use str0m::change::SdpAnswer;
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::Receive;
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Event, Input, Output, Rtc};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::camera::{Camera, PICTURE_EVERY, simulcast};
use super::wire::Wire;
use crate::support::{Gateway, Person};

/// How long anything is waited for before its absence is a failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What the server said where to connect.
#[derive(Clone)]
pub struct Ticket {
    pub server: String,
    pub user: String,
    pub session: String,
    pub token: String,
    pub endpoint: String,
}

/// Joins a voice channel on the gateway; the state comes first, then the server.
pub async fn join(gateway: &mut Gateway, user: &str, guild: &str, channel: &str) -> Ticket {
    let d = json!({ "guild_id": guild, "channel_id": channel, "self_mute": false, "self_deaf": false });
    gateway.send(4, d).await;
    let session = loop {
        let state = gateway.expect("VOICE_STATE_UPDATE").await;
        if state["user_id"] == user && state["channel_id"] == channel {
            break state["session_id"].as_str().unwrap().to_owned();
        }
    };
    let server = gateway.expect("VOICE_SERVER_UPDATE").await;
    let text = |key: &str| server[key].as_str().unwrap().to_owned();
    assert_eq!(server["guild_id"], guild);
    Ticket {
        server: guild.into(),
        user: user.into(),
        session,
        token: text("token"),
        endpoint: text("endpoint"),
    }
}

/// A voice connection's socket.
pub struct Line {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    waiting: VecDeque<Value>,
    /// The last numbered message.
    pub seq: u64,
}

impl Line {
    /// Opens a socket and takes its hello.
    pub async fn open(endpoint: &str) -> Self {
        let (socket, _) =
            tokio_tungstenite::connect_async(format!("ws://{endpoint}/voice?v=8")).await.unwrap();
        let mut line = Self { socket, waiting: VecDeque::new(), seq: 0 };
        let hello = line.next().await.unwrap();
        assert_eq!((&hello["op"], &hello["d"]["v"]), (&json!(8), &json!(8)));
        line
    }

    /// Identifies; what READY says comes back.
    pub async fn identify(&mut self, ticket: &Ticket) -> Value {
        self.say(0, json!({ "server_id": ticket.server, "user_id": ticket.user, "session_id": ticket.session, "token": ticket.token })).await;
        self.expect(2).await
    }

    pub async fn say(&mut self, op: u64, d: Value) {
        self.socket.send(Message::text(json!({ "op": op, "d": d }).to_string())).await.unwrap();
    }

    /// Sends raw text.
    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Sends raw bytes to a server that may have closed.
    pub async fn try_send_binary(
        &mut self,
        bytes: Vec<u8>,
    ) -> Result<(), tokio_tungstenite::tungstenite::Error> {
        self.socket.send(Message::binary(bytes)).await
    }

    /// The next message, or the code that the server closed with.
    pub async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("voice stays silent");
            match next {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    assert!(message.get("d").is_some(), "every message has data: {message}");
                    if let Some(seq) = message["seq"].as_u64() {
                        assert_eq!(seq, self.seq + 1, "a gap");
                        self.seq = seq;
                    }
                    return Ok(message);
                }
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// The data of the next message with this opcode; others wait.
    pub async fn expect(&mut self, op: u64) -> Value {
        if let Some(at) = self.waiting.iter().position(|message| message["op"] == op) {
            return self.waiting.remove(at).unwrap()["d"].take();
        }
        loop {
            let mut message =
                self.next().await.unwrap_or_else(|code| panic!("closed with {code} before op {op}"));
            if message["op"] == op {
                return message["d"].take();
            }
            self.waiting.push_back(message);
        }
    }

    /// The data of a message with this opcode that came while another was waited for.
    pub fn held(&mut self, op: u64) -> Option<Value> {
        let at = self.waiting.iter().position(|message| message["op"] == op)?;
        Some(self.waiting.remove(at)?["d"].take())
    }

    /// The code that the server closes with.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }
}

/// What a caller's media has seen so far.
#[derive(Default, Debug)]
pub struct Seen {
    pub is_connected: bool,
    /// Packets by mid.
    pub packets: BTreeMap<String, u64>,
    /// The longest time between two packets, and when the last came, by mid.
    pub longest_gap: BTreeMap<String, Duration>,
    pub last: BTreeMap<String, Instant>,
    /// Sequence numbers by mid, as they came.
    pub seqs: BTreeMap<String, Vec<u64>>,
}

/// What a caller shows and sees, beside what they say and hear.
#[derive(Clone, Copy, Default)]
pub struct Gear {
    /// They show a camera in three layers.
    pub camera: bool,
    /// The packets of its keyframes go out the last one first.
    pub is_backwards: bool,
    /// They have a tile for a video.
    pub tile: bool,
}

enum Order {
    Talk(bool),
    Move(UdpSocket),
    Restart(oneshot::Sender<String>),
    Answer(String),
}

/// Somebody in a call.
pub struct Caller {
    pub gateway: Gateway,
    pub line: Line,
    pub ticket: Ticket,
    pub ready: Value,
    seen: Arc<Mutex<Seen>>,
    news: Arc<Notify>,
    orders: mpsc::UnboundedSender<Order>,
    task: tokio::task::JoinHandle<()>,
    /// Who is in which slot.
    slots: BTreeMap<String, Value>,
    /// The slot for a video.
    tile: Option<Mid>,
    /// What it sends in which section.
    tracks: Value,
    /// Offers that were answered.
    rev: u64,
}

impl Caller {
    /// Joins a channel and waits for media to flow.
    pub async fn call(person: &Person<'_>, guild: &str, channel: &str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        Self::call_over(Wire::Udp(socket), person, guild, channel).await
    }

    /// As [`Self::call`], with media over another wire.
    pub async fn call_over(wire: Wire, person: &Person<'_>, guild: &str, channel: &str) -> Self {
        Self::call_with(Gear::default(), wire, person, guild, channel).await
    }

    /// As [`Self::call_over`], with something to show or to see.
    pub async fn call_with(gear: Gear, wire: Wire, person: &Person<'_>, guild: &str, channel: &str) -> Self {
        let mut gateway = person.connect().await;
        let ticket = join(&mut gateway, &person.id, guild, channel).await;
        let mut line = Line::open(&ticket.endpoint).await;
        let ready = line.identify(&ticket).await;
        let (seen, news) = (Arc::<Mutex<Seen>>::default(), Arc::<Notify>::default());
        let (orders, queue) = mpsc::unbounded_channel();
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(Instant::now());
        rtc.add_local_candidate(wire.candidate());
        let mut changes = rtc.sdp_api();
        let mic = changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        for _ in 0..4 {
            changes.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        }
        let video = MediaKind::Video;
        let layers = Some(simulcast());
        let camera = gear.camera.then(|| changes.add_media(video, Direction::SendOnly, None, None, layers));
        let tile = gear.tile.then(|| changes.add_media(video, Direction::RecvOnly, None, None, None));
        let (offer, pending) = changes.apply().unwrap();
        let mut tracks = json!({ mic.to_string(): "mic" });
        if let Some(camera) = camera {
            tracks[camera.to_string()] = json!("camera");
        }
        line.say(1, json!({ "protocol": "webrtc", "data": offer.to_sdp_string(), "tracks": &tracks })).await;
        let session = line.expect(4).await;
        assert_eq!(session["dave_protocol_version"], 0);
        orders.send(Order::Answer(session["sdp"].as_str().unwrap().to_owned())).unwrap();
        let camera = camera.map(|mid| Camera::new(mid, gear.is_backwards));
        let (pending, told) = (Some(pending), (seen.clone(), news.clone()));
        let own = wire.own();
        let media = Media { rtc, wire, own, mic, camera, pending, seen: told.0, news: told.1 };
        let task = tokio::spawn(media.run(queue));
        let slots = BTreeMap::new();
        let mut caller =
            Self { gateway, line, ticket, ready, seen, news, orders, task, slots, tile, tracks, rev: 1 };
        caller.line.say(5, json!({ "speaking": 1, "delay": 0, "ssrc": 0 })).await;
        caller.until(|seen| seen.is_connected).await;
        caller
    }

    /// Begins or stops to talk.
    pub fn talk(&self, is_on: bool) {
        self.orders.send(Order::Talk(is_on)).unwrap();
    }

    /// Sends from another port from now on and hears nothing at the old one, as behind a router that forgot whose that was.
    pub async fn change_port(&self) {
        self.orders.send(Order::Move(UdpSocket::bind("127.0.0.1:0").await.unwrap())).unwrap();
    }

    /// Offers the same anew with other credentials of ICE, as on another network; what the server answers is taken. Its own name on the
    /// new route comes back.
    pub async fn restart_ice(&mut self) -> String {
        let (reply, offer) = oneshot::channel();
        self.orders.send(Order::Restart(reply)).unwrap();
        self.rev += 1;
        self.line
            .say(100, json!({ "rev": self.rev, "sdp": offer.await.unwrap(), "tracks": &self.tracks }))
            .await;
        let answer = self.line.expect(101).await;
        assert_eq!(answer["rev"], self.rev);
        let sdp = answer["sdp"].as_str().unwrap();
        self.orders.send(Order::Answer(sdp.to_owned())).unwrap();
        sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap().to_owned()
    }

    /// Shows the camera.
    pub async fn show(&mut self) {
        self.line.say(106, json!({ "camera": true })).await;
    }

    /// Wants somebody's camera in its tile, so many pixels high; the slot comes back.
    pub async fn watch(&mut self, user: &str, height: u32) -> String {
        let mid = self.tile.expect("it has a tile").to_string();
        let want = json!({ "mid": mid, "user_id": user, "kind": "camera", "height": height, "priority": 1 });
        self.line.say(103, json!({ "video": [want] })).await;
        mid
    }

    /// Waits until what was seen is as wanted.
    pub async fn until(&self, is_there: impl FnMut(&Seen) -> bool) {
        self.until_within(PATIENCE, is_there).await;
    }

    async fn until_within(&self, patience: Duration, mut is_there: impl FnMut(&Seen) -> bool) {
        let waiting = async {
            loop {
                let news = self.news.notified();
                if is_there(&self.seen.lock().unwrap()) {
                    return;
                }
                news.await;
            }
        };
        if tokio::time::timeout(patience, waiting).await.is_err() {
            panic!("it did not come to that: {:?}", self.seen.lock().unwrap().packets);
        }
    }

    /// The slot in which somebody is heard.
    pub async fn slot_of(&mut self, user: &str) -> String {
        loop {
            if let Some((mid, _)) = self.slots.iter().find(|(_, of)| **of == *user) {
                return mid.clone();
            }
            let told = self.line.expect(102).await;
            for slot in told["slots"].as_array().unwrap() {
                self.slots.insert(slot["mid"].as_str().unwrap().to_owned(), slot["user_id"].clone());
            }
        }
    }

    /// What is told of somebody who begins or ends to speak.
    pub async fn speaking_of(&mut self, user: &str) -> Value {
        loop {
            let told = self.line.expect(5).await;
            if told["user_id"] == user {
                return told;
            }
        }
    }

    /// Packets heard in a slot so far.
    pub fn heard(&self, mid: &str) -> u64 {
        self.seen.lock().unwrap().packets.get(mid).copied().unwrap_or(0)
    }

    /// Waits for so many more packets in a slot.
    pub async fn hear(&self, mid: &str, more: u64) {
        self.hear_within(PATIENCE, mid, more).await;
    }

    /// As [`Self::hear`], for what takes its time.
    pub async fn hear_within(&self, patience: Duration, mid: &str, more: u64) {
        let goal = self.heard(mid) + more;
        self.until_within(patience, |seen| seen.packets.get(mid).copied().unwrap_or(0) >= goal).await;
    }

    /// Counts anew.
    pub fn forget(&self) {
        let is_connected = true;
        *self.seen.lock().unwrap() = Seen { is_connected, ..Seen::default() };
    }

    /// Sequence numbers seen in a slot, and the longest time between two packets.
    pub fn pictures(&self, mid: &str) -> (Vec<u64>, Duration) {
        let gap = self.seen.lock().unwrap().longest_gap.get(mid).copied();
        (self.seqs(mid), gap.unwrap_or(PATIENCE))
    }

    /// Sequence numbers heard in a slot.
    pub fn seqs(&self, mid: &str) -> Vec<u64> {
        self.seen.lock().unwrap().seqs.get(mid).cloned().unwrap_or_default()
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Media {
    rtc: Rtc,
    wire: Wire,
    /// Where its client believes to be.
    own: SocketAddr,
    mic: Mid,
    camera: Option<Camera>,
    pending: Option<str0m::change::SdpPendingOffer>,
    seen: Arc<Mutex<Seen>>,
    news: Arc<Notify>,
}

impl Media {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let (mut is_talking, mut sent) = (false, 0u64);
        let mut clock = tokio::time::interval(Duration::from_millis(20));
        let mut pictures = tokio::time::interval(PICTURE_EVERY);
        let mut buffer = vec![0; 2_000];
        loop {
            let next = self.drain().await;
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Talk(is_on)) => is_talking = is_on,
                    Some(Order::Move(socket)) => self.wire = Wire::Udp(socket),
                    Some(Order::Restart(reply)) => {
                        let mut changes = self.rtc.sdp_api();
                        changes.ice_restart(true);
                        let (offer, pending) = changes.apply().unwrap();
                        self.pending = Some(pending);
                        reply.send(offer.to_sdp_string()).unwrap();
                    }
                    Some(Order::Answer(sdp)) => {
                        let answer = SdpAnswer::from_sdp_string(&sdp).unwrap();
                        self.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
                    }
                    None => return,
                },
                (count, from) = self.wire.receive(&mut buffer) => self.take(from, &buffer[..count]),
                _ = clock.tick() => if is_talking {
                    sent += 1;
                    self.speak(sent);
                },
                _ = pictures.tick(), if self.camera.is_some() => self.film().await,
                () = tokio::time::sleep_until(next.into()) => {
                    self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
                }
            }
        }
    }

    fn take(&mut self, from: SocketAddr, bytes: &[u8]) {
        if let Ok(receive) = Receive::new(self.wire.protocol(), from, self.own, bytes) {
            self.rtc.handle_input(Input::Receive(Instant::now(), receive)).unwrap();
        }
    }

    fn speak(&mut self, sent: u64) {
        let opus = self.rtc.codec_config().params().iter().find(|of| of.spec().codec == Codec::Opus);
        let pt = opus.unwrap().pt();
        let ext_vals =
            ExtensionValues { audio_level: Some(-30), voice_activity: Some(true), ..Default::default() };
        let write = RtpWrite::new(pt, sent.into(), (sent * 960) as u32, Instant::now(), &[0xfc, 1, 2, 3][..]);
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(self.mic, None) {
            stream.write_rtp(write.ext_vals(ext_vals));
        }
        self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
    }

    /// Sends a picture in every layer.
    async fn film(&mut self) {
        let Some(packets) = self.camera.as_mut().map(|camera| camera.picture(&self.rtc)) else { return };
        for (mid, rid, write) in packets {
            if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, Some(rid)) {
                stream.write_rtp(write);
            }
            self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
            self.drain().await;
        }
    }

    /// Sends what is to be sent; when to come again comes back.
    async fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(at) => return at,
                Output::Transmit(transmit) => {
                    self.wire.send(&transmit.contents, transmit.destination).await;
                }
                Output::Event(event) => self.note(event),
            }
        }
    }

    fn note(&mut self, event: Event) {
        let mut seen = self.seen.lock().unwrap();
        match event {
            Event::Connected => seen.is_connected = true,
            Event::KeyframeRequest(request) => {
                if let (Some(camera), Some(rid)) = (&mut self.camera, request.rid) {
                    camera.ask_keyframe(rid);
                }
                return;
            }
            Event::RtpPacket(packet) => {
                let ssrc = packet.header.ssrc;
                let Some(mid) = self.rtc.direct_api().stream_rx(&ssrc).map(|stream| stream.mid().to_string())
                else {
                    return;
                };
                if !packet.payload.is_empty() {
                    *seen.packets.entry(mid.clone()).or_default() += 1;
                    let at = seen.last.insert(mid.clone(), Instant::now());
                    let gap = at.map_or(Duration::ZERO, |at| at.elapsed());
                    let longest = seen.longest_gap.entry(mid.clone()).or_default();
                    *longest = gap.max(*longest);
                }
                seen.seqs.entry(mid).or_default().push(*packet.seq_no);
            }
            _ => return,
        }
        drop(seen);
        self.news.notify_waiters();
    }
}
