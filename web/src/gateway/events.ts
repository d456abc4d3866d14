// What the gateway dispatches, by name. Names not listed here are ignored.
import type { Dispatches, PersonReady } from '../api/document';
import type { Prefs } from '../api/types';

/** Payloads as the server's document has them. */
type Told = Pick<
  Dispatches,
  | 'READY_SUPPLEMENTAL'
  | 'USER_UPDATE'
  | 'USER_SETTINGS_UPDATE'
  | 'USER_GUILD_SETTINGS_UPDATE'
  | 'USER_NOTE_UPDATE'
  | 'RELATIONSHIP_ADD'
  | 'RELATIONSHIP_UPDATE'
  | 'RELATIONSHIP_REMOVE'
  | 'GUILD_CREATE'
  | 'GUILD_UPDATE'
  | 'GUILD_DELETE'
  | 'GUILD_EMOJIS_UPDATE'
  | 'GUILD_STICKERS_UPDATE'
  | 'GUILD_SOUNDBOARD_SOUND_CREATE'
  | 'GUILD_SOUNDBOARD_SOUND_UPDATE'
  | 'GUILD_SOUNDBOARD_SOUND_DELETE'
  | 'VOICE_CHANNEL_STATUS_UPDATE'
  | 'VOICE_CHANNEL_START_TIME_UPDATE'
  | 'CHANNEL_INFO'
  | 'GUILD_ROLE_CREATE'
  | 'GUILD_ROLE_UPDATE'
  | 'GUILD_ROLE_DELETE'
  | 'GUILD_MEMBER_ADD'
  | 'GUILD_MEMBER_UPDATE'
  | 'GUILD_MEMBER_REMOVE'
  | 'GUILD_MEMBER_LIST_UPDATE'
  | 'PASSIVE_UPDATE_V2'
  | 'GUILD_MEMBERS_CHUNK'
  | 'CHANNEL_CREATE'
  | 'CHANNEL_UPDATE'
  | 'CHANNEL_DELETE'
  | 'CHANNEL_RECIPIENT_ADD'
  | 'CHANNEL_RECIPIENT_REMOVE'
  | 'PRESENCE_UPDATE'
  | 'VOICE_STATE_UPDATE'
  | 'CALL_CREATE'
  | 'CALL_UPDATE'
  | 'CALL_DELETE'
  | 'TYPING_START'
  | 'MESSAGE_CREATE'
  | 'MESSAGE_UPDATE'
  | 'MESSAGE_DELETE'
  | 'MESSAGE_DELETE_BULK'
  | 'MESSAGE_REACTION_ADD'
  | 'MESSAGE_REACTION_REMOVE'
  | 'MESSAGE_REACTION_REMOVE_ALL'
  | 'MESSAGE_REACTION_REMOVE_EMOJI'
  | 'CHANNEL_PINS_UPDATE'
  | 'CHANNEL_PINS_ACK'
  | 'MESSAGE_ACK'
>;

/** The same, but for READY as a person's client is told it, and for preferences, which the server hands on unread. */
export interface Events extends Told {
  READY: PersonReady;
  HEARTH_PREFS_UPDATE: { [K in keyof Prefs]: Prefs[K] | null };
}

export type EventName = keyof Events;
