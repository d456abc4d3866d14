// What the client calls the things the server speaks of. Their shapes are the server's own, in `document.ts`; what is said of them
// here is how much of each the client keeps. Only its preferences are typed by hand: the server holds them unread.
import type * as doc from './document';

export type {
  Activity,
  Application,
  Attachment,
  Call,
  Embed,
  EmbedMedia,
  GuildFolder,
  Instance,
  Invite,
  Member,
  MuteConfig,
  Overwrite,
  OwnUser,
  Presence,
  Profile,
  Relationship,
  Role,
  Slot,
  Sound,
  Status,
  Sticker,
  StickerItem,
  VoiceEffect,
  VoiceServer,
  VoiceState,
} from './document';
export type {
  Component as MessageComponent,
  Consent as Authorization,
  Emoji as CustomEmoji,
  GuildCreate as FullGuild,
  GuildSettings as GuildExtras,
  ListedSession as LoginSession,
  PartialEmoji as Emoji,
  Pinned as PinPage,
} from './document';

export type Id = string;

/** As much of an account as is kept of everybody. */
export type User = Pick<doc.User, 'id' | 'username' | 'global_name' | 'avatar' | 'bot'>;

/** A guild as it is kept: what is told of it at first, without what has maps of its own. */
export type Guild = doc.Guild &
  Pick<doc.GuildCreate, 'member_count' | 'large' | 'unavailable' | 'soundboard_sounds'>;

/** A channel as it is kept, with its people as they are. */
export type Channel = Omit<doc.Channel, 'recipients'> & { recipients?: User[] };

/** A message as it is read back, or as the gateway tells it: then with what it knows more of its author. */
export type Message = Omit<doc.Message, 'reactions' | 'referenced_message'> & {
  reactions?: Reaction[];
  referenced_message?: Message | null;
} & Partial<Pick<doc.MessageEvent, 'guild_id' | 'member'>>;

/** A reaction as it is counted. */
export type Reaction = Pick<doc.Reaction, 'emoji' | 'count' | 'me'>;

/** What one wants to hear of a place, as far as it counts here. */
export type GuildSettings = Pick<
  doc.UserGuildSettings,
  'guild_id' | 'message_notifications' | 'muted' | 'mute_config' | 'suppress_everyone' | 'suppress_roles'
> & { channel_overrides: ChannelOverride[] };
export type ChannelOverride = Pick<doc.ChannelOverride, 'channel_id'> & Partial<doc.ChannelOverride>;

/** What one says of oneself, until when. */
export type CustomStatus = Pick<doc.CustomStatus, 'text' | 'expires_at'>;
export type UserSettings = Omit<doc.UserSettings, 'custom_status'> & { custom_status: CustomStatus | null };

/** How far one has read a channel, where one has looked at it at all. */
export type ReadState = Pick<doc.ReadState, 'id' | 'mention_count'> & {
  last_message_id: Id | null;
} & Partial<Pick<doc.ReadState, 'last_pin_timestamp'>>;

/** The client's own preferences, kept by the server for all devices. */
export interface Prefs {
  /** How the app looks; read with care, since any client may have written it. */
  look?: unknown;
  keywords?: string[];
}
