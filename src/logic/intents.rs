//! Gateway intents: which kinds of event a bot asked for (API.md §3.3). What depends on more than an event's name (a bot's own
//! member, the content of a message) is decided where the event is known.

use std::ops::{BitAnd, BitOr, Not};

/// A set of intents, by the bits Identify carries.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Intents(u64);

macro_rules! intents {
    ($($(#[$doc:meta])* $name:ident = $bit:literal),* $(,)?) => {
        impl Intents {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
            /// Every intent there is; what a person's session is given, since people do not choose.
            pub const ALL: Self = Self(0 $(| 1 << $bit)*);
        }
    };
}

intents! {
    /// Guilds, roles, channels, threads, stages.
    GUILDS = 0,
    /// Members joining, changing, leaving. Privileged.
    GUILD_MEMBERS = 1,
    /// Bans and the audit log.
    GUILD_MODERATION = 2,
    /// Emojis, stickers, sounds.
    GUILD_EXPRESSIONS = 3,
    /// Integrations.
    GUILD_INTEGRATIONS = 4,
    /// Webhooks.
    GUILD_WEBHOOKS = 5,
    /// Invites.
    GUILD_INVITES = 6,
    /// Voice states.
    GUILD_VOICE_STATES = 7,
    /// Presences. Privileged.
    GUILD_PRESENCES = 8,
    /// Messages in guilds.
    GUILD_MESSAGES = 9,
    /// Reactions in guilds.
    GUILD_MESSAGE_REACTIONS = 10,
    /// Typing in guilds.
    GUILD_MESSAGE_TYPING = 11,
    /// Direct messages.
    DIRECT_MESSAGES = 12,
    /// Reactions in direct messages.
    DIRECT_MESSAGE_REACTIONS = 13,
    /// Typing in direct messages.
    DIRECT_MESSAGE_TYPING = 14,
    /// The content of messages that are not to the bot. Privileged; gates fields, not events.
    MESSAGE_CONTENT = 15,
    /// Scheduled events.
    GUILD_SCHEDULED_EVENTS = 16,
    /// AutoMod rules.
    AUTO_MODERATION_CONFIGURATION = 20,
    /// AutoMod actions.
    AUTO_MODERATION_EXECUTION = 21,
    /// Poll votes in guilds.
    GUILD_MESSAGE_POLLS = 24,
    /// Poll votes in direct messages.
    DIRECT_MESSAGE_POLLS = 25,
}

/// The intents an application must have switched on, each with the application flags that say so: the flag of a verified bot
/// and that of a limited one, either of which is enough.
pub const PRIVILEGED: [(Intents, u64); 3] = [
    (Intents::GUILD_PRESENCES, 1 << 12 | 1 << 13),
    (Intents::GUILD_MEMBERS, 1 << 14 | 1 << 15),
    (Intents::MESSAGE_CONTENT, 1 << 18 | 1 << 19),
];

impl Intents {
    /// No intents.
    pub const NONE: Self = Self(0);

    /// The set of these bits; `None` when one of them means nothing.
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits & !Self::ALL.0 == 0 { Some(Self(bits)) } else { None }
    }

    /// The bits as Identify carries them.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in the set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in the set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The privileged intents an application with these flags may use.
    pub fn privileged_by(application_flags: u64) -> Self {
        PRIVILEGED
            .into_iter()
            .filter(|(_, flags)| application_flags & flags != 0)
            .fold(Self::NONE, |held, (intent, _)| held | intent)
    }

    /// The privileged intents of this set that an application with these flags has not switched on.
    pub fn disallowed(self, application_flags: u64) -> Self {
        let privileged = PRIVILEGED.into_iter().fold(Self::NONE, |all, (intent, _)| all | intent);
        self & privileged & !Self::privileged_by(application_flags)
    }

    /// Whether a session with these intents is told of an event by this name; `is_dm` when it happened outside any guild.
    pub fn admits(self, event_name: &str, is_dm: bool) -> bool {
        gate(event_name, is_dm).is_none_or(|gate| self.intersects(gate))
    }
}

impl BitOr for Intents {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Intents {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for Intents {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0 & Self::ALL.0)
    }
}

/// The intents any one of which lets an event through; `None` for one that is always sent. `is_dm` tells events of direct
/// messages from those of guilds.
pub fn gate(event_name: &str, is_dm: bool) -> Option<Intents> {
    let of = |guild: Intents, dm: Intents| if is_dm { dm } else { guild };
    Some(match event_name {
        "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "CHANNEL_DELETE" | "CHANNEL_PINS_UPDATE" => {
            of(Intents::GUILDS, Intents::DIRECT_MESSAGES)
        }
        "GUILD_CREATE"
        | "GUILD_UPDATE"
        | "GUILD_DELETE"
        | "GUILD_ROLE_CREATE"
        | "GUILD_ROLE_UPDATE"
        | "GUILD_ROLE_DELETE"
        | "THREAD_CREATE"
        | "THREAD_UPDATE"
        | "THREAD_DELETE"
        | "THREAD_LIST_SYNC"
        | "THREAD_MEMBER_UPDATE"
        | "STAGE_INSTANCE_CREATE"
        | "STAGE_INSTANCE_UPDATE"
        | "STAGE_INSTANCE_DELETE"
        | "VOICE_CHANNEL_STATUS_UPDATE"
        | "VOICE_CHANNEL_START_TIME_UPDATE" => Intents::GUILDS,
        // With GUILDS alone a bot is told about itself only.
        "THREAD_MEMBERS_UPDATE" => Intents::GUILDS | Intents::GUILD_MEMBERS,
        "GUILD_MEMBER_ADD" | "GUILD_MEMBER_UPDATE" | "GUILD_MEMBER_REMOVE" => Intents::GUILD_MEMBERS,
        "GUILD_AUDIT_LOG_ENTRY_CREATE" | "GUILD_BAN_ADD" | "GUILD_BAN_REMOVE" => Intents::GUILD_MODERATION,
        "GUILD_EMOJIS_UPDATE"
        | "GUILD_STICKERS_UPDATE"
        | "GUILD_SOUNDBOARD_SOUND_CREATE"
        | "GUILD_SOUNDBOARD_SOUND_UPDATE"
        | "GUILD_SOUNDBOARD_SOUND_DELETE"
        | "GUILD_SOUNDBOARD_SOUNDS_UPDATE" => Intents::GUILD_EXPRESSIONS,
        "INTEGRATION_CREATE" | "INTEGRATION_UPDATE" | "INTEGRATION_DELETE" | "GUILD_INTEGRATIONS_UPDATE" => {
            Intents::GUILD_INTEGRATIONS
        }
        "WEBHOOKS_UPDATE" => Intents::GUILD_WEBHOOKS,
        "INVITE_CREATE" | "INVITE_DELETE" => Intents::GUILD_INVITES,
        "VOICE_STATE_UPDATE" | "VOICE_CHANNEL_EFFECT_SEND" => Intents::GUILD_VOICE_STATES,
        "PRESENCE_UPDATE" => Intents::GUILD_PRESENCES,
        "MESSAGE_CREATE" | "MESSAGE_UPDATE" | "MESSAGE_DELETE" | "MESSAGE_DELETE_BULK" => {
            of(Intents::GUILD_MESSAGES, Intents::DIRECT_MESSAGES)
        }
        "MESSAGE_REACTION_ADD"
        | "MESSAGE_REACTION_REMOVE"
        | "MESSAGE_REACTION_REMOVE_ALL"
        | "MESSAGE_REACTION_REMOVE_EMOJI" => {
            of(Intents::GUILD_MESSAGE_REACTIONS, Intents::DIRECT_MESSAGE_REACTIONS)
        }
        "TYPING_START" => of(Intents::GUILD_MESSAGE_TYPING, Intents::DIRECT_MESSAGE_TYPING),
        "GUILD_SCHEDULED_EVENT_CREATE"
        | "GUILD_SCHEDULED_EVENT_UPDATE"
        | "GUILD_SCHEDULED_EVENT_DELETE"
        | "GUILD_SCHEDULED_EVENT_USER_ADD"
        | "GUILD_SCHEDULED_EVENT_USER_REMOVE" => Intents::GUILD_SCHEDULED_EVENTS,
        "AUTO_MODERATION_RULE_CREATE" | "AUTO_MODERATION_RULE_UPDATE" | "AUTO_MODERATION_RULE_DELETE" => {
            Intents::AUTO_MODERATION_CONFIGURATION
        }
        "AUTO_MODERATION_ACTION_EXECUTION" => Intents::AUTO_MODERATION_EXECUTION,
        "MESSAGE_POLL_VOTE_ADD" | "MESSAGE_POLL_VOTE_REMOVE" => {
            of(Intents::GUILD_MESSAGE_POLLS, Intents::DIRECT_MESSAGE_POLLS)
        }
        // Our own dispatches are for people, whose sessions are asked for no intent (API.md §0).
        own if own.starts_with("HEARTH_") => Intents::NONE,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_outside_the_list_are_refused() {
        // What discord.js and discord.py send for "all", polls among them.
        assert_eq!(Intents::from_bits(53_608_447), Some(Intents::ALL));
        assert_eq!(Intents::from_bits(1 << 17), None);
        assert_eq!(Intents::from_bits(1 << 63), None);
        assert_eq!(Intents::from_bits(0), Some(Intents::NONE));
    }

    #[test]
    fn either_flag_of_an_application_switches_a_privileged_intent_on() {
        let asked = Intents::GUILDS | Intents::GUILD_MEMBERS | Intents::MESSAGE_CONTENT;
        assert_eq!(asked.disallowed(0), Intents::GUILD_MEMBERS | Intents::MESSAGE_CONTENT);
        assert_eq!(asked.disallowed(1 << 15), Intents::MESSAGE_CONTENT);
        assert_eq!(asked.disallowed(1 << 14 | 1 << 18), Intents::NONE);
        assert_eq!(Intents::GUILDS.disallowed(0), Intents::NONE);
    }

    #[test]
    fn direct_messages_have_gates_of_their_own() {
        let guild_only = Intents::GUILDS | Intents::GUILD_MESSAGES;
        assert!(guild_only.admits("MESSAGE_CREATE", false));
        assert!(!guild_only.admits("MESSAGE_CREATE", true));
        assert!(guild_only.admits("CHANNEL_PINS_UPDATE", false));
        assert!(!guild_only.admits("CHANNEL_PINS_UPDATE", true));
        assert!(Intents::DIRECT_MESSAGES.admits("CHANNEL_CREATE", true));
        assert!(!guild_only.admits("TYPING_START", false));
    }

    #[test]
    fn what_a_session_lives_by_needs_no_intent() {
        for name in
            ["READY", "RESUMED", "USER_UPDATE", "INTERACTION_CREATE", "GUILD_MEMBERS_CHUNK", "RATE_LIMITED"]
        {
            assert!(Intents::NONE.admits(name, false), "{name}");
        }
    }
}
