// The objects the server speaks of (its OpenAPI document describes them in full); only the fields this client reads.

export type Id = string;

export interface User {
  id: Id;
  username: string;
  global_name: string | null;
  avatar: string | null;
  bot?: boolean;
  discriminator?: string;
}

export interface OwnUser extends User {
  email: string | null;
  locale: string;
  bio?: string;
  pronouns?: string;
  banner: string | null;
  flags: number;
}

export interface Role {
  id: Id;
  name: string;
  color: number;
  hoist: boolean;
  position: number;
  permissions: string;
  managed: boolean;
  mentionable: boolean;
}

export interface Member {
  user: User;
  nick: string | null;
  avatar?: string | null;
  roles: Id[];
  joined_at: string;
  communication_disabled_until?: string | null;
  pending?: boolean;
}

export interface Overwrite {
  id: Id;
  /** 0 a role, 1 a member. */
  type: number;
  allow: string;
  deny: string;
}

export const ChannelType = {
  text: 0,
  dm: 1,
  voice: 2,
  group: 3,
  category: 4,
  announcement: 5,
  stage: 13,
  forum: 15,
  media: 16,
} as const;

export interface Channel {
  id: Id;
  type: number;
  guild_id?: Id;
  name?: string | null;
  topic?: string | null;
  icon?: string | null;
  position?: number;
  parent_id?: Id | null;
  permission_overwrites?: Overwrite[];
  last_message_id?: Id | null;
  last_pin_timestamp?: string | null;
  rate_limit_per_user?: number;
  nsfw?: boolean;
  recipients?: User[];
  owner_id?: Id;
  /** A stranger's first words, waiting for our consent; in our own view only. */
  is_message_request?: boolean;
  /** Bits per second of a voice in it. */
  bitrate?: number;
  /** People who may talk in it at once; 0 for no limit. */
  user_limit?: number;
}

/** Where somebody is in voice, and how. */
export interface VoiceState {
  guild_id?: Id;
  /** Null: they left. */
  channel_id: Id | null;
  user_id: Id;
  session_id: string;
  member?: Member;
  /** By a moderator. */
  deaf: boolean;
  mute: boolean;
  self_deaf: boolean;
  self_mute: boolean;
  self_video: boolean;
  self_stream?: boolean;
  /** Only listens. */
  suppress: boolean;
}

/** A call in a conversation outside guilds. */
export interface Call {
  channel_id: Id;
  message_id: Id;
  /** Whose clients are to ring. */
  ringing: Id[];
  voice_states: VoiceState[];
}

export interface Guild {
  id: Id;
  name: string;
  icon: string | null;
  owner_id: Id;
  roles: Role[];
  description?: string | null;
  member_count: number;
  /** 0 all messages, 1 only mentions: for whoever chose nothing else. */
  default_message_notifications?: number;
  unavailable?: boolean;
  large?: boolean;
  emojis?: CustomEmoji[];
  stickers?: Sticker[];
  soundboard_sounds?: Sound[];
}

/** A guild as the gateway sends it, with what belongs to it. */
export interface FullGuild extends Guild {
  channels: Channel[];
  members: Member[];
  presences?: Presence[];
  voice_states?: VoiceState[];
}

export type Status = 'online' | 'idle' | 'dnd' | 'offline' | 'invisible';

export interface Activity {
  name: string;
  type: number;
  state?: string | null;
}

export interface Presence {
  user: { id: Id };
  guild_id?: Id;
  status: Status;
  activities: Activity[];
}

export interface Emoji {
  id: Id | null;
  name: string;
  animated?: boolean;
}

/** An emoji of a guild's own. */
export interface CustomEmoji {
  id: Id;
  name: string;
  animated?: boolean;
  available?: boolean;
  /** Who may use it; everybody where it is empty. */
  roles?: Id[];
  /** Who made it; told only to those who may make emoji. */
  user?: User;
}

/** What a sticker's picture is. */
export const StickerFormat = { png: 1, apng: 2, lottie: 3, gif: 4 } as const;

