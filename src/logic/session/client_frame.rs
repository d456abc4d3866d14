//! What clients say on the gateway, read from a text or a binary frame into types that are valid by construction.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::logic::session::{Close, CloseCode};
use crate::model::{Activity, ChannelId, GuildId, Status, UserId};

/// Levels of arrays and objects a payload may have.
pub const MAX_DEPTH: usize = 64;
/// Activities of one presence; more are left out.
pub const MAX_ACTIVITIES: usize = 8;
/// Characters of an activity's texts and of client properties; longer ones are cut.
pub const MAX_TEXT_CHARS: usize = 128;
/// Members named in one request, and in one subscription.
pub const MAX_NAMED_MEMBERS: usize = 100;
/// Guilds of one request or subscription, and channels of one subscription.
pub const MAX_NAMED_PLACES: usize = 200;
/// Ranges of a member list that one channel's subscription may hold.
pub const MAX_RANGES: usize = 5;
/// Rows of one range.
pub const MAX_RANGE_ROWS: u32 = 100;
/// Bytes of a member request's nonce; a longer one is not echoed.
pub const MAX_NONCE_BYTES: usize = 32;

/// A payload from a client.
#[derive(Debug)]
pub enum ClientFrame {
    /// Op 1, with the last sequence number the client saw.
    Heartbeat(Option<u64>),
    /// Op 2.
    Identify(Box<Identify>),
    /// Op 3.
    Presence(PresenceUpdate),
    /// Op 4.
    VoiceState(VoiceStateUpdate),
    /// Op 6.
    Resume(Resume),
    /// Op 8.
    RequestMembers(RequestMembers),
    /// Ops 14 and 37: what of big guilds the client looks at.
    Subscribe(Vec<GuildSubscription>),
    /// Op 13: tell me of the call in this channel.
    ConnectCall(ChannelId),
    /// Op 31: send the sounds of these guilds.
    RequestSounds(Vec<GuildId>),
    /// Op 43: tell me of the voice channels of this guild.
    RequestChannels(GuildId),
    /// An opcode that exists and is not answered here.
    Ignored(u64),
}

/// Why a payload is not understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Longer than the limit.
    TooBig,
    /// Not JSON of the shape `{"op":…,"d":…}`, or nested deeper than [`MAX_DEPTH`].
    Undecodable,
    /// The opcode's data has the wrong shape.
    BadData,
    /// No such opcode.
    UnknownOpcode,
    /// Intents that are no number an Identify could hold.
    BadIntents,
    /// A sequence number that can't be.
    BadSeq,
}

impl From<Fault> for Close {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooBig => Self::new(CloseCode::Decode, "the payload is too large"),
            Fault::Undecodable => {
                Self::new(CloseCode::Decode, "the payload is not valid JSON with an opcode")
            }
            Fault::BadData => Self::new(CloseCode::Decode, "the payload's data does not fit its opcode"),
            Fault::UnknownOpcode => Self::new(CloseCode::UnknownOpcode, "there is no such opcode"),
            Fault::BadIntents => Self::new(CloseCode::BadIntents, "the intents are not valid"),
            Fault::BadSeq => Self::new(CloseCode::BadSeq, "the sequence number is not valid"),
        }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    op: i64,
    #[serde(borrow, default)]
    d: Option<&'a RawValue>,
}

impl ClientFrame {
    /// Reads a payload of at most `limit` bytes.
    pub fn parse(bytes: &[u8], limit: usize) -> Result<Self, Fault> {
        if bytes.len() > limit {
            return Err(Fault::TooBig);
        }
        if !is_shallow(bytes) {
            return Err(Fault::Undecodable);
        }
        let envelope: Envelope = serde_json::from_slice(bytes).map_err(|_| Fault::Undecodable)?;
        let data = envelope.d.map_or("null", RawValue::get);
        Ok(match envelope.op {
            1 => Self::Heartbeat(read(data)?),
            2 => Self::Identify(Box::new(Identify::read(data)?)),
            3 => Self::Presence(read(data)?),
            4 => Self::VoiceState(read(data)?),
            6 => Self::Resume(Resume::read(data)?),
            8 => Self::RequestMembers(RequestMembers::read(data)?),
            13 => Self::ConnectCall(read::<CallWire>(data)?.channel_id),
            14 => Self::Subscribe(vec![GuildSubscription::read(data)?]),
            37 => Self::Subscribe(GuildSubscription::read_many(data)?),
            31 => Self::RequestSounds(read::<SoundsWire>(data)?.named()?),
            43 => Self::RequestChannels(read::<ChannelsWire>(data)?.guild_id),
            5 | 12 | 18..=42 => Self::Ignored(envelope.op as u64),
            _ => return Err(Fault::UnknownOpcode),
        })
    }
}

