//! Every table of the store: its key, its row and the question its order answers. Backup, migration and the tests walk [`ALL`].

use super::keys::Key;
use super::rows::*;
use crate::model::{
    ApplicationId, AttachmentId, AuditEntryId, AuthSessionId, BlobHash, ChannelId, EmojiId, GuildId,
    MessageId, OAuthGrantId, RoleId, SoundId, StickerId, UserId, WebhookId,
};

/// One table: a sorted map from `Key` to `Row`.
pub trait Table {
    /// What it is sorted by.
    type Key: Key;
    /// What it holds.
    type Row: Row;
    /// Its name in the file; never changes.
    const NAME: &'static str;
    /// Its place in [`ALL`].
    const INDEX: usize;
    /// Whether decoded rows of it are kept: by the writer between jobs, for readers until a commit touches it.
    const CACHED: bool;
}

/// The redb form of every table: bytes to bytes, so that one list can hold them all and no redb type reaches the file's promises.
pub(super) type Definition = redb::TableDefinition<'static, &'static [u8], &'static [u8]>;

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident, $wire:literal: $key:ty => $row:ty $(, $cached:ident)?;)*) => {
        #[allow(clippy::upper_case_acronyms, reason = "one name per table, in order")]
        #[derive(Clone, Copy)]
        enum Index { $($name,)* }

        $($(#[$doc])*
        pub enum $name {}
        impl Table for $name {
            type Key = $key;
            type Row = $row;
            const NAME: &'static str = $wire;
            const INDEX: usize = Index::$name as usize;
            const CACHED: bool = tables!(@cached $($cached)?);
        })*

        /// All tables, in the order of [`Table::INDEX`].
        pub(super) const ALL: &[Definition] = &[$(redb::TableDefinition::new($wire),)*];
    };
    (@cached cached) => { true };
    (@cached) => { false };
}