/** A sticker as a message has it. */
export interface StickerItem {
  id: Id;
  name: string;
  /** One of `StickerFormat`. */
  format_type: number;
}

/** A sound of a soundboard. */
export interface Sound {
  sound_id: Id;
  name: string;
  /** How loud it is played, 0 to 1. */
  volume: number;
  emoji_id: Id | null;
  emoji_name: string | null;
  /** None: everybody has it. */
  guild_id?: Id;
  /** Who made it; told only to those who may make some. */
  user?: User;
}

/** Somebody played a sound. */
export interface VoiceEffect {
  channel_id: Id;
  guild_id: Id;
  user_id: Id;
  emoji?: { id: Id | null; name: string | null };
  sound_id?: Id;
  sound_volume?: number;
}

/** A sticker of a guild. */
export interface Sticker extends StickerItem {
  description: string | null;
  /** The emoji it stands for. */
  tags: string;
  available?: boolean;
  guild_id?: Id;
  user?: User;
}

/** A place on the server for a file that comes ahead of its message. */
export interface Slot {
  upload_url: string;
  upload_filename: string;
}

export interface Reaction {
  emoji: Emoji;
  count: number;
  me: boolean;
}

export interface Attachment {
  id: Id;
  filename: string;
  size: number;
  url: string;
  proxy_url: string;
  /** The still its sender made of a film. */
  poster_url?: string;
  content_type?: string;
  width?: number;
  height?: number;
  description?: string;
  /** The name as it was given, where it differs. */
  title?: string | null;
  /** A thumbhash, base64. */
  placeholder?: string | null;
  duration_secs?: number | null;
  /** How loud a recording is over its length, base64. */
  waveform?: string | null;
  flags?: number;
}

/** Bits of an attachment's flags. */
export const AttachmentFlag = { isSpoiler: 1 << 3, isAnimated: 1 << 5 } as const;

/** A picture an embed shows: `proxy_url` is the instance's own copy. */
export interface EmbedMedia {
  url?: string;
  proxy_url?: string;
  width?: number;
  height?: number;
  description?: string;
}

export interface Embed {
  type?: string;
  title?: string;
  description?: string;
  url?: string;
  color?: number;
  timestamp?: string;
  provider?: { name?: string; url?: string };
  author?: { name?: string; url?: string; icon_url?: string; proxy_icon_url?: string };
  footer?: { text: string; icon_url?: string; proxy_icon_url?: string };
  image?: EmbedMedia;
  thumbnail?: EmbedMedia;
  video?: EmbedMedia;
  fields?: { name: string; value: string; inline?: boolean }[];
}

/** A part of a bot's message that is more than text; of the kinds there are, only links are drawn. */
export interface MessageComponent {
  type: number;
  components?: MessageComponent[];
  style?: number;
  label?: string;
  url?: string;
}

export interface PinPage {
  items: { pinned_at: string; message: Message }[];
  has_more: boolean;
}

export const MessageType = {
  default: 0,
  recipientAdd: 1,
  recipientRemove: 2,
  call: 3,
  channelName: 4,
  channelIcon: 5,
  pinned: 6,
  join: 7,
  followAdded: 12,
  reply: 19,
} as const;

export interface Message {
  id: Id;
  channel_id: Id;
  guild_id?: Id;
  author: User;
  member?: Omit<Member, 'user'>;
  content: string;
  timestamp: string;
  edited_timestamp: string | null;
  mention_everyone: boolean;
  mentions: (User & { member?: Omit<Member, 'user'> })[];
  mention_roles: Id[];
  attachments: Attachment[];
  embeds: Embed[];
  reactions?: Reaction[];
  components?: MessageComponent[];
  sticker_items?: StickerItem[];
  poll?: { question: { text?: string } };
  pinned: boolean;
  type: number;
  flags?: number;
  nonce?: string | number;
  webhook_id?: Id;
  message_reference?: { message_id?: Id; channel_id?: Id; type?: number };
  /** Absent: not looked up; null: deleted. */
  referenced_message?: Message | null;
}

