//! What the tables hold: minicbor arrays with numbered fields. A number is never used again; a new field is `Option` or has
//! `#[cbor(default)]`, so that rows of every older version still read (STACK.md §6).

use minicbor::{Decode, Encode};

use crate::model::{
    ApplicationId, AttachmentId, BlobHash, ChannelId, ChannelKind, Embed, EmojiId, GuildId, MessageId, Nonce,
    OAuthGrantId, Overwrite, Permissions, RoleId, StickerItem, UserId, WebhookId,
};

/// A value of a table.
pub trait Row: Sized {
    /// The bytes kept.
    fn to_bytes(&self) -> Vec<u8>;
    /// Reads them back; the error says why not.
    fn from_bytes(bytes: &[u8]) -> Result<Self, String>;
}

impl<R: Encode<()> + for<'b> Decode<'b, ()>> Row for R {
    fn to_bytes(&self) -> Vec<u8> {
        minicbor::to_vec(self).expect("encoding into memory cannot fail")
    }
    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        minicbor::decode(bytes).map_err(|error| error.to_string())
    }
}

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $n:literal $field:ident: $kind:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
        #[allow(missing_docs, reason = "fields without a word of their own mean what the API's field of that name means")]
        pub struct $name {
            $($(#[$field_doc])* #[n($n)] #[cbor(default)] pub $field: $kind,)*
        }
    )*};
}

/// A fact of the file itself.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum MetaRow {
    /// A number: schema version, last id, commit number, owner.
    #[n(0)]
    Number(#[n(0)] u64),
    /// A random id: the store epoch.
    #[n(1)]
    Text(#[n(0)] String),
}

/// The text of a message. Encrypted bodies will be another variant, without the methods of text (SAFETY.md §7).
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Body {
    /// Readable by the server.
    #[n(0)]
    Plain(#[n(0)] String),
}

impl Default for Body {
    fn default() -> Self {
        Self::Plain(String::new())
    }
}

/// What state an account is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub enum AccountState {
    /// In use.
    #[n(0)]
    #[default]
    Active,
    /// Switched off by its owner; a login with `undelete` brings it back.
    #[n(1)]
    Disabled,
    /// To be deleted at this time, milliseconds of Unix time; until then `undelete` brings it back.
    #[n(2)]
    Deleting(#[n(0)] u64),
    /// Deleted: the row stays so that the id is never used again.
    #[n(3)]
    Deleted,
}

/// What somebody is to an account. Friends are rows on both sides, a request is incoming on one and outgoing on the other, a block is
/// the blocker's alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub enum Bond {
    /// Nothing.
    #[n(0)]
    #[default]
    None,
    /// A friend.
    #[n(1)]
    Friend,
    /// Blocked.
    #[n(2)]
    Blocked,
    /// Asked to be a friend.
    #[n(3)]
    Incoming,
    /// Was asked to be a friend.
    #[n(4)]
    Outgoing,
}

/// A reaction's emoji and how many people chose it.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct ReactionCount {
    /// The key under which equal emoji meet (`logic::emoji`).
    #[n(0)]
    pub key: String,
    /// The custom emoji; none for Unicode.
    #[n(1)]
    pub id: Option<EmojiId>,
    /// Its name, or the Unicode emoji as it was first given.
    #[n(2)]
    pub name: String,
    /// Whether a custom emoji moves.
    #[n(3)]
    pub animated: bool,
    /// How many people.
    #[n(4)]
    pub count: u32,
}