tables! {
    /// Facts of the file itself: schema version, store epoch, last id, commit number.
    Meta, "meta": String => MetaRow;
    /// What everybody may see of an account.
    Users, "users": UserId => UserRow, cached;
    /// What only the server and the account's owner may see of it.
    Accounts, "accounts": UserId => AccountRow;
    /// Who has this username.
    Usernames, "usernames": String => UserIdRow;
    /// Who has this mail address (lower-cased).
    Emails, "emails": String => UserIdRow;
    /// Logins of an account, oldest first.
    AuthSessions, "auth_sessions": (UserId, AuthSessionId) => AuthSessionRow;
    /// The settings object of an account, as JSON.
    UserSettings, "user_settings": UserId => JsonRow;
    /// Free-form client preferences of an account, as JSON.
    Prefs, "prefs": UserId => JsonRow;
    /// Notification settings of an account for a guild (0: DMs), as JSON.
    UserGuildSettings, "user_guild_settings": (UserId, GuildId) => JsonRow;
    /// What one wrote down about another.
    Notes, "notes": (UserId, UserId) => TextRow;

    /// Guilds.
    Guilds, "guilds": GuildId => GuildRow, cached;
    /// How many members a guild has; apart, so that a join rewrites 10 bytes.
    MemberCounts, "member_counts": GuildId => CountRow;
    /// Roles of a guild; @everyone has the guild's number.
    Roles, "roles": (GuildId, RoleId) => RoleRow, cached;
    /// Members of a guild by account.
    Members, "members": (GuildId, UserId) => MemberRow, cached;
    /// Guilds of an account.
    UserGuilds, "user_guilds": (UserId, GuildId) => ();
    /// Bans of a guild by account.
    Bans, "bans": (GuildId, UserId) => BanRow;
    /// Invites by code.
    Invites, "invites": String => InviteRow;
    /// Codes of a guild's invites.
    GuildInvites, "guild_invites": (GuildId, String) => ();
    /// The audit log of a guild, oldest first.
    AuditLog, "audit_log": (GuildId, AuditEntryId) => AuditRow;
    /// Guilds marked gone whose rows are still being swept.
    DoomedGuilds, "doomed_guilds": GuildId => ();

    /// Channels of every kind.
    Channels, "channels": ChannelId => ChannelRow, cached;
    /// Channels of a guild.
    GuildChannels, "guild_channels": (GuildId, ChannelId) => ();
    /// What changes with every message of a channel; apart, so that a post rewrites 20 bytes.
    ChannelStates, "channel_states": ChannelId => ChannelStateRow;
    /// The DM of two people, the smaller id first.
    DmPairs, "dm_pairs": (UserId, UserId) => ChannelIdRow;
    /// What others are to an account: friends, requests either way, blocks, nicknames.
    Relationships, "relationships": (UserId, UserId) => RelationshipRow, cached;
    /// DMs of an account, and whether its list shows them.
    UserDms, "user_dms": (UserId, ChannelId) => UserDmRow;
    /// Channels marked gone whose messages are still being swept.
    DoomedChannels, "doomed_channels": ChannelId => ();

    /// Messages of a channel, oldest first: a page of history is one range scan.
    Messages, "messages": (ChannelId, MessageId) => MessageRow;
    /// Messages of a guild channel that mention somebody: counts and inboxes are computed from these after the read mark, so that
    /// one @everyone is one row (SAFETY.md §5.3).
    Mentions, "mentions": (ChannelId, MessageId) => MentionRow;
    /// Who reacted to a message with an emoji (its key), by account.
    Reactions, "reactions": (MessageId, String, UserId) => ();
    /// Pins of a channel by time of pinning (milliseconds of Unix time), oldest first.
    Pins, "pins": (ChannelId, u64, MessageId) => ();
    /// How far an account has read a channel.
    ReadStates, "read_states": (UserId, ChannelId) => ReadStateRow;
    /// Mentions that an account took out of its inbox.
    DismissedMentions, "dismissed_mentions": (UserId, MessageId) => ();

    /// Applications; the bot user has the same number.
    Applications, "applications": ApplicationId => ApplicationRow, cached;
    /// Applications of an account.
    UserApplications, "user_applications": (UserId, ApplicationId) => ();
    /// OAuth2 codes by their SHA-256.
    OAuthCodes, "oauth_codes": Vec<u8> => OAuthCodeRow;
    /// Access that people gave to applications.
    OAuthGrants, "oauth_grants": (UserId, OAuthGrantId) => OAuthGrantRow;
    /// OAuth2 access and refresh tokens by their SHA-256; one whose grant is gone opens nothing.
    OAuthTokens, "oauth_tokens": Vec<u8> => OAuthTokenRow;
    /// Bots by the SHA-256 of their token.
    BotTokens, "bot_tokens": Vec<u8> => UserIdRow;
    /// Webhooks, followers among them.
    Webhooks, "webhooks": WebhookId => WebhookRow, cached;
    /// Webhooks that post into a channel.
    ChannelWebhooks, "channel_webhooks": (ChannelId, WebhookId) => ();
    /// Webhooks that follow an announcement channel.
    Followers, "followers": (ChannelId, WebhookId) => ();
    /// Copies of a published message: where each stands.
    Crossposts, "crossposts": (MessageId, ChannelId) => MessageIdRow;

    /// Deleted roles that members' rows may still name; the row is the member up to whom they were stripped. Readers ignore them.
    DoomedRoles, "doomed_roles": (GuildId, RoleId) => UserIdRow;
    /// Bans of accounts that were no members then, which are limited.
    ForeignBans, "foreign_bans": (GuildId, UserId) => ();
    /// Bots of a guild.
    GuildBots, "guild_bots": (GuildId, UserId) => ();
    /// When somebody posted last into a channel with slow mode, milliseconds of Unix time; written there only.
    SlowPosts, "slow_posts": (ChannelId, UserId) => CountRow;
    /// Reactions taken off a message (or gone with it) whose rows, by emoji key, are still being swept.
    DoomedReactions, "doomed_reactions": (MessageId, String) => ();
    /// Banned people whose newer messages in a guild are still being swept.
    DoomedPosts, "doomed_posts": (GuildId, UserId) => DoomedPostsRow;

    /// Who names a kept file: its hash, what kind of thing (see [`blob_user`]) and its id. A file that none names is swept.
    BlobUsers, "blob_users": (BlobHash, u64, u64) => ();
    /// Where an attachment is. It is there only while its message's row lists it.
    AttachmentPlaces, "attachment_places": AttachmentId => AttachmentPlaceRow;
    /// Messages that were deleted with their files, whose rows are still being swept. Readers see them no more.
    DoomedFiles, "doomed_files": (ChannelId, MessageId) => DoomedFilesRow;
    /// Bytes of an account's files, for its quota.
    StoredBytes, "stored_bytes": UserId => CountRow;
    /// Files on their way by themselves, by the SHA-256 of their secret.
    Uploads, "uploads": Vec<u8> => UploadRow;
    /// Those of an account.
    UserUploads, "user_uploads": (UserId, Vec<u8>) => ();
    /// Messages of a channel that hold something of a kind (see [`media_kind`]), oldest first.
    ChannelMedia, "channel_media": (ChannelId, u64, MessageId) => ();
    /// Custom emoji.
    Emojis, "emojis": EmojiId => EmojiRow, cached;
    /// Custom emoji of a guild.
    GuildEmojis, "guild_emojis": (GuildId, EmojiId) => ();
    /// Custom emoji of an application.
    ApplicationEmojis, "application_emojis": (ApplicationId, EmojiId) => ();
    /// Stickers.
    Stickers, "stickers": StickerId => StickerRow, cached;
    /// Stickers of a guild.
    GuildStickers, "guild_stickers": (GuildId, StickerId) => ();
    /// Sounds of soundboards.
    Sounds, "sounds": SoundId => SoundRow, cached;
    /// Sounds of a guild.
    GuildSounds, "guild_sounds": (GuildId, SoundId) => ();
    /// Settings of a guild that the field's own API has no place for.
    GuildExtras, "guild_extras": GuildId => GuildExtrasRow, cached;
}

/// Kinds of things that name files, in keys of [`BlobUsers`].
pub mod blob_user {
    /// An attachment's file.
    pub const ATTACHMENT: u64 = 0;
    /// The still of an attachment that is a video.
    pub const POSTER: u64 = 1;
    /// A custom emoji.
    pub const EMOJI: u64 = 2;
    /// A sticker.
    pub const STICKER: u64 = 3;
    /// A sound of a soundboard.
    pub const SOUND: u64 = 4;
}

/// Kinds of things in messages, in keys of [`ChannelMedia`].
pub mod media_kind {
    /// A picture.
    pub const IMAGE: u64 = 0;
    /// A video.
    pub const VIDEO: u64 = 1;
    /// Sound.
    pub const AUDIO: u64 = 2;
    /// Any other file.
    pub const FILE: u64 = 3;
    /// A link in the text.
    pub const LINK: u64 = 4;
    /// All of them.
    pub const ALL: [u64; 5] = [IMAGE, VIDEO, AUDIO, FILE, LINK];
}