/** Bits of a message's flags. */
export const MessageFlag = { isVoice: 1 << 13 } as const;

export interface ReadState {
  id: Id;
  last_message_id: Id | null;
  mention_count: number;
  last_pin_timestamp?: string | null;
}

/** What one says of oneself, until when. */
export interface CustomStatus {
  text: string | null;
  expires_at?: string | null;
}

/** Guilds kept together on the rail; without an id, one guild by itself. */
export interface GuildFolder {
  id: number | null;
  name?: string | null;
  color?: number | null;
  guild_ids: Id[];
}

export interface UserSettings {
  theme: string;
  locale: string;
  status: Status;
  custom_status: CustomStatus | null;
  guild_folders?: GuildFolder[];
  default_guilds_restricted?: boolean;
  /** Whether cards are shown below links, and made for one's own. */
  render_embeds?: boolean;
}

export const Relation = { friend: 1, blocked: 2, incoming: 3, outgoing: 4 } as const;

export interface Relationship {
  /** The other person's. */
  id: Id;
  /** One of `Relation`. */
  type: number;
  user: User;
  nickname?: string | null;
  since?: string | null;
  user_ignored?: boolean;
}

/** What one wants to hear of: 0 everything, 1 mentions, 2 nothing, 3 as the place above has it. */
export const Hear = { all: 0, mentions: 1, nothing: 2, inherit: 3 } as const;

export interface MuteConfig {
  end_time: string | null;
  /** Seconds asked for; -1 until it is taken back. */
  selected_time_window: number;
}

export interface ChannelOverride {
  channel_id: Id;
  message_notifications?: number;
  muted?: boolean;
  mute_config?: MuteConfig | null;
  /** A category folded up. */
  collapsed?: boolean;
}

/** One person's notification settings of a guild, or of direct messages. */
export interface GuildSettings {
  guild_id: Id | null;
  message_notifications: number;
  muted: boolean;
  mute_config: MuteConfig | null;
  suppress_everyone: boolean;
  suppress_roles: boolean;
  mobile_push?: boolean;
  channel_overrides: ChannelOverride[];
}

/** The client's own preferences, kept by the server for all devices. */
export interface Prefs {
  /** How the app looks; read with care, since any client may have written it. */
  look?: unknown;
  keywords?: string[];
}

/** A guild's settings of Hearth's own. */
export interface GuildExtras {
  guild_id: Id;
  /** Whether links in its channels get cards. */
  link_previews: boolean;
}

export interface Invite {
  code: string;
  guild?: { id: Id; name: string; icon: string | null; description?: string | null };
  channel: { id: Id; type: number; name?: string | null } | null;
  inviter?: User;
  approximate_member_count?: number;
  approximate_presence_count?: number;
  expires_at: string | null;
  uses?: number;
  /** 0: as many as come. */
  max_uses?: number;
  created_at?: string;
}

export interface LoginSession {
  id_hash: string;
  approx_last_used_time: string;
  client_info: { os: string | null; platform: string | null; location: string | null };
}

export interface Application {
  id: Id;
  name: string;
  icon: string | null;
  description: string;
  flags: number;
  bot_public: boolean;
  bot?: User;
}

export interface Profile {
  user: User & { bio?: string | null };
  user_profile?: { bio?: string | null; pronouns?: string | null };
  mutual_guilds?: { id: Id; nick?: string | null }[];
  mutual_friends?: User[];
}

export interface Instance {
  name: string;
  description: string | null;
  registration: 'open' | 'invite' | 'closed';
  email_required: boolean;
  cdn_base: string;
  limits?: { max_file_size?: number };
}

export interface Authorization {
  application: Application;
  user: User;
  authorized: boolean;
  redirect_uri?: string | null;
  bot?: User;
  guilds?: { id: Id; name: string; icon: string | null; permissions: string }[];
}
