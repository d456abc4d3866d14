//! What clients say on a voice connection, read into types that are valid by construction.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::logic::room::Kind;
use crate::model::{GuildId, UserId};

/// Bytes of the longest session description.
pub const MAX_SDP_BYTES: usize = 64 << 10;
/// Bytes of a mid, or of a session's id.
const MAX_NAME_BYTES: usize = 64;
/// Videos of one list of wishes.
const MAX_WANTS: usize = 32;

/// A message from a client.
#[derive(Debug)]
pub enum ClientMessage {
    /// Op 0.
    Identify(Identify),
    /// Op 1.
    Select(Select),
    /// Op 3.
    Heartbeat {
        /// What is to be echoed, as JSON.
        echo: String,
        /// The last numbered message that the client saw.
        seq_ack: Option<u64>,
    },
    /// Op 5, bits of what it sends.
    Speaking(u32),
    /// Op 7.
    Resume(Resume),
    /// Op 100.
    Offer(Offer),
    /// Op 103.
    Want(Vec<VideoWant>),
    /// Op 106.
    SelfState(SelfUpdate),
    /// Op 108.
    Quality(Quality),
    /// An opcode that exists and is not answered here.
    Ignored,
}

/// Why a message is not understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Not JSON of the right shape.
    Decode,
    /// No such opcode.
    UnknownOpcode,
    /// Op 1 with a protocol that is not spoken.
    UnknownProtocol,
    /// Op 1 with an encryption that is not spoken.
    UnknownMode,
}

/// Op 0.
#[derive(Deserialize)]
pub struct Identify {
    /// The guild, or the DM channel of a call: both are numbers alike.
    pub server_id: GuildId,
    /// Who.
    pub user_id: UserId,
    /// The voice session.
    pub session_id: String,
    /// What opens it.
    pub token: String,
}

impl std::fmt::Debug for Identify {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identify({})", self.user_id)
    }
}

/// Op 7.
#[derive(Deserialize)]
pub struct Resume {
    /// The guild, or the DM channel of a call.
    pub server_id: GuildId,
    /// The voice session.
    pub session_id: String,
    /// What opens it.
    pub token: String,
    /// The last numbered message that the client saw.
    #[serde(default)]
    pub seq_ack: Option<i64>,
}

impl std::fmt::Debug for Resume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Resume({})", self.server_id)
    }
}

/// What each of a description's own streams carries, by mid.
pub type Tracks = BTreeMap<String, Kind>;

/// Op 1.
#[derive(Debug)]
pub enum Select {
    /// A bot's: bare UDP in this mode.
    Udp(super::Mode),
    /// The web client's: a session description.
    WebRtc(Offer),
}

/// A session description that the client offers.
#[derive(Debug)]
pub struct Offer {
    /// The client's number for it.
    pub rev: u64,
    /// The description, at most [`MAX_SDP_BYTES`].
    pub sdp: String,
    /// What its own streams carry.
    pub tracks: Tracks,
}

/// A video that is wanted in a slot.
#[derive(Debug, Deserialize)]
pub struct VideoWant {
    /// The slot's mid.
    pub mid: String,
    /// Whose.
    pub user_id: UserId,
    /// Camera or screen.
    pub kind: String,
    /// Pixels of the tile.
    #[serde(default)]
    pub height: u32,
    /// Greater goes first.
    #[serde(default)]
    pub priority: u8,
}

/// Op 106: what somebody says of themself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct SelfUpdate {
    /// Sends no sound.
    #[serde(default)]
    pub mute: bool,
    /// Wants to hear nothing.
    #[serde(default)]
    pub deaf: bool,
    /// Shows a camera.
    #[serde(default)]
    pub camera: bool,
    /// Shows a screen.
    #[serde(default)]
    pub screen: bool,
    /// Sound is sent while a button is pushed only.
    #[serde(default)]
    pub ptt: bool,
}

