//! Who is there: what an account's sessions show, merged into one presence, and the board where READY builders read it without
//! waiting for the hub.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock};

use serde::Serialize;

use crate::hub::session::Session;
use crate::logic::intents::Intents;
use crate::model::{
    Activity, ChannelId, ClientStatus, GuildId, MessageId, Presence, Status, UserId, UserRef, VoiceState,
};

/// Members online above which a guild's presences go to bots alone; people's clients subscribe to the part they look at
/// (SAFETY.md §5.12).
pub const MAX_ONLINE_TOLD: usize = 1_000;

/// On what kind of client a session runs; bots count as [`Web`](Self::Web).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientKind {
    /// A desktop program.
    Desktop,
    /// A phone.
    Mobile,
    /// A browser, or a bot.
    Web,
}

/// What a session's client says of itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClientInfo {
    /// Its kind.
    #[serde(rename = "client")]
    pub kind: ClientKind,
    /// Its operating system, at most 128 characters.
    pub os: Box<str>,
    /// Always 0: programs' versions are not kept.
    pub version: u32,
}

/// What a session shows of its owner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Showing {
    /// How present.
    pub status: Status,
    /// What they do or say; the custom status is one.
    pub activities: Arc<[Activity]>,
}

/// One of an account's own sessions, as READY and SESSIONS_REPLACE list them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionInfo {
    /// The session.
    pub session_id: Arc<str>,
    /// What it shows, `invisible` too: only its owner is told.
    pub status: Status,
    /// What its owner does there.
    pub activities: Arc<[Activity]>,
    /// What it runs on.
    pub client_info: ClientInfo,
}

/// What others see of an account.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    pub status: Status,
    pub activities: Arc<[Activity]>,
    pub client_status: ClientStatus,
}

impl Default for Shown {
    fn default() -> Self {
        Self { status: Status::Offline, activities: Arc::default(), client_status: ClientStatus::default() }
    }
}

impl Shown {
    pub fn is_online(&self) -> bool {
        self.status != Status::Offline
    }

    pub fn presence(&self, user: UserId, guild_id: Option<GuildId>) -> Presence {
        Presence {
            user: UserRef { id: user },
            guild_id,
            status: self.status,
            activities: self.activities.to_vec(),
            client_status: self.client_status.clone(),
        }
    }
}

/// What one session adds to its owner's presence.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub showing: Showing,
    pub kind: ClientKind,
    /// Rises with each change, over all sessions.
    pub changed: u64,
}

/// The presence that sessions make together. Choosing to be invisible on one hides the account on all. Otherwise `dnd` wins, since
/// it was asked for, then the most present. Activities are those of the session that changed last.
pub(super) fn merge<'a>(parts: impl Iterator<Item = &'a Part>) -> Shown {
    let mut shown = Shown::default();
    let mut newest = 0;
    for part in parts {
        let status = part.showing.status;
        if status == Status::Invisible {
            return Shown::default();
        }
        if status == Status::Offline {
            continue;
        }
        if part.changed >= newest {
            newest = part.changed;
            shown.activities = part.showing.activities.clone();
        }
        shown.status = stronger(shown.status, status);
        let of_kind = match part.kind {
            ClientKind::Desktop => &mut shown.client_status.desktop,
            ClientKind::Mobile => &mut shown.client_status.mobile,
            ClientKind::Web => &mut shown.client_status.web,
        };
        *of_kind = Some(stronger(of_kind.unwrap_or(Status::Offline), status));
    }
    shown
}

fn stronger(a: Status, b: Status) -> Status {
    let strength = |status| match status {
        Status::Dnd => 3,
        Status::Online => 2,
        Status::Idle => 1,
        Status::Invisible | Status::Offline => 0,
    };
    if strength(a) >= strength(b) { a } else { b }
}

/// What has been told of presences, for everybody to read: it changes in the same step in which the sessions are told.
#[derive(Debug, Default)]
pub(super) struct Board(RwLock<Written>);

#[derive(Debug, Default)]
struct Written {
    /// Accounts that are online.
    online: HashMap<UserId, Shown>,
    /// Accounts' own sessions.
    sessions: HashMap<UserId, Arc<[SessionInfo]>>,
    /// For each guild the hub holds, who of it is online.
    guilds: HashMap<GuildId, HashSet<UserId>>,
    /// Calls, by their conversation, and the message that tells of each.
    calls: HashMap<ChannelId, MessageId>,
    /// Who is in voice, by guild.
    voice: HashMap<GuildId, HashMap<UserId, VoiceState>>,
}

