// What the gateway dispatches, by name. Names not listed here are ignored.
import type {
  Call,
  Channel,
  CustomEmoji,
  Emoji,
  FullGuild,
  Guild,
  GuildSettings,
  Id,
  Member,
  Message,
  OwnUser,
  Prefs,
  Presence,
  ReadState,
  Relationship,
  Role,
  Sound,
  Sticker,
  User,
  UserSettings,
  VoiceState,
} from '../api/types';

export interface Ready {
  user: OwnUser;
  user_settings: UserSettings;
  user_guild_settings?: { entries: GuildSettings[] };
  relationships?: Relationship[];
  read_state: { entries: ReadState[] };
  guilds: FullGuild[];
  private_channels: Channel[];
  presences: Presence[];
  users?: User[];
  session_id: string;
  resume_gateway_url: string;
}

export interface ReactionChange {
  user_id: Id;
  channel_id: Id;
  message_id: Id;
  emoji: Emoji;
}

/** A row of the member list of a guild too big to be told whole. */
export type ListItem =
  { group: { id: string; count: number } } | { member: Member & { presence?: Presence } };

export type ListOp =
  | { op: 'SYNC'; range: [number, number]; items: ListItem[] }
  | { op: 'INSERT' | 'UPDATE'; index: number; item: ListItem }
  | { op: 'DELETE'; index: number }
  | { op: 'INVALIDATE'; range: [number, number] };

export interface ListUpdate {
  guild_id: Id;
  /** Which of the guild's lists: channels that different people see have different ones. */
  id: string;
  member_count: number;
  online_count: number;
  groups: { id: string; count: number }[];
  ops: ListOp[];
}

export interface Events {
  READY: Ready;
  READY_SUPPLEMENTAL: {
    merged_presences?: { friends?: Presence[]; guilds?: Presence[][] };
    guilds?: { id: Id; voice_states?: VoiceState[] }[];
  };
  USER_UPDATE: OwnUser;
  USER_SETTINGS_UPDATE: Partial<UserSettings>;
  USER_GUILD_SETTINGS_UPDATE: GuildSettings;
  USER_NOTE_UPDATE: { id: Id; note: string };
  HEARTH_PREFS_UPDATE: { [K in keyof Prefs]: Prefs[K] | null };
  RELATIONSHIP_ADD: Relationship;
  RELATIONSHIP_UPDATE: Partial<Relationship> & { id: Id };
  RELATIONSHIP_REMOVE: { id: Id };
  GUILD_CREATE: FullGuild;
  GUILD_UPDATE: Guild;
  GUILD_DELETE: { id: Id; unavailable?: boolean };
  GUILD_EMOJIS_UPDATE: { guild_id: Id; emojis: CustomEmoji[] };
  GUILD_SOUNDBOARD_SOUND_CREATE: Sound;
  GUILD_SOUNDBOARD_SOUND_UPDATE: Sound;
  GUILD_SOUNDBOARD_SOUND_DELETE: { sound_id: Id; guild_id: Id };
  VOICE_CHANNEL_STATUS_UPDATE: { id: Id; guild_id: Id; status: string | null };
  VOICE_CHANNEL_START_TIME_UPDATE: { id: Id; guild_id: Id; voice_start_time: number | null };
  CHANNEL_INFO: {
    guild_id: Id;
    channels: { id: Id; status?: string | null; voice_start_time?: number | null }[];
  };
  GUILD_STICKERS_UPDATE: { guild_id: Id; stickers: Sticker[] };
  GUILD_ROLE_CREATE: { guild_id: Id; role: Role };
  GUILD_ROLE_UPDATE: { guild_id: Id; role: Role };
  GUILD_ROLE_DELETE: { guild_id: Id; role_id: Id };
  GUILD_MEMBER_ADD: Member & { guild_id: Id };
  GUILD_MEMBER_UPDATE: Member & { guild_id: Id };
  GUILD_MEMBER_REMOVE: { guild_id: Id; user: User };
  GUILD_MEMBER_LIST_UPDATE: ListUpdate;
  PASSIVE_UPDATE_V2: {
    guild_id: Id;
    updated_channels?: { id: Id; last_message_id?: Id | null; last_pin_timestamp?: string | null }[];
    updated_members?: Member[];
    updated_voice_states?: VoiceState[];
    removed_voice_states?: Id[];
  };
  GUILD_MEMBERS_CHUNK: { guild_id: Id; members: Member[]; presences?: Presence[]; nonce?: string };
  CHANNEL_CREATE: Channel;
  CHANNEL_UPDATE: Channel;
  CHANNEL_DELETE: Channel;
  CHANNEL_RECIPIENT_ADD: { channel_id: Id; user: User };
  CHANNEL_RECIPIENT_REMOVE: { channel_id: Id; user: User };
  PRESENCE_UPDATE: Presence;
  VOICE_STATE_UPDATE: VoiceState;
  CALL_CREATE: Call;
  CALL_UPDATE: Call;
  CALL_DELETE: { channel_id: Id };
  TYPING_START: { channel_id: Id; user_id: Id; guild_id?: Id; timestamp: number; member?: Member };
  MESSAGE_CREATE: Message;
  MESSAGE_UPDATE: Message;
  MESSAGE_DELETE: { id: Id; channel_id: Id };
  MESSAGE_DELETE_BULK: { ids: Id[]; channel_id: Id };
  MESSAGE_REACTION_ADD: ReactionChange;
  MESSAGE_REACTION_REMOVE: ReactionChange;
  MESSAGE_REACTION_REMOVE_ALL: { channel_id: Id; message_id: Id };
  MESSAGE_REACTION_REMOVE_EMOJI: { channel_id: Id; message_id: Id; emoji: Emoji };
  CHANNEL_PINS_UPDATE: { channel_id: Id; guild_id?: Id; last_pin_timestamp?: string | null };
  CHANNEL_PINS_ACK: { channel_id: Id; timestamp: string };
  MESSAGE_ACK: { channel_id: Id; message_id: Id; manual?: boolean; mention_count?: number };
}

/** Where one connects for voice; to nobody's world, but to whoever joined. */
export interface VoiceServer {
  token: string;
  guild_id: Id | null;
  /** The conversation of a call. */
  channel_id?: Id;
  /** Host and port; null while there is no voice. */
  endpoint: string | null;
}

export type EventName = keyof Events;
