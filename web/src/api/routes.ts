// Every call this client makes, with its types. Paths are relative to the REST base.
import type { Http, Sending } from './http';
import type {
  Application,
  Authorization,
  Channel,
  CustomEmoji,
  Emoji,
  Guild,
  GuildExtras,
  GuildSettings,
  Id,
  Instance,
  Invite,
  LoginSession,
  Member,
  Message,
  OwnUser,
  PinPage,
  Prefs,
  Profile,
  Relationship,
  Slot,
  Sound,
  Sticker,
  User,
  UserSettings,
} from './types';

export interface Registration {
  username: string;
  password: string;
  global_name?: string;
  email?: string;
  invite?: string;
  setup_token?: string;
}

export interface Page {
  before?: Id;
  after?: Id;
  around?: Id;
  limit: number;
}

export interface Post {
  content: string;
  nonce: string;
  message_reference?: { message_id: Id; fail_if_not_exists: boolean };
  allowed_mentions?: { parse: string[]; replied_user: boolean };
  attachments?: PostedFile[];
  sticker_ids?: Id[];
  flags?: number;
}

/** A file of a message, that lies in a slot. */
export interface PostedFile {
  id: number;
  filename: string;
  uploaded_filename: string;
  description?: string;
  is_spoiler?: boolean;
  poster_filename?: string;
  duration_secs?: number;
  waveform?: string;
}

/** What a message may hold besides words. */
export type MediaKind = 'image' | 'video' | 'audio' | 'file' | 'link';

/** What is said of a sound. */
export interface SoundWords {
  name: string;
  volume: number;
  emoji_name: string | null;
}

/** What is said of a sticker. */
export interface StickerWords {
  name: string;
  description: string;
  /** The emoji it stands for. */
  tags: string;
}

/** A reaction's emoji as it stands in a path. */
export function emojiPath(emoji: Emoji): string {
  return encodeURIComponent(emoji.id ? `${emoji.name}:${emoji.id}` : emoji.name);
}