impl Board {
    fn read<T>(&self, look: impl FnOnce(&Written) -> T) -> T {
        look(&self.0.read().expect("nothing panics while it holds the board"))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Written) -> T) -> T {
        change(&mut self.0.write().expect("nothing panics while it holds the board"))
    }

    pub fn holds(&self, guild: GuildId) -> bool {
        self.read(|board| board.guilds.contains_key(&guild))
    }

    pub fn online_count(&self, guild: GuildId) -> usize {
        self.read(|board| board.guilds.get(&guild).map_or(0, HashSet::len))
    }

    pub fn some_online(&self, guild: GuildId, most: usize) -> Vec<Presence> {
        self.read(|board| {
            let online = board.guilds.get(&guild).into_iter().flatten().take(most);
            online.filter_map(|user| Some(board.online.get(user)?.presence(*user, None))).collect()
        })
    }

    pub fn sessions_of(&self, user: UserId) -> Arc<[SessionInfo]> {
        self.read(|board| board.sessions.get(&user).cloned().unwrap_or_default())
    }

    pub fn presences_of(&self, users: &[UserId]) -> Vec<Presence> {
        self.read(|board| {
            let of = |user: &UserId| Some(board.online.get(user)?.presence(*user, None));
            users.iter().filter_map(of).collect()
        })
    }

    /// Who of the guild is online, as far as `viewer` may know.
    pub fn presences(&self, guild: GuildId, viewer: &Session) -> Vec<Presence> {
        let owner = viewer.owner();
        self.read(|board| match board.guilds.get(&guild) {
            Some(online) if may_know(owner.intents, owner.is_bot(), online.len()) => {
                let of = |user: &UserId| Some(board.online.get(user)?.presence(*user, None));
                online.iter().filter_map(of).collect()
            }
            _ => Vec::new(),
        })
    }

    pub fn call_in(&self, channel: ChannelId) -> Option<MessageId> {
        self.read(|board| board.calls.get(&channel).copied())
    }

    /// Writes that there is a call, or that it is over.
    pub fn set_call(&self, channel: ChannelId, message: Option<MessageId>) {
        self.write(|board| match message {
            Some(message) => _ = board.calls.insert(channel, message),
            None => _ = board.calls.remove(&channel),
        });
    }

    pub fn voice_states(&self, guild: GuildId) -> Vec<VoiceState> {
        self.read(|board| board.voice.get(&guild).into_iter().flat_map(HashMap::values).cloned().collect())
    }

    pub fn voice_state(&self, guild: GuildId, user: UserId) -> Option<VoiceState> {
        self.read(|board| board.voice.get(&guild)?.get(&user).cloned())
    }

    /// Writes where somebody is in voice, or that they are no more.
    pub fn set_voice(&self, guild: GuildId, user: UserId, state: Option<VoiceState>) {
        self.write(|board| match state {
            Some(state) => _ = board.voice.entry(guild).or_default().insert(user, state),
            None => {
                if let Some(states) = board.voice.get_mut(&guild) {
                    states.remove(&user);
                    if states.is_empty() {
                        board.voice.remove(&guild);
                    }
                }
            }
        });
    }

    pub fn hold(&self, guild: GuildId) {
        self.write(|board| _ = board.guilds.entry(guild).or_default());
    }

    pub fn release(&self, guild: GuildId) {
        self.write(|board| board.guilds.remove(&guild));
    }

    /// Puts a member of a held guild among those online in it, or away from them.
    pub fn set_in_guild(&self, guild: GuildId, user: UserId, is_online: bool) {
        self.write(|board| match board.guilds.get_mut(&guild) {
            Some(online) if is_online => _ = online.insert(user),
            Some(online) => _ = online.remove(&user),
            None => {}
        });
    }

    /// Writes what is told of an account from here on.
    pub fn set_shown(&self, user: UserId, shown: &Shown, guilds: &HashSet<GuildId>) {
        self.write(|board| {
            if shown.is_online() {
                board.online.insert(user, shown.clone());
            } else {
                board.online.remove(&user);
            }
            for guild in guilds {
                match board.guilds.get_mut(guild) {
                    Some(online) if shown.is_online() => _ = online.insert(user),
                    Some(online) => _ = online.remove(&user),
                    None => {}
                }
            }
        });
    }

    pub fn set_sessions(&self, user: UserId, sessions: Arc<[SessionInfo]>) {
        self.write(|board| {
            if sessions.is_empty() {
                board.sessions.remove(&user);
            } else {
                board.sessions.insert(user, sessions);
            }
        });
    }
}

/// Whether a session is told of presences in a guild with so many online.
pub(super) fn may_know(intents: Intents, is_bot: bool, online: usize) -> bool {
    intents.contains(Intents::GUILD_PRESENCES) && (is_bot || online <= MAX_ONLINE_TOLD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(status: Status, kind: ClientKind, changed: u64) -> Part {
        Part { showing: Showing { status, activities: Arc::default() }, kind, changed }
    }

    #[test]
    fn the_strongest_status_shows_and_each_kind_has_its_own() {
        let parts = [part(Status::Idle, ClientKind::Mobile, 1), part(Status::Online, ClientKind::Web, 2)];
        let shown = merge(parts.iter());
        assert_eq!(shown.status, Status::Online);
        let by_kind = ClientStatus { desktop: None, mobile: Some(Status::Idle), web: Some(Status::Online) };
        assert_eq!(shown.client_status, by_kind);
    }

    #[test]
    fn one_invisible_session_hides_all() {
        let parts =
            [part(Status::Online, ClientKind::Web, 1), part(Status::Invisible, ClientKind::Mobile, 2)];
        assert_eq!(merge(parts.iter()), Shown::default());
        assert!(!merge([].iter()).is_online());
    }
}
