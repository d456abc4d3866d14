//! A client's voice connection: messages in and out of `logic::voice_session`, and between the client and its media's mailbox. Bots
//! and the web client use the same.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::socket::Socket;
use super::waiting::{Place, WaitingRoom};
use super::{Taken, handshake, later};
use crate::actions::voice::{Attached, Mail, Said, Voice, admit, admit_again};
use crate::app::App;
use crate::logic::frame;
use crate::logic::frame::incoming::{Incoming, Received};
use crate::logic::voice_session::{
    ClientMessage, Fault, HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS, IDENTIFY_WITHIN_MS, Identify,
    MAX_MESSAGE_BYTES, MAX_MESSAGES_PER_S, MAX_OFFERS_PER_S, Mode, Resume, Select, VoiceClose,
};

/// Connections of one address that have not identified (SAFETY.md §6).
const MAX_WAITING_PER_ADDRESS: u32 = 16;
/// Bytes read at once.
const READ_BYTES: usize = 8 << 10;
/// How long a client may take nothing of what is sent to it.
const MAX_STUCK: Duration = Duration::from_secs(30);
/// How long the answer to a close may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// How long somebody who was moved may take to leave by itself.
const LEAVES_WITHIN: Duration = Duration::from_millis(300);

/// Takes upgrades for voice.
pub struct VoiceDoor {
    app: App,
    voice: Voice,
    take: fn(Upgraded) -> Option<Taken>,
    room: Arc<WaitingRoom>,
}

impl VoiceDoor {
    /// The door to `voice`. `take` gets the connection out of what hyper gives after an upgrade.
    pub fn new(app: App, voice: Voice, take: fn(Upgraded) -> Option<Taken>) -> Self {
        let is_limited = app.config.limits.gateway_connection_cap().is_some();
        let room = WaitingRoom::new(is_limited.then_some(MAX_WAITING_PER_ADDRESS));
        Self { app, voice, take, room }
    }

    /// Answers an upgrade asked for from `address`, and serves the socket once the answer is sent.
    pub fn upgrade<B>(&self, mut request: Request<B>, address: IpAddr) -> Response<Full<Bytes>> {
        let (accepted, upgrade) = match handshake::accept(&mut request) {
            Ok(accepted) => accepted,
            Err(refused) => return refused.answer(),
        };
        let Some(place) = self.room.enter(address) else {
            return later(StatusCode::TOO_MANY_REQUESTS, "10");
        };
        let (app, voice, take) = (self.app.clone(), self.voice.clone(), self.take);
        tokio::spawn(async move {
            // A client that left before the answer was sent is nothing to tell of.
            let Ok(socket) = upgrade.await else { return };
            let Some(taken) = take(socket.into_inner().into_inner()) else {
                tracing::error!("an upgraded connection is not of the listener's kind");
                return;
            };
            Connection::new(app, voice, taken, place, address).serve().await;
        });
        accepted
    }
}

/// Why a connection ends.
enum End {
    /// The socket is gone.
    Lost,
    /// The client closed.
    ByClient,
    /// We close.
    Close(VoiceClose),
}

impl From<VoiceClose> for End {
    fn from(close: VoiceClose) -> Self {
        Self::Close(close)
    }
}

impl From<std::io::Error> for End {
    fn from(_: std::io::Error) -> Self {
        Self::Lost
    }
}

/// The session that a connection holds.
struct Held {
    session: Arc<str>,
    attached: Attached,
}

/// One connection.
struct Connection {
    app: App,
    voice: Voice,
    stream: Socket,
    incoming: Incoming,
    address: IpAddr,
    held: Option<Held>,
    /// Held until it identifies.
    place: Option<Place>,
    deadline: Instant,
    second: Instant,
    messages: u32,
    offers: u32,
    _seat: Box<dyn std::any::Any + Send>,
}

impl Connection {
    fn new(app: App, voice: Voice, taken: Taken, place: Place, address: IpAddr) -> Self {
        let mut incoming = Incoming::default();
        incoming.push(&taken.read);
        let now = Instant::now();
        Self {
            app,
            voice,
            stream: Socket::new(taken.stream),
            incoming,
            address,
            held: None,
            place: Some(place),
            deadline: now + Duration::from_millis(IDENTIFY_WITHIN_MS),
            second: now,
            messages: 0,
            offers: 0,
            _seat: taken.seat,
        }
    }