fn read<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, Fault> {
    serde_json::from_str(data).map_err(|_| Fault::BadData)
}

/// Whether brackets nest no deeper than [`MAX_DEPTH`]; says nothing of whether they match.
fn is_shallow(json: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return false;
        }
    }
    true
}

/// A token as Identify and Resume carry it, without `Bot ` or `Bearer `. Has no debug text.
#[derive(Clone, PartialEq, Eq)]
pub struct GatewayToken(String);

impl GatewayToken {
    /// The token itself, for the one who checks it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for GatewayToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GatewayToken")
    }
}

impl<'de> Deserialize<'de> for GatewayToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut token = String::deserialize(deserializer)?;
        let bare = token.split_once(' ').filter(|(scheme, _)| {
            scheme.eq_ignore_ascii_case("bot") || scheme.eq_ignore_ascii_case("bearer")
        });
        if let Some((_, bare)) = bare {
            token = bare.trim().to_owned();
        }
        Ok(Self(token))
    }
}

/// Op 2: who the client is and what it wants.
#[derive(Debug)]
pub struct Identify {
    /// Who.
    pub token: GatewayToken,
    /// Which events, by bits; people send none.
    pub intents: Option<u64>,
    /// What the client runs on.
    pub properties: Properties,
    /// Members up to which a guild is sent with all of them, 50 to 250.
    pub large_threshold: u16,
    /// Which part of the guilds: shard, shards in all. Not checked yet.
    pub shard: Option<[u64; 2]>,
    /// What to show from the start.
    pub presence: Option<PresenceUpdate>,
    /// Bits by which a person's client says what it can do; bit 14 asks for passive guilds.
    pub capabilities: u64,
    /// Whether single payloads may be compressed; never used, since streams are offered.
    pub compress: bool,
}

/// What a client runs on, as it says itself; texts are at most [`MAX_TEXT_CHARS`] long.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Properties {
    /// The operating system.
    pub os: String,
    /// The browser or library.
    pub browser: String,
    /// The device.
    pub device: String,
}

#[derive(Deserialize)]
struct IdentifyWire {
    token: GatewayToken,
    #[serde(default)]
    intents: Option<serde_json::Number>,
    #[serde(default)]
    properties: Option<PropertiesWire>,
    #[serde(default)]
    large_threshold: Option<u64>,
    #[serde(default)]
    shard: Option<[u64; 2]>,
    #[serde(default)]
    presence: Option<PresenceUpdate>,
    #[serde(default)]
    capabilities: Option<u64>,
    #[serde(default)]
    compress: Option<bool>,
}

/// Old clients write `$os`; some write both.
#[derive(Default, Deserialize)]
struct PropertiesWire {
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    browser: Option<String>,
    #[serde(default)]
    device: Option<String>,
    #[serde(default, rename = "$os")]
    old_os: Option<String>,
    #[serde(default, rename = "$browser")]
    old_browser: Option<String>,
    #[serde(default, rename = "$device")]
    old_device: Option<String>,
}

impl Identify {
    fn read(data: &str) -> Result<Self, Fault> {
        let wire: IdentifyWire = read(data)?;
        let intents = match wire.intents {
            Some(number) => Some(number.as_u64().ok_or(Fault::BadIntents)?),
            None => None,
        };
        let said = wire.properties.unwrap_or_default();
        Ok(Self {
            token: wire.token,
            intents,
            properties: Properties {
                os: cut(said.os.or(said.old_os).unwrap_or_default()),
                browser: cut(said.browser.or(said.old_browser).unwrap_or_default()),
                device: cut(said.device.or(said.old_device).unwrap_or_default()),
            },
            large_threshold: wire.large_threshold.unwrap_or(50).clamp(50, 250) as u16,
            shard: wire.shard,
            presence: wire.presence,
            capabilities: wire.capabilities.unwrap_or(0),
            compress: wire.compress.unwrap_or(false),
        })
    }
}

/// Op 3, and the presence of Identify.
#[derive(Clone, PartialEq, Debug)]
pub struct PresenceUpdate {
    /// What to show.
    pub status: Status,
    /// What to show with it, at most [`MAX_ACTIVITIES`]; `created_at` is the client's own or 0.
    pub activities: Vec<Activity>,
    /// Since when the client is idle, milliseconds of Unix time.
    pub since_ms: Option<u64>,
    /// Whether the person is away from the keyboard.
    pub is_afk: bool,
}