/** The typed calls over one `Http`. */
export function routes(http: Http) {
  const messages = (channel: Id): string => `/channels/${channel}/messages`;
  return {
    instance: () => http.request<Instance>('GET', '/hearth/instance', { isAnonymous: true }),
    register: (body: Registration) =>
      http.request<unknown>('POST', '/auth/register', {
        body: { ...body, consent: true },
        isAnonymous: true,
      }),
    login: (body: { login: string; password: string }) =>
      http.request<{ user_id?: Id; mfa?: boolean }>('POST', '/auth/login', { body, isAnonymous: true }),
    resetPassword: (body: { token: string; password: string }) =>
      http.request<{ user_id: Id }>('POST', '/auth/reset', { body, isAnonymous: true }),
    logout: () => http.request<undefined>('POST', '/auth/logout', { body: {}, isAnonymous: true }),
    gatewayTicket: () =>
      http.request<{ ticket: string }>('POST', '/hearth/gateway-ticket', { isRepeatable: true }),

    sessions: () => http.request<{ user_sessions: LoginSession[] }>('GET', '/auth/sessions'),
    endSessions: (hashes: string[], password: string) =>
      http.request<undefined>('POST', '/auth/sessions/logout', {
        body: { session_id_hashes: hashes, password },
      }),
    editMe: (body: Record<string, unknown>) => http.request<OwnUser>('PATCH', '/users/@me', { body }),
    editProfile: (body: { bio?: string; pronouns?: string }) =>
      http.request<unknown>('PATCH', '/users/@me/profile', { body }),
    editSettings: (body: Partial<UserSettings>) =>
      http.request<UserSettings>('PATCH', '/users/@me/settings', { body }),
    prefs: () => http.request<Prefs>('GET', '/hearth/users/@me/prefs'),
    editPrefs: (body: Partial<Prefs>) => http.request<Prefs>('PATCH', '/hearth/users/@me/prefs', { body }),
    profile: (user: Id, guild?: Id) =>
      http.request<Profile>('GET', `/users/${user}/profile`, {
        query: { guild_id: guild, with_mutual_guilds: true, with_mutual_friends: true },
      }),
    disableMe: (password: string) =>
      http.request<undefined>('POST', '/users/@me/disable', { body: { password } }),
    deleteMe: (password: string) =>
      http.request<undefined>('POST', '/users/@me/delete', { body: { password } }),
    ownUser: () => http.request<OwnUser>('GET', '/users/@me'),
    settings: () => http.request<UserSettings>('GET', '/users/@me/settings'),
    /** `place`: a guild, or `@me` for direct messages. */
    editHearing: (place: Id, body: Readonly<Record<string, unknown>>) =>
      http.request<GuildSettings>('PATCH', `/users/@me/guilds/${place}/settings`, { body }),
    notes: () => http.request<Readonly<Record<Id, string>>>('GET', '/users/@me/notes'),
    setNote: (user: Id, note: string) =>
      http.request<undefined>('PUT', `/users/@me/notes/${user}`, { body: { note } }),

    relations: () => http.request<Relationship[]>('GET', '/users/@me/relationships'),
    askFriend: (username: string) =>
      http.request<undefined>('POST', '/users/@me/relationships', { body: { username } }),
    setRelation: (user: Id, body: { type?: number }) =>
      http.request<undefined>('PUT', `/users/@me/relationships/${user}`, { body }),
    endRelation: (user: Id) => http.request<undefined>('DELETE', `/users/@me/relationships/${user}`),
    ignoreUser: (user: Id, isIgnored: boolean) =>
      http.request<undefined>(isIgnored ? 'PUT' : 'DELETE', `/users/@me/relationships/${user}/ignore`),

    openDirect: (recipient: Id) =>
      http.request<Channel>('POST', '/users/@me/channels', { body: { recipient_id: recipient } }),
    openGroup: (recipients: Id[]) =>
      http.request<Channel>('POST', '/users/@me/channels', { body: { recipients } }),
    addRecipient: (channel: Id, user: Id) =>
      http.request<Channel | undefined>('PUT', `/channels/${channel}/recipients/${user}`),
    removeRecipient: (channel: Id, user: Id) =>
      http.request<undefined>('DELETE', `/channels/${channel}/recipients/${user}`),
    acceptRequest: (channel: Id) =>
      http.request<Channel | undefined>('PUT', `/channels/${channel}/recipients/@me`, {
        body: { consent_status: 2 },
      }),
    dropRequest: (channel: Id) => http.request<undefined>('DELETE', `/channels/${channel}/recipients/@me`),

    createGuild: (name: string) => http.request<Guild>('POST', '/guilds', { body: { name } }),
    editGuild: (guild: Id, body: { name?: string; icon?: string | null }) =>
      http.request<Guild>('PATCH', `/guilds/${guild}`, { body }),
    guildExtras: (guild: Id) => http.request<GuildExtras>('GET', `/hearth/guilds/${guild}/settings`),
    editGuildExtras: (guild: Id, body: Partial<Omit<GuildExtras, 'guild_id'>>) =>
      http.request<GuildExtras>('PATCH', `/hearth/guilds/${guild}/settings`, { body }),
    deleteGuild: (guild: Id, password: string) =>
      http.request<undefined>('DELETE', `/guilds/${guild}`, { body: { password } }),
    leaveGuild: (guild: Id) => http.request<undefined>('DELETE', `/users/@me/guilds/${guild}`),
    guildChannels: (guild: Id) => http.request<Channel[]>('GET', `/guilds/${guild}/channels`),
    createChannel: (guild: Id, body: { name: string; type: number; parent_id?: Id; topic?: string }) =>
      http.request<Channel>('POST', `/guilds/${guild}/channels`, { body }),
    moveChannels: (guild: Id, body: { id: Id; position?: number; parent_id?: Id | null }[]) =>
      http.request<undefined>('PATCH', `/guilds/${guild}/channels`, { body }),
    editChannel: (channel: Id, body: { name?: string; topic?: string | null }) =>
      http.request<Channel>('PATCH', `/channels/${channel}`, { body }),
    deleteChannel: (channel: Id) => http.request<Channel>('DELETE', `/channels/${channel}`),
    createInvite: (channel: Id, body: { max_age: number; max_uses: number }) =>
      http.request<Invite>('POST', `/channels/${channel}/invites`, { body }),
    guildInvites: (guild: Id) => http.request<Invite[]>('GET', `/guilds/${guild}/invites`),
    revokeInvite: (code: string) => http.request<Invite>('DELETE', `/invites/${encodeURIComponent(code)}`),
    editMember: (guild: Id, user: Id, body: Readonly<Record<string, unknown>>) =>
      http.request<Member>('PATCH', `/guilds/${guild}/members/${user}`, { body }),
    kick: (guild: Id, user: Id) => http.request<undefined>('DELETE', `/guilds/${guild}/members/${user}`),
    ban: (guild: Id, user: Id) =>
      http.request<undefined>('PUT', `/guilds/${guild}/bans/${user}`, { body: {} }),
    unban: (guild: Id, user: Id) => http.request<undefined>('DELETE', `/guilds/${guild}/bans/${user}`),
    invite: (code: string) =>
      http.request<Invite>('GET', `/invites/${encodeURIComponent(code)}`, {
        query: { with_counts: true },
        isAnonymous: true,
      }),
    acceptInvite: (code: string) =>
      http.request<Invite>('POST', `/invites/${encodeURIComponent(code)}`, { body: {} }),

    messages: (channel: Id, page: Page) =>
      http.request<Message[]>('GET', messages(channel), { query: { ...page } }),
    post: (channel: Id, body: Post) =>
      http.request<Message>('POST', messages(channel), {
        body: { ...body, enforce_nonce: true },
        isRepeatable: true,
      }),
    editMessage: (channel: Id, message: Id, content: string) =>
      http.request<Message>('PATCH', `${messages(channel)}/${message}`, { body: { content } }),
    deleteMessage: (channel: Id, message: Id) =>
      http.request<undefined>('DELETE', `${messages(channel)}/${message}`),
    ack: (channel: Id, message: Id, isManual = false, mentions = 0) =>
      http.request<unknown>('POST', `${messages(channel)}/${message}/ack`, {
        body: isManual ? { token: null, manual: true, mention_count: mentions } : { token: null },
        isRepeatable: true,
      }),
    pins: (channel: Id, before?: string) =>
      http.request<PinPage>('GET', `${messages(channel)}/pins`, { query: { before, limit: 50 } }),
    pin: (channel: Id, message: Id) => http.request<undefined>('PUT', `${messages(channel)}/pins/${message}`),
    unpin: (channel: Id, message: Id) =>
      http.request<undefined>('DELETE', `${messages(channel)}/pins/${message}`),
    ackPins: (channel: Id) =>
      http.request<undefined>('POST', `/channels/${channel}/pins/ack`, { isRepeatable: true }),
    reactors: (channel: Id, message: Id, emoji: Emoji, after?: Id) =>
      http.request<User[]>('GET', `${messages(channel)}/${message}/reactions/${emojiPath(emoji)}`, {
        query: { after, limit: 100 },
      }),
    media: (channel: Id, kinds: readonly MediaKind[], limit: number, before?: Id) => {
      const query = [...kinds.map((kind) => `kind=${kind}`), `limit=${limit}`];
      if (before) query.push(`before=${before}`);
      return http.request<{ messages: Message[]; has_more: boolean }>(
        'GET',
        `/hearth/channels/${channel}/media?${query.join('&')}`,
      );
    },
    typing: (channel: Id) => http.request<undefined>('POST', `/channels/${channel}/typing`),
    react: (channel: Id, message: Id, emoji: Emoji) =>
      http.request<undefined>('PUT', `${messages(channel)}/${message}/reactions/${emojiPath(emoji)}/@me`),
    unreact: (channel: Id, message: Id, emoji: Emoji) =>
      http.request<undefined>('DELETE', `${messages(channel)}/${message}/reactions/${emojiPath(emoji)}/@me`),

    /** Rings everybody of a conversation who is not in its call. */
    ring: (channel: Id) => http.request<undefined>('POST', `/channels/${channel}/call/ring`, { body: {} }),
    /** Stops one's own devices from ringing. */
    stopRinging: (channel: Id) =>
      http.request<undefined>('POST', `/channels/${channel}/call/stop-ringing`, { body: {} }),

    createSlots: (channel: Id, files: { filename: string; file_size: number }[]) =>
      http.request<{ attachments: Slot[] }>('POST', `/channels/${channel}/attachments`, {
        body: { files },
        isRepeatable: true,
      }),
    upload: (sending: Sending) => http.upload(sending),
    heldBytes: (url: string, signal: AbortSignal) => http.heldBytes(url, signal),
    cancelSlot: (name: string) =>
      http.request<undefined>('DELETE', `/attachments/${encodeURIComponent(name)}`),
    refreshUrls: (urls: readonly string[]) =>
      http.request<{ refreshed_urls: { original: string; refreshed: string | null }[] }>(
        'POST',
        '/attachments/refresh-urls',
        { body: { attachment_urls: urls }, isRepeatable: true },
      ),

    emojis: (guild: Id) => http.request<CustomEmoji[]>('GET', `/guilds/${guild}/emojis`),
    createEmoji: (guild: Id, name: string, image: string) =>
      http.request<CustomEmoji>('POST', `/guilds/${guild}/emojis`, { body: { name, image } }),
    renameEmoji: (guild: Id, emoji: Id, name: string) =>
      http.request<CustomEmoji>('PATCH', `/guilds/${guild}/emojis/${emoji}`, { body: { name } }),
    deleteEmoji: (guild: Id, emoji: Id) =>
      http.request<undefined>('DELETE', `/guilds/${guild}/emojis/${emoji}`),

    stickers: (guild: Id) => http.request<Sticker[]>('GET', `/guilds/${guild}/stickers`),
    createSticker: (guild: Id, { file, name, description, tags }: StickerWords & { file: Blob }) => {
      const body = new FormData();
      body.set('name', name);
      body.set('description', description);
      body.set('tags', tags);
      body.set('file', file, file.type === 'image/gif' ? 'sticker.gif' : 'sticker.png');
      return http.request<Sticker>('POST', `/guilds/${guild}/stickers`, { body });
    },
    editSticker: (guild: Id, sticker: Id, body: StickerWords) =>
      http.request<Sticker>('PATCH', `/guilds/${guild}/stickers/${sticker}`, { body }),
    deleteSticker: (guild: Id, sticker: Id) =>
      http.request<undefined>('DELETE', `/guilds/${guild}/stickers/${sticker}`),

    sounds: (guild: Id) =>
      http
        .request<{ items: Sound[] }>('GET', `/guilds/${guild}/soundboard-sounds`)
        .then(({ items }) => items),
    defaultSounds: () => http.request<Sound[]>('GET', '/soundboard-default-sounds'),
    createSound: (guild: Id, body: SoundWords & { sound: string }) =>
      http.request<Sound>('POST', `/guilds/${guild}/soundboard-sounds`, { body }),
    editSound: (guild: Id, sound: Id, body: SoundWords) =>
      http.request<Sound>('PATCH', `/guilds/${guild}/soundboard-sounds/${sound}`, { body }),
    deleteSound: (guild: Id, sound: Id) =>
      http.request<undefined>('DELETE', `/guilds/${guild}/soundboard-sounds/${sound}`),
    playSound: (channel: Id, sound: Id, guild: Id | undefined) =>
      http.request<undefined>('POST', `/channels/${channel}/send-soundboard-sound`, {
        body: { sound_id: sound, ...(guild ? { source_guild_id: guild } : {}) },
      }),
    setVoiceStatus: (channel: Id, status: string) =>
      http.request<undefined>('PUT', `/channels/${channel}/voice-status`, { body: { status } }),

    applications: () => http.request<Application[]>('GET', '/applications'),
    createApplication: (name: string) =>
      http.request<Application>('POST', '/applications', { body: { name } }),
    editApplication: (id: Id, body: { name?: string; flags?: number; bot_public?: boolean }) =>
      http.request<Application>('PATCH', `/applications/${id}`, { body }),
    deleteApplication: (id: Id, password: string) =>
      http.request<undefined>('POST', `/applications/${id}/delete`, { body: { password } }),
    resetBotToken: (id: Id) => http.request<{ token: string }>('POST', `/applications/${id}/bot/reset`),
    authorization: (query: Record<string, string>) =>
      http.request<Authorization>('GET', '/oauth2/authorize', { query }),
    authorize: (
      query: Record<string, string>,
      body: { authorize: boolean; guild_id?: Id; permissions?: string },
    ) => http.request<{ location?: string; url?: string }>('POST', '/oauth2/authorize', { query, body }),
  };
}

export type Routes = ReturnType<typeof routes>;