    async fn serve(mut self) {
        let end = match self.run().await {
            Ok(()) => End::Lost,
            Err(end) => end,
        };
        if let Some(held) = self.held.take() {
            self.voice.detach(held.session, held.attached.holder).await;
        }
        let close = match end {
            End::Lost => return,
            End::ByClient => frame::close(1000, ""),
            End::Close(close) => frame::close(close.number(), close.reason()),
        };
        let farewell = async {
            self.stream.write_all(&close).await?;
            self.stream.flush().await?;
            self.stream.shutdown().await?;
            // Read on until the client is gone: a connection dropped with bytes unread is reset, and a reset can overtake the close.
            let mut bytes = [0; 512];
            while self.stream.read(&mut bytes).await? > 0 {}
            Ok::<_, std::io::Error>(())
        };
        // Who takes no close is cut off.
        let _ = tokio::time::timeout(CLOSE_WITHIN, farewell).await;
    }

    async fn run(&mut self) -> Result<(), End> {
        let hello = json!({ "op": 8, "d": { "v": 8, "heartbeat_interval": HEARTBEAT_MS } });
        self.say(&hello.to_string()).await?;
        self.read_messages().await?;
        let mut bytes = vec![0; READ_BYTES];
        loop {
            let mail = async {
                match &self.held {
                    Some(held) => held.attached.mailbox.next(held.attached.holder).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                read = self.stream.read(&mut bytes) => match read? {
                    0 => return Err(End::Lost),
                    count => {
                        self.incoming.push(&bytes[..count]);
                        self.read_messages().await?;
                    }
                },
                mail = mail => match mail {
                    Mail::Message(text) => self.say(&text).await?,
                    Mail::Close(close) => {
                        if close == VoiceClose::Disconnected {
                            self.see_off().await?;
                        }
                        return Err(close.into());
                    }
                },
                () = tokio::time::sleep_until(self.deadline) => return Err(VoiceClose::Timeout.into()),
            }
        }
    }

    /// Whoever is moved or taken out is told so over the gateway at this moment, and closes by itself then: discord.py, which is closed
    /// before it knows where to go, may miss that it was told. Nothing of its session works any longer.
    async fn see_off(&mut self) -> Result<(), End> {
        let until = Instant::now() + LEAVES_WITHIN;
        let mut bytes = vec![0; READ_BYTES];
        while let Ok(read) = tokio::time::timeout_at(until, self.stream.read(&mut bytes)).await {
            match read? {
                0 => return Err(End::Lost),
                count => self.incoming.push(&bytes[..count]),
            }
            loop {
                match self.incoming.next(MAX_MESSAGE_BYTES) {
                    Ok(Some(Received::Close(_))) => return Err(End::ByClient),
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => return Err(VoiceClose::Decode.into()),
                }
            }
        }
        Ok(())
    }

    async fn say(&mut self, text: &str) -> Result<(), End> {
        let mut message = frame::text_header(text.len()).to_vec();
        message.extend_from_slice(text.as_bytes());
        self.write(&message).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        let writing = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match tokio::time::timeout(MAX_STUCK, writing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Lost),
        }
    }

    /// Does what the whole messages among what was read ask for.
    async fn read_messages(&mut self) -> Result<(), End> {
        let mut incoming = std::mem::take(&mut self.incoming);
        let read = self.read_all(&mut incoming).await;
        self.incoming = incoming;
        read
    }

    async fn read_all(&mut self, incoming: &mut Incoming) -> Result<(), End> {
        loop {
            let message = match incoming.next(MAX_MESSAGE_BYTES) {
                Ok(Some(Received::Message(payload))) => ClientMessage::parse(payload),
                Ok(Some(Received::Ping(payload))) => {
                    if let Some(pong) = frame::pong(payload) {
                        self.write(&pong).await?;
                    }
                    continue;
                }
                Ok(Some(Received::Pong)) => continue,
                Ok(Some(Received::Close(_))) => return Err(End::ByClient),
                Ok(None) => return Ok(()),
                Err(_) => return Err(VoiceClose::Decode.into()),
            };
            let message = message.map_err(|fault| match fault {
                Fault::Decode => VoiceClose::Decode,
                Fault::UnknownOpcode => VoiceClose::UnknownOpcode,
                Fault::UnknownProtocol => VoiceClose::UnknownProtocol,
                Fault::UnknownMode => VoiceClose::UnknownMode,
            })?;
            self.count(&message)?;
            self.take(message).await?;
        }
    }