#[derive(Deserialize)]
struct PresenceWire {
    #[serde(default)]
    status: Option<Status>,
    #[serde(default)]
    activities: Option<Vec<Activity>>,
    /// discord.py writes one activity so in Identify.
    #[serde(default)]
    game: Option<Activity>,
    #[serde(default)]
    since: Option<f64>,
    #[serde(default)]
    afk: Option<bool>,
}

impl<'de> Deserialize<'de> for PresenceUpdate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = PresenceWire::deserialize(deserializer)?;
        let mut activities = wire.activities.unwrap_or_else(|| wire.game.into_iter().collect());
        activities.truncate(MAX_ACTIVITIES);
        for activity in &mut activities {
            activity.name = cut(std::mem::take(&mut activity.name));
            activity.state = activity.state.take().map(cut);
            activity.url = activity.url.take().filter(|url| url.len() <= 512);
        }
        Ok(Self {
            status: wire.status.unwrap_or_default(),
            activities,
            since_ms: wire.since.filter(|since| *since > 0.0).map(|since| since as u64),
            is_afk: wire.afk.unwrap_or(false),
        })
    }
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT_CHARS) {
        text.truncate(end);
    }
    text
}

/// Op 4: join, move in or leave voice. No guild and a DM channel is a call; no channel leaves.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct VoiceStateUpdate {
    /// The guild.
    #[serde(default)]
    pub guild_id: Option<GuildId>,
    /// The channel.
    #[serde(default)]
    pub channel_id: Option<ChannelId>,
    /// Sends nothing.
    #[serde(default)]
    pub self_mute: bool,
    /// Hears nothing.
    #[serde(default)]
    pub self_deaf: bool,
    /// Camera on.
    #[serde(default)]
    pub self_video: bool,
    /// Flags a client may send along.
    #[serde(default)]
    pub flags: Option<u64>,
}

/// Op 6: go on with a session.
#[derive(Debug)]
pub struct Resume {
    /// Who.
    pub token: GatewayToken,
    /// Which session, as READY named it.
    pub session_id: String,
    /// The last number the client saw.
    pub seq: u64,
}

#[derive(Deserialize)]
struct ResumeWire {
    token: GatewayToken,
    session_id: String,
    #[serde(default)]
    seq: Option<i64>,
}

impl Resume {
    fn read(data: &str) -> Result<Self, Fault> {
        let ResumeWire { token, session_id, seq } = read(data)?;
        let seq = u64::try_from(seq.unwrap_or(0)).map_err(|_| Fault::BadSeq)?;
        Ok(Self { token, session_id, seq })
    }
}

/// Op 8: members of guilds, by the start of their names or by id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestMembers {
    /// The guilds; one, but for people's clients.
    pub guild_ids: Vec<GuildId>,
    /// Which members.
    pub which: WhichMembers,
    /// Whether presences are wanted too.
    pub presences: bool,
    /// To be echoed in the answer.
    pub nonce: Option<String>,
}

/// The members a request asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WhichMembers {
    /// Everyone: an empty query without limit.
    All,
    /// At most `limit` (1 to 100) whose name begins so.
    Prefix {
        /// The beginning of a name; may be empty.
        query: String,
        /// How many.
        limit: u16,
    },
    /// These, at most [`MAX_NAMED_MEMBERS`].
    Users(Vec<UserId>),
}

/// One or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Several<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> From<Several<T>> for Vec<T> {
    fn from(several: Several<T>) -> Self {
        match several {
            Several::Many(all) => all,
            Several::One(one) => vec![one],
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NonceWire {
    Text(String),
    Number(i64),
}

#[derive(Deserialize)]
struct RequestMembersWire {
    guild_id: Several<GuildId>,
    #[serde(default)]
    query: Option<String>,
    #[serde(default)]
    limit: Option<u64>,
    #[serde(default)]
    user_ids: Option<Several<UserId>>,
    #[serde(default)]
    presences: Option<bool>,
    #[serde(default)]
    nonce: Option<NonceWire>,
}

impl RequestMembers {
    fn read(data: &str) -> Result<Self, Fault> {
        let wire: RequestMembersWire = read(data)?;
        let guild_ids: Vec<GuildId> = wire.guild_id.into();
        let user_ids: Option<Vec<UserId>> = wire.user_ids.map(Into::into);
        if guild_ids.len() > MAX_NAMED_PLACES
            || user_ids.as_ref().is_some_and(|ids| ids.len() > MAX_NAMED_MEMBERS)
        {
            return Err(Fault::BadData);
        }
        let which = match (wire.query, user_ids, wire.limit.unwrap_or(0)) {
            (_, Some(ids), _) => WhichMembers::Users(ids),
            (Some(query), None, 0) if query.is_empty() => WhichMembers::All,
            (Some(query), None, 0) => WhichMembers::Prefix { query: cut(query), limit: 100 },
            (Some(query), None, limit) => {
                WhichMembers::Prefix { query: cut(query), limit: limit.min(100) as u16 }
            }
            (None, None, _) => return Err(Fault::BadData),
        };
        let nonce = wire.nonce.map(|nonce| match nonce {
            NonceWire::Text(text) => text,
            NonceWire::Number(number) => number.to_string(),
        });
        Ok(Self {
            guild_ids,
            which,
            presences: wire.presences.unwrap_or(false),
            nonce: nonce.filter(|nonce| nonce.len() <= MAX_NONCE_BYTES),
        })
    }
}

/// What of one guild a person's client looks at (API.md §3.6), in place of what it looked at before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GuildSubscription {
    /// The guild.
    pub guild_id: GuildId,
    /// Rows of each channel's member list, at most [`MAX_RANGES`] ranges each.
    pub channels: Vec<(ChannelId, Vec<Rows>)>,
    /// Members to be kept up to date, at most [`MAX_NAMED_MEMBERS`].
    pub members: Vec<UserId>,
    /// Typing wanted, if said.
    pub typing: Option<bool>,
    /// Activities wanted, if said.
    pub activities: Option<bool>,
    /// Threads wanted, if said.
    pub threads: Option<bool>,
}

/// Rows of a member list, both ends included; at most [`MAX_RANGE_ROWS`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Rows {
    /// The first row, from 0.
    pub first: u32,
    /// The last row.
    pub last: u32,
}