rows! {
    /// An account's id.
    UserIdRow { 0 id: UserId, }
    /// A channel's id.
    ChannelIdRow { 0 id: ChannelId, }
    /// A message's id.
    MessageIdRow { 0 id: MessageId, }
    /// A text.
    TextRow { 0 text: String, }
    /// A JSON document.
    JsonRow { 0 json: String, }
    /// A number of things.
    CountRow { 0 count: u64, }
    /// What everybody may see of an account.
    UserRow {
        /// The unique name.
        0 username: String,
        /// The name shown in its place.
        1 global_name: Option<String>,
        /// Hash of the avatar.
        2 avatar: Option<String>,
        /// Hash of the banner.
        3 banner: Option<String>,
        /// Colour of the profile.
        4 accent_color: Option<u32>,
        /// The text about oneself.
        5 bio: String,
        /// Pronouns.
        6 pronouns: String,
        /// Whether it is a bot.
        7 bot: bool,
        /// Deleted: shown as "Deleted User".
        8 deleted: bool,
    }
    /// What only the server and the owner of the account may see of it.
    AccountRow {
        /// The mail address as it was given.
        0 email: Option<String>,
        /// The password's argon2id hash in PHC form; bots have none.
        1 password: Option<String>,
        /// In use, disabled, deleting or deleted.
        2 state: AccountState,
        /// The interface language.
        3 locale: Option<String>,
        /// When the username changed last, twice an hour at most; milliseconds of Unix time.
        4 username_changes_ms: Vec<u64>,
        /// Whether the account administers the instance.
        5 admin: bool,
    }
    /// A login.
    AuthSessionRow {
        /// When it was made, milliseconds of Unix time.
        0 created_ms: u64,
        /// When it was used last, to the nearest minutes.
        1 used_ms: u64,
        /// Operating system the client named.
        2 os: String,
        /// Program the client named.
        3 client: String,
        /// When it ends, milliseconds of Unix time.
        4 expires_ms: u64,
    }
    /// A guild.
    GuildRow {
        0 name: String,
        1 owner: UserId,
        2 icon: Option<String>,
        3 banner: Option<String>,
        4 splash: Option<String>,
        5 description: Option<String>,
        6 afk_channel: Option<ChannelId>,
        /// Seconds.
        7 afk_timeout_s: u32,
        8 verification_level: u8,
        9 default_message_notifications: u8,
        10 explicit_content_filter: u8,
        /// Features switched on, beyond those every guild has.
        11 features: Vec<String>,
        12 mfa_level: u8,
        13 system_channel: Option<ChannelId>,
        14 system_channel_flags: u64,
        15 rules_channel: Option<ChannelId>,
        16 public_updates_channel: Option<ChannelId>,
        17 safety_alerts_channel: Option<ChannelId>,
        18 preferred_locale: String,
        19 nsfw_level: u8,
        20 discovery_splash: Option<String>,
        21 widget_enabled: bool,
        22 widget_channel: Option<ChannelId>,
        23 premium_progress_bar_enabled: bool,
        /// The guild's own invite code.
        24 vanity: Option<String>,
        /// The code of the invite that its widget shows.
        25 widget_invite: Option<String>,
        /// Until when nobody joins by an invite, milliseconds of Unix time; compared at use.
        26 invites_disabled_until_ms: Option<u64>,
        /// Until when members don't write to strangers among them, likewise.
        27 dms_disabled_until_ms: Option<u64>,
    }
    /// A role.
    RoleRow {
        0 name: String,
        1 color: u32,
        2 hoist: bool,
        3 position: u32,
        4 permissions: Permissions,
        5 managed: bool,
        6 mentionable: bool,
        /// The bot it came with.
        7 bot: Option<UserId>,
        8 unicode_emoji: Option<String>,
        9 icon: Option<String>,
        10 secondary_color: Option<u32>,
        11 tertiary_color: Option<u32>,
    }
    /// A member.
    MemberRow {
        0 nick: Option<String>,
        1 roles: Vec<RoleId>,
        /// Milliseconds of Unix time.
        2 joined_ms: u64,
        3 avatar: Option<String>,
        4 banner: Option<String>,
        5 flags: u64,
        /// End of the time-out, milliseconds of Unix time; compared at use.
        6 timed_out_until_ms: Option<u64>,
        7 deaf: bool,
        8 mute: bool,
        9 pending: bool,
        10 bio: String,
        11 pronouns: String,
    }
    /// A ban.
    BanRow {
        0 reason: Option<String>,
        1 banned_ms: u64,
        2 by: Option<UserId>,
    }
    /// An invite.
    InviteRow {
        0 guild: GuildId,
        1 channel: ChannelId,
        2 inviter: Option<UserId>,
        3 created_ms: u64,
        /// Seconds; 0 for ever.
        4 max_age_s: u32,
        /// 0 without end.
        5 max_uses: u32,
        6 uses: u32,
        7 temporary: bool,
        /// Roles given on joining.
        8 roles: Vec<RoleId>,
        /// Whether it is the guild's own code, which no list of invites shows.
        9 vanity: bool,
    }
    /// An entry of the audit log.
    AuditRow {
        0 action: u16,
        1 user: Option<UserId>,
        2 target: Option<String>,
        /// The changes as JSON (`[{key, old_value?, new_value?}]`).
        3 changes: Option<String>,
        /// The options as JSON.
        4 options: Option<String>,
        5 reason: Option<String>,
    }
    /// A channel of any kind.
    ChannelRow {
        0 kind: ChannelKind,
        /// None in DMs.
        1 guild: Option<GuildId>,
        2 name: Option<String>,
        3 position: u32,
        4 overwrites: Vec<Overwrite>,
        5 parent: Option<ChannelId>,
        6 flags: u64,
        7 nsfw: bool,
        8 topic: Option<String>,
        /// Seconds between two messages of one person.
        9 slowmode_s: u32,
        10 bitrate_bps: u32,
        11 user_limit: u32,
        12 rtc_region: Option<String>,
        13 video_quality_mode: u8,
        14 default_auto_archive_duration: Option<u32>,
        /// Everybody in a DM or group DM.
        15 recipients: Vec<UserId>,
        /// Whose group DM it is.
        16 owner: Option<UserId>,
        17 icon: Option<String>,
    }
    /// What changes with every message of a channel.
    ChannelStateRow {
        0 last_message: Option<MessageId>,
        /// Milliseconds of Unix time.
        1 last_pin_ms: Option<u64>,
    }
    /// A DM in somebody's list.
    UserDmRow {
        /// Whether the list shows it.
        0 open: bool,
        /// Whether its owner wrote there or opened or accepted it: the other is no stranger to them.
        1 accepted: bool,
        /// When a stranger wrote whom its owner has not accepted, milliseconds of Unix time.
        2 request_ms: Option<u64>,
    }
    /// What somebody is to an account.
    RelationshipRow {
        0 bond: Bond,
        /// What the account calls them.
        1 nickname: Option<String>,
        /// Since when, milliseconds of Unix time.
        2 since_ms: u64,
        /// Whether the account wants to hear little of them.
        3 ignored: bool,
        /// Whether they asked without sharing a guild or a friend.
        4 stranger: bool,
    }
    /// A message.
    MessageRow {
        /// Who wrote it; the webhook's number for webhooks.
        0 author: UserId,
        1 body: Body,
        2 edited_ms: Option<u64>,
        3 tts: bool,
        4 mention_everyone: bool,
        /// Users mentioned, those a reply pings included.
        5 mentions: Vec<UserId>,
        6 mention_roles: Vec<RoleId>,
        7 embeds: Vec<Embed>,
        8 pinned: bool,
        /// One of `model::message_type`.
        9 kind: u8,
        /// Bits of `model::message_flag`.
        10 flags: u64,
        11 webhook: Option<WebhookId>,
        /// Name and avatar that a webhook message shows.
        12 webhook_name: Option<String>,
        13 webhook_avatar: Option<String>,
        14 application: Option<ApplicationId>,
        /// What it answers or copies: guild, channel, message.
        15 reference_guild: Option<GuildId>,
        16 reference_channel: Option<ChannelId>,
        17 reference_message: Option<MessageId>,
        18 nonce: Option<Nonce>,
        19 reactions: Vec<ReactionCount>,
        /// Components as JSON; stored and returned untouched.
        20 components: Option<String>,
        /// Files.
        21 attachments: Vec<AttachmentRow>,
        /// Custom stickers.
        22 stickers: Vec<StickerItem>,
    }
    /// A file of a message.
    AttachmentRow {
        0 id: AttachmentId,
        1 filename: String,
        2 file: FileRow,
        3 description: Option<String>,
        4 title: Option<String>,
        /// Base64, as it was sent.
        5 waveform: Option<String>,
        /// Bits of `model::attachment_flag`.
        6 flags: u64,
        /// A still of a video, made by its sender.
        7 poster: Option<BlobHash>,
    }
    /// Bytes that are kept, and what was found in them.
    FileRow {
        0 hash: BlobHash,
        1 size_bytes: u64,
        /// Found by looking at them.
        2 media_type: String,
        /// Pixels, upright, of pictures and videos.
        3 width: Option<u32>,
        4 height: Option<u32>,
        /// A thumbhash of a picture, base64.
        5 placeholder: Option<String>,
        /// How long audio or video lasts, milliseconds.
        6 duration_ms: Option<u64>,
        /// A picture that moves.
        7 is_animated: bool,
        /// Text that a browser could take for markup.
        8 is_markup: bool,
    }
    /// Where an attachment is, and whose bytes it counts as.
    AttachmentPlaceRow {
        0 channel: ChannelId,
        1 message: MessageId,
        2 owner: UserId,
    }
    /// The files of a deleted message, whose rows are still being swept.
    DoomedFilesRow {
        0 owner: UserId,
        1 files: Vec<AttachmentRow>,
    }
    /// A file on its way by itself, ahead of the message it will be in.
    UploadRow {
        0 owner: UserId,
        1 channel: ChannelId,
        2 filename: String,
        /// As it was announced.
        3 size_bytes: u64,
        4 created_ms: u64,
        /// The whole file, once it is here.
        5 file: Option<FileRow>,
    }
    /// A custom emoji.
    EmojiRow {
        /// None for those of an application.
        0 guild: Option<GuildId>,
        1 name: String,
        /// Roles that may use it; all members where empty.
        2 roles: Vec<RoleId>,
        3 creator: UserId,
        4 file: FileRow,
        5 application: Option<ApplicationId>,
    }
    /// A sticker.
    StickerRow {
        0 guild: GuildId,
        1 name: String,
        2 description: Option<String>,
        3 tags: String,
        4 creator: UserId,
        5 file: FileRow,
        /// 1 PNG, 2 APNG, 3 Lottie, 4 GIF.
        6 format: u8,
    }
    /// A sound of a guild's soundboard.
    SoundRow {
        0 guild: GuildId,
        1 name: String,
        /// Thousandths of its full loudness.
        2 volume_millis: u32,
        /// The custom emoji beside its name.
        3 emoji: Option<EmojiId>,
        /// The plain one.
        4 glyph: Option<String>,
        5 creator: UserId,
        6 file: FileRow,
    }
    /// Settings of a guild that the field's own API has no place for.
    GuildExtrasRow {
        /// Whether links are not looked up for cards.
        0 hides_link_previews: bool,
    }
    /// Whom a message mentions, for counts and inboxes.
    MentionRow {
        0 author: UserId,
        1 users: Vec<UserId>,
        2 roles: Vec<RoleId>,
        3 everyone: bool,
    }
    /// How far somebody has read a channel.
    ReadStateRow {
        0 last_message: Option<MessageId>,
        1 last_pin_ms: Option<u64>,
        /// Days since 2015-01-01.
        2 last_viewed: Option<u32>,
        3 version: u64,
    }
    /// An application and its bot.
    ApplicationRow {
        0 owner: UserId,
        1 name: String,
        2 description: String,
        3 icon: Option<String>,
        4 flags: u64,
        5 bot_public: bool,
        6 bot_require_code_grant: bool,
        7 redirect_uris: Vec<String>,
        8 tags: Vec<String>,
        9 interactions_endpoint_url: Option<String>,
        10 custom_install_url: Option<String>,
        /// SHA-256 of the bot's token.
        11 token_hash: Vec<u8>,
        /// Install parameters as JSON.
        12 install_params: Option<String>,
        13 cover_image: Option<String>,
        /// Hex of the Ed25519 public key with which interactions are signed.
        14 verify_key: String,
        /// SHA-256 of the secret that it shows for OAuth2; empty without one.
        15 secret_hash: Vec<u8>,
    }
    /// A code of OAuth2.
    OAuthCodeRow {
        0 application: ApplicationId,
        1 user: UserId,
        /// Bits of `logic::scopes`.
        2 scopes: u64,
        3 redirect_uri: String,
        /// The S256 challenge (RFC 7636).
        4 challenge: Option<String>,
        /// Milliseconds of Unix time.
        5 expires_ms: u64,
        /// The grant it was exchanged for.
        6 used_for: Option<OAuthGrantId>,
    }
    /// Access that somebody gave to an application.
    OAuthGrantRow {
        0 application: ApplicationId,
        /// Bits of `logic::scopes`.
        1 scopes: u64,
        /// Whether the application has no secret to show for it.
        2 public: bool,
    }
    /// A token of OAuth2.
    OAuthTokenRow {
        0 user: UserId,
        1 grant: OAuthGrantId,
        2 application: ApplicationId,
        /// Milliseconds of Unix time.
        3 expires_ms: u64,
        /// Whether it only gets others.
        4 refresh: bool,
        /// Whether a refresh token was used; used again it ends its family.
        5 spent: bool,
    }
    /// A webhook.
    WebhookRow {
        /// 1 incoming, 2 follower.
        0 kind: u8,
        1 guild: GuildId,
        2 channel: ChannelId,
        3 creator: Option<UserId>,
        4 name: Option<String>,
        5 avatar: Option<String>,
        6 source_guild: Option<GuildId>,
        7 source_channel: Option<ChannelId>,
    }
    /// Which messages of somebody go.
    DoomedPostsRow {
        /// Those sent since then, milliseconds of Unix time.
        0 since_ms: u64,
        /// And up to this id.
        1 until: MessageId,
    }
}