    fn count(&mut self, message: &ClientMessage) -> Result<(), VoiceClose> {
        let now = Instant::now();
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            (self.second, self.messages, self.offers) = (now, 0, 0);
        }
        self.messages += 1;
        let is_offer = matches!(message, ClientMessage::Offer(_) | ClientMessage::Select(Select::WebRtc(_)));
        self.offers += u32::from(is_offer);
        let is_over = self.messages > MAX_MESSAGES_PER_S || self.offers > MAX_OFFERS_PER_S;
        if is_over { Err(VoiceClose::RateLimited) } else { Ok(()) }
    }

    async fn take(&mut self, message: ClientMessage) -> Result<(), End> {
        let said = match message {
            ClientMessage::Heartbeat { echo, seq_ack } => return self.heartbeat(&echo, seq_ack).await,
            ClientMessage::Identify(identify) => return self.identify(identify).await,
            ClientMessage::Resume(resume) => return self.resume(resume).await,
            ClientMessage::Ignored => return Ok(()),
            ClientMessage::Select(select) => Said::Select(select),
            ClientMessage::Offer(offer) => Said::Offer(offer),
            ClientMessage::Speaking(bits) => Said::Speaking(bits),
            ClientMessage::Want(wants) => Said::Want(wants),
            ClientMessage::SelfState(own) => Said::Own(own),
            ClientMessage::Quality(quality) => Said::Quality(quality),
        };
        let held = self.held.as_ref().ok_or(VoiceClose::NotIdentified)?;
        self.voice.say(&held.session, said).await;
        Ok(())
    }

    async fn heartbeat(&mut self, echo: &str, seq_ack: Option<u64>) -> Result<(), End> {
        if let Some(held) = &self.held {
            self.deadline = Instant::now() + Duration::from_millis(HEARTBEAT_TIMEOUT_MS);
            if let Some(seq) = seq_ack {
                held.attached.mailbox.acknowledge(seq);
            }
        }
        self.say(&format!(r#"{{"op":6,"d":{echo}}}"#)).await
    }

    async fn identify(&mut self, identify: Identify) -> Result<(), End> {
        if self.held.is_some() {
            return Err(VoiceClose::AlreadyIdentified.into());
        }
        let Identify { server_id, user_id, session_id, token } = identify;
        let session = admit(&self.app, &session_id, &token, user_id, server_id.get())?;
        let attached = self.voice.attach(Arc::clone(&session), self.address).await;
        let attached = attached.ok_or(VoiceClose::SessionInvalid)?;
        let address = self.voice.address();
        attached.mailbox.tell(
            2,
            &json!({
                "ssrc": attached.ssrc,
                "ip": address.ip(),
                "port": address.port(),
                "modes": Mode::ALL.map(Mode::name),
                "experiments": [],
                "streams": [],
            }),
        );
        self.hold(session, attached);
        Ok(())
    }

    async fn resume(&mut self, resume: Resume) -> Result<(), End> {
        if self.held.is_some() {
            return Err(VoiceClose::AlreadyIdentified.into());
        }
        let Resume { server_id, session_id, token, seq_ack } = resume;
        let session = admit_again(&self.app, &session_id, &token, server_id.get())?;
        let seq = seq_ack.and_then(|seq| u64::try_from(seq).ok()).unwrap_or(0);
        let attached = self.voice.resume(Arc::clone(&session), seq).await;
        let attached = attached.ok_or(VoiceClose::SessionInvalid)?;
        // Before anything that was missed.
        self.say(r#"{"op":9,"d":null}"#).await?;
        self.hold(session, attached);
        Ok(())
    }

    fn hold(&mut self, session: Arc<str>, attached: Attached) {
        self.held = Some(Held { session, attached });
        self.place = None;
        self.deadline = Instant::now() + Duration::from_millis(HEARTBEAT_TIMEOUT_MS);
    }
}