#[derive(Deserialize)]
struct SubscriptionWire {
    #[serde(default)]
    guild_id: Option<GuildId>,
    #[serde(default)]
    channels: Option<BTreeMap<ChannelId, Vec<[u32; 2]>>>,
    #[serde(default)]
    members: Option<Vec<UserId>>,
    #[serde(default)]
    typing: Option<bool>,
    #[serde(default)]
    activities: Option<bool>,
    #[serde(default)]
    threads: Option<bool>,
}

#[derive(Deserialize)]
struct SubscriptionsWire {
    subscriptions: BTreeMap<GuildId, SubscriptionWire>,
}

#[derive(Deserialize)]
struct SoundsWire {
    guild_ids: Vec<GuildId>,
}

impl SoundsWire {
    fn named(self) -> Result<Vec<GuildId>, Fault> {
        if self.guild_ids.len() > MAX_NAMED_PLACES { Err(Fault::BadData) } else { Ok(self.guild_ids) }
    }
}

#[derive(Deserialize)]
struct ChannelsWire {
    guild_id: GuildId,
}

#[derive(Deserialize)]
struct CallWire {
    channel_id: ChannelId,
}

impl GuildSubscription {
    /// Whether the client looks at nothing of the guild, which is passive then.
    pub fn is_empty(&self) -> bool {
        let is_on = [self.typing, self.activities, self.threads].contains(&Some(true));
        self.channels.is_empty() && self.members.is_empty() && !is_on
    }

    fn read(data: &str) -> Result<Self, Fault> {
        let wire: SubscriptionWire = read(data)?;
        let guild_id = wire.guild_id.ok_or(Fault::BadData)?;
        Self::check(guild_id, wire)
    }

    fn read_many(data: &str) -> Result<Vec<Self>, Fault> {
        let SubscriptionsWire { subscriptions } = read(data)?;
        if subscriptions.len() > MAX_NAMED_PLACES {
            return Err(Fault::BadData);
        }
        subscriptions.into_iter().map(|(guild_id, wire)| Self::check(guild_id, wire)).collect()
    }

    fn check(guild_id: GuildId, wire: SubscriptionWire) -> Result<Self, Fault> {
        let members = wire.members.unwrap_or_default();
        let channels = wire.channels.unwrap_or_default();
        if members.len() > MAX_NAMED_MEMBERS || channels.len() > MAX_NAMED_PLACES {
            return Err(Fault::BadData);
        }
        let channels = channels
            .into_iter()
            .map(|(channel, ranges)| match ranges.len() {
                0..=MAX_RANGES => {
                    let rows: Option<Vec<Rows>> = ranges.into_iter().map(Rows::check).collect();
                    rows.map(|rows| (channel, rows)).ok_or(Fault::BadData)
                }
                _ => Err(Fault::BadData),
            })
            .collect::<Result<_, _>>()?;
        let SubscriptionWire { typing, activities, threads, .. } =
            SubscriptionWire { channels: None, members: None, ..wire };
        Ok(Self { guild_id, channels, members, typing, activities, threads })
    }
}

impl Rows {
    fn check([first, last]: [u32; 2]) -> Option<Self> {
        (first <= last && last - first < MAX_RANGE_ROWS).then_some(Self { first, last })
    }
}