/// Op 108: how a client's connection is.
#[derive(Clone, Copy, PartialEq, Debug, Default, Deserialize)]
pub struct Quality {
    /// Milliseconds there and back.
    #[serde(default)]
    pub rtt: f64,
    /// Share of packets that did not arrive.
    #[serde(default)]
    pub loss_in: f64,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    op: i64,
    #[serde(borrow, default)]
    d: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct HeartbeatWire<'a> {
    #[serde(borrow)]
    t: &'a RawValue,
    #[serde(default)]
    seq_ack: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SpeakingBits {
    Bits(u32),
    Flag(bool),
}

#[derive(Deserialize)]
struct SpeakingWire {
    speaking: SpeakingBits,
}

#[derive(Deserialize)]
struct SelectWire<'a> {
    protocol: String,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    sdp: Option<String>,
    #[serde(default)]
    tracks: BTreeMap<String, String>,
    #[serde(default)]
    rev: u64,
}

#[derive(Deserialize)]
struct UdpWire {
    mode: String,
}

#[derive(Deserialize)]
struct OfferWire {
    rev: u64,
    sdp: String,
    #[serde(default)]
    tracks: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct WantWire {
    video: Vec<VideoWant>,
}

impl ClientMessage {
    /// Reads a message.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let envelope: Envelope = serde_json::from_slice(bytes).map_err(|_| Fault::Decode)?;
        let data = envelope.d.map_or("null", RawValue::get);
        Ok(match envelope.op {
            0 => Self::Identify(read(data)?),
            1 => Self::Select(select(read(data)?)?),
            3 => heartbeat(data)?,
            5 => Self::Speaking(match read::<SpeakingWire>(data)?.speaking {
                SpeakingBits::Bits(bits) => bits,
                SpeakingBits::Flag(flag) => u32::from(flag),
            }),
            7 => Self::Resume(read(data)?),
            100 => {
                let OfferWire { rev, sdp, tracks } = read(data)?;
                Self::Offer(offer(rev, sdp, tracks)?)
            }
            103 => {
                let WantWire { video } = read(data)?;
                if video.len() > MAX_WANTS {
                    return Err(Fault::Decode);
                }
                Self::Want(video)
            }
            106 => Self::SelfState(read(data)?),
            108 => Self::Quality(read(data)?),
            2 | 4 | 6 | 8..=31 | 101..=110 => Self::Ignored,
            _ => return Err(Fault::UnknownOpcode),
        })
    }
}

fn read<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, Fault> {
    serde_json::from_str(data).map_err(|_| Fault::Decode)
}

/// Below version 8 the data is the number itself.
fn heartbeat(data: &str) -> Result<ClientMessage, Fault> {
    let (echo, seq_ack) = match serde_json::from_str::<HeartbeatWire>(data) {
        Ok(wire) => (format!(r#"{{"t":{}}}"#, number(wire.t.get())?), wire.seq_ack),
        Err(_) => (number(data)?.to_owned(), None),
    };
    Ok(ClientMessage::Heartbeat { echo, seq_ack: seq_ack.and_then(|seq| u64::try_from(seq).ok()) })
}

/// What is echoed is a number, or nothing.
fn number(text: &str) -> Result<&str, Fault> {
    let is_number = text == "null" || (text.len() <= 32 && text.parse::<f64>().is_ok());
    if is_number { Ok(text) } else { Err(Fault::Decode) }
}

fn select(wire: SelectWire<'_>) -> Result<Select, Fault> {
    match wire.protocol.as_str() {
        "udp" => {
            let data = wire.data.ok_or(Fault::Decode)?;
            let UdpWire { mode } = read(data.get())?;
            super::Mode::from_name(&mode).map(Select::Udp).ok_or(Fault::UnknownMode)
        }
        "webrtc" => {
            let sdp = match (wire.sdp, wire.data) {
                (Some(sdp), _) => sdp,
                (None, Some(data)) => read::<String>(data.get())?,
                (None, None) => return Err(Fault::Decode),
            };
            Ok(Select::WebRtc(offer(wire.rev, sdp, wire.tracks)?))
        }
        _ => Err(Fault::UnknownProtocol),
    }
}

fn offer(rev: u64, sdp: String, tracks: BTreeMap<String, String>) -> Result<Offer, Fault> {
    if sdp.len() > MAX_SDP_BYTES {
        return Err(Fault::Decode);
    }
    let known = |(mid, word): (String, String)| {
        let kind = Kind::from_client(&word).filter(|_| mid.len() <= MAX_NAME_BYTES)?;
        Some((mid, kind))
    };
    let tracks: Option<Tracks> = tracks.into_iter().map(known).collect();
    Ok(Offer { rev, sdp, tracks: tracks.ok_or(Fault::Decode)? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::logic::voice_session::Mode;

    fn parse(text: &str) -> Result<ClientMessage, Fault> {
        ClientMessage::parse(text.as_bytes())
    }

    #[test]
    fn heartbeats_are_echoed_in_the_form_they_came_in() {
        for (text, expected, ack) in [
            (r#"{"op":3,"d":{"t":1501184119561,"seq_ack":10}}"#, r#"{"t":1501184119561}"#, Some(10)),
            (r#"{"op":3,"d":{"t":5,"seq_ack":-1}}"#, r#"{"t":5}"#, None),
            (r#"{"op":3,"d":1501184119561}"#, "1501184119561", None),
            (r#"{"op":3}"#, "null", None),
        ] {
            let Ok(ClientMessage::Heartbeat { echo, seq_ack }) = parse(text) else { panic!("{text}") };
            assert_eq!((echo.as_str(), seq_ack), (expected, ack));
        }
        assert_eq!(parse(r#"{"op":3,"d":"<script>"}"#).unwrap_err(), Fault::Decode);
    }

    #[test]
    fn bots_and_browsers_select_their_protocol() {
        let udp = r#"{"op":1,"d":{"protocol":"udp","data":{"address":"1.2.3.4","port":1,"mode":"MODE"}}}"#;
        for mode in Mode::ALL {
            let text = udp.replace("MODE", mode.name());
            assert!(matches!(parse(&text), Ok(ClientMessage::Select(Select::Udp(of))) if of == mode));
        }
        assert_eq!(parse(&udp.replace("MODE", "xsalsa20_poly1305")).unwrap_err(), Fault::UnknownMode);
        let web = r#"{"op":1,"d":{"protocol":"webrtc","data":"v=0","tracks":{"0":"mic","1":"camera"}}}"#;
        let Ok(ClientMessage::Select(Select::WebRtc(offer))) = parse(web) else { panic!("{web}") };
        assert_eq!(offer.sdp, "v=0");
        assert_eq!(offer.tracks["1"], Kind::Camera);
        assert_eq!(parse(&web.replace("camera", "bot")).unwrap_err(), Fault::Decode, "no kind of a client's");
        assert_eq!(parse(&web.replace("webrtc", "carrier-pigeon")).unwrap_err(), Fault::UnknownProtocol);
        let long = web.replace("v=0", &"a".repeat(MAX_SDP_BYTES + 1));
        assert_eq!(parse(&long).unwrap_err(), Fault::Decode);
    }

    #[test]
    fn numbers_and_flags_come_in_many_forms() {
        let identify = r#"{"op":0,"d":{"server_id":41771983423143937,"user_id":"104694319306248192","session_id":"s","token":"t","video":true,"max_dave_protocol_version":1}}"#;
        let Ok(ClientMessage::Identify(identify)) = parse(identify) else { panic!() };
        assert_eq!(
            (identify.server_id.get(), identify.user_id.get()),
            (41771983423143937, 104694319306248192)
        );
        assert_eq!(format!("{identify:?}"), "Identify(104694319306248192)", "no token in logs");
        for (text, bits) in [("5", 5), ("true", 1), ("false", 0)] {
            let text = format!(r#"{{"op":5,"d":{{"speaking":{text},"delay":0,"ssrc":1}}}}"#);
            assert!(matches!(parse(&text), Ok(ClientMessage::Speaking(of)) if of == bits));
        }
        for op in [12, 15, 16, 21, 31] {
            assert!(
                matches!(parse(&format!(r#"{{"op":{op},"d":{{}}}}"#)), Ok(ClientMessage::Ignored)),
                "{op}"
            );
        }
        assert_eq!(parse(r#"{"op":99,"d":null}"#).unwrap_err(), Fault::UnknownOpcode);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), op in 0u8..120, rest in ".{0,60}") {
            let _ = ClientMessage::parse(&bytes);
            let _ = ClientMessage::parse(format!(r#"{{"op":{op},"d":{rest}}}"#).as_bytes());
        }
    }
}
