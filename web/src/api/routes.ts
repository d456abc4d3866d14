// Every call this client makes, with its types. Paths are relative to the REST base.
import type { Body, Query, TypedHttp } from './calls';
import type { Sending } from './http';
import type { ChannelOverride, Emoji, GuildSettings, Id, Prefs, UserSettings } from './types';

export type Registration = Body<'POST /auth/register'>;

/** A message to be posted. */
export type Post = Body<'POST /channels/{}/messages'>;

/** A file of a message, that lies in a slot. */
export type PostedFile = NonNullable<Post['attachments']>[number];

/** What a message may hold besides words. */
export type MediaKind = NonNullable<Query<'GET /hearth/channels/{}/media'>['kind']>[number];

/** Changes to what one wants to hear of: channels by their ids. */
export type Hearing = Partial<Omit<GuildSettings, 'channel_overrides'>> & {
  channel_overrides?: Readonly<Record<Id, Partial<ChannelOverride>>>;
};

/** A reaction's emoji as it stands in a path. */
export function emojiPath(emoji: Emoji): string {
  return encodeURIComponent(emoji.id ? `${emoji.name}:${emoji.id}` : emoji.name);
}

/** The typed calls over one `Http`. */
export function routes(http: TypedHttp) {
  const messages = (channel: Id) => `/channels/${channel}/messages` as const;
  return {
    drop: () => http.drop(),
    renew: () => http.renew(),
    instance: () => http.request('GET', '/hearth/instance', { isAnonymous: true }),
    register: (body: Registration) => http.request('POST', '/auth/register', { body, isAnonymous: true }),
    login: (body: Body<'POST /auth/login'>) =>
      http.request('POST', '/auth/login', { body, isAnonymous: true }),
    resetPassword: (body: Body<'POST /auth/reset'>) =>
      http.request('POST', '/auth/reset', { body, isAnonymous: true }),
    logout: () => http.request('POST', '/auth/logout', { isAnonymous: true }),
    gatewayTicket: () => http.request('POST', '/hearth/gateway-ticket', { isRepeatable: true }),

    sessions: () => http.request('GET', '/auth/sessions'),
    endSessions: (hashes: string[], password: string) =>
      http.request('POST', '/auth/sessions/logout', {
        body: { session_id_hashes: hashes, password },
      }),
    editMe: (body: Body<'PATCH /users/@me'>) => http.request('PATCH', '/users/@me', { body }),
    editProfile: (body: Body<'PATCH /users/@me/profile'>) =>
      http.request('PATCH', '/users/@me/profile', { body }),
    editSettings: (body: Partial<UserSettings>) => http.request('PATCH', '/users/@me/settings', { body }),
    prefs: () => http.request('GET', '/hearth/users/@me/prefs'),
    editPrefs: (body: Partial<Prefs>) => http.request('PATCH', '/hearth/users/@me/prefs', { body }),
    profile: (user: Id, guild?: Id) =>
      http.request('GET', `/users/${user}/profile`, {
        query: { guild_id: guild, with_mutual_guilds: true, with_mutual_friends: true },
      }),
    disableMe: (password: string) => http.request('POST', '/users/@me/disable', { body: { password } }),
    deleteMe: (password: string) => http.request('POST', '/users/@me/delete', { body: { password } }),
    ownUser: () => http.request('GET', '/users/@me'),
    settings: () => http.request('GET', '/users/@me/settings'),
    /** `place`: a guild, or `@me` for direct messages. */
    editHearing: (place: Id, body: Hearing) =>
      http.request('PATCH', `/users/@me/guilds/${place}/settings`, { body }),
    notes: () => http.request('GET', '/users/@me/notes'),
    setNote: (user: Id, note: string) => http.request('PUT', `/users/@me/notes/${user}`, { body: { note } }),

    relations: () => http.request('GET', '/users/@me/relationships'),
    askFriend: (username: string) => http.request('POST', '/users/@me/relationships', { body: { username } }),
    setRelation: (user: Id, body: Body<'PUT /users/@me/relationships/{}'>) =>
      http.request('PUT', `/users/@me/relationships/${user}`, { body }),
    endRelation: (user: Id) => http.request('DELETE', `/users/@me/relationships/${user}`),
    ignoreUser: (user: Id) => http.request('PUT', `/users/@me/relationships/${user}/ignore`),
    heedUser: (user: Id) => http.request('DELETE', `/users/@me/relationships/${user}/ignore`),

    openDirect: (recipient: Id) =>
      http.request('POST', '/users/@me/channels', { body: { recipient_id: recipient } }),
    openGroup: (recipients: Id[]) => http.request('POST', '/users/@me/channels', { body: { recipients } }),
    addRecipient: (channel: Id, user: Id) => http.request('PUT', `/channels/${channel}/recipients/${user}`),
    removeRecipient: (channel: Id, user: Id) =>
      http.request('DELETE', `/channels/${channel}/recipients/${user}`),
    acceptRequest: (channel: Id) =>
      http.request('PUT', `/channels/${channel}/recipients/@me`, {
        body: { consent_status: 2 },
      }),
    dropRequest: (channel: Id) => http.request('DELETE', `/channels/${channel}/recipients/@me`),

    createGuild: (body: Body<'POST /guilds'>) => http.request('POST', '/guilds', { body }),
    editGuild: (guild: Id, body: Body<'PATCH /guilds/{}'>) =>
      http.request('PATCH', `/guilds/${guild}`, { body }),
    guildExtras: (guild: Id) => http.request('GET', `/hearth/guilds/${guild}/settings`),
    editGuildExtras: (guild: Id, body: Body<'PATCH /hearth/guilds/{}/settings'>) =>
      http.request('PATCH', `/hearth/guilds/${guild}/settings`, { body }),
    deleteGuild: (guild: Id, password: string) =>
      http.request('DELETE', `/guilds/${guild}`, { body: { password } }),
    leaveGuild: (guild: Id) => http.request('DELETE', `/users/@me/guilds/${guild}`),
    guildChannels: (guild: Id) => http.request('GET', `/guilds/${guild}/channels`),
    createChannel: (guild: Id, body: Body<'POST /guilds/{}/channels'>) =>
      http.request('POST', `/guilds/${guild}/channels`, { body }),
    moveChannels: (guild: Id, body: Body<'PATCH /guilds/{}/channels'>) =>
      http.request('PATCH', `/guilds/${guild}/channels`, { body }),
    editChannel: (channel: Id, body: Body<'PATCH /channels/{}'>) =>
      http.request('PATCH', `/channels/${channel}`, { body }),
    deleteChannel: (channel: Id) => http.request('DELETE', `/channels/${channel}`),
    createInvite: (channel: Id, body: Body<'POST /channels/{}/invites'>) =>
      http.request('POST', `/channels/${channel}/invites`, { body }),
    guildInvites: (guild: Id) => http.request('GET', `/guilds/${guild}/invites`),
    revokeInvite: (code: string) => http.request('DELETE', `/invites/${encodeURIComponent(code)}`),
    editMember: (guild: Id, user: Id, body: Body<'PATCH /guilds/{}/members/{}'>) =>
      http.request('PATCH', `/guilds/${guild}/members/${user}`, { body }),
    kick: (guild: Id, user: Id) => http.request('DELETE', `/guilds/${guild}/members/${user}`),
    ban: (guild: Id, user: Id) => http.request('PUT', `/guilds/${guild}/bans/${user}`, { body: {} }),
    unban: (guild: Id, user: Id) => http.request('DELETE', `/guilds/${guild}/bans/${user}`),
    invite: (code: string) =>
      http.request('GET', `/invites/${encodeURIComponent(code)}`, {
        query: { with_counts: true },
        isAnonymous: true,
      }),
    acceptInvite: (code: string) => http.request('POST', `/invites/${encodeURIComponent(code)}`),

    messages: (channel: Id, query: Query<'GET /channels/{}/messages'>) =>
      http.request('GET', messages(channel), { query }),
    post: (channel: Id, body: Post) =>
      http.request('POST', messages(channel), {
        body: { ...body, enforce_nonce: true },
        isRepeatable: true,
      }),
    editMessage: (channel: Id, message: Id, content: string) =>
      http.request('PATCH', `${messages(channel)}/${message}`, { body: { content } }),
    deleteMessage: (channel: Id, message: Id) => http.request('DELETE', `${messages(channel)}/${message}`),
    ack: (channel: Id, message: Id, isManual = false, mentions = 0) =>
      http.request('POST', `${messages(channel)}/${message}/ack`, {
        body: isManual ? { manual: true, mention_count: mentions } : {},
        isRepeatable: true,
      }),
    pins: (channel: Id, before?: string) =>
      http.request('GET', `${messages(channel)}/pins`, { query: { before, limit: 50 } }),
    pin: (channel: Id, message: Id) => http.request('PUT', `${messages(channel)}/pins/${message}`),
    unpin: (channel: Id, message: Id) => http.request('DELETE', `${messages(channel)}/pins/${message}`),
    ackPins: (channel: Id) => http.request('POST', `/channels/${channel}/pins/ack`, { isRepeatable: true }),
    reactors: (channel: Id, message: Id, emoji: Emoji, after?: Id) =>
      http.request('GET', `${messages(channel)}/${message}/reactions/${emojiPath(emoji)}`, {
        query: { after, limit: 100 },
      }),
    media: (channel: Id, query: Query<'GET /hearth/channels/{}/media'>) =>
      http.request('GET', `/hearth/channels/${channel}/media`, { query }),
    typing: (channel: Id) => http.request('POST', `/channels/${channel}/typing`),
    react: (channel: Id, message: Id, emoji: Emoji) =>
      http.request('PUT', `${messages(channel)}/${message}/reactions/${emojiPath(emoji)}/@me`),
    unreact: (channel: Id, message: Id, emoji: Emoji) =>
      http.request('DELETE', `${messages(channel)}/${message}/reactions/${emojiPath(emoji)}/@me`),

    /** Rings everybody of a conversation who is not in its call. */
    ring: (channel: Id) => http.request('POST', `/channels/${channel}/call/ring`, { body: {} }),
    /** Stops one's own devices from ringing. */
    stopRinging: (channel: Id) =>
      http.request('POST', `/channels/${channel}/call/stop-ringing`, { body: {} }),

    createSlots: (channel: Id, files: Body<'POST /channels/{}/attachments'>['files']) =>
      http.request('POST', `/channels/${channel}/attachments`, {
        body: { files },
        isRepeatable: true,
      }),
    upload: (sending: Sending) => http.upload(sending),
    heldBytes: (url: string, signal: AbortSignal) => http.heldBytes(url, signal),
    cancelSlot: (name: string) => http.request('DELETE', `/attachments/${encodeURIComponent(name)}`),
    refreshUrls: (urls: readonly string[]) =>
      http.request('POST', '/attachments/refresh-urls', {
        body: { attachment_urls: urls },
        isRepeatable: true,
      }),

    emojis: (guild: Id) => http.request('GET', `/guilds/${guild}/emojis`),
    createEmoji: (guild: Id, name: string, image: string) =>
      http.request('POST', `/guilds/${guild}/emojis`, { body: { name, image } }),
    renameEmoji: (guild: Id, emoji: Id, name: string) =>
      http.request('PATCH', `/guilds/${guild}/emojis/${emoji}`, { body: { name } }),
    deleteEmoji: (guild: Id, emoji: Id) => http.request('DELETE', `/guilds/${guild}/emojis/${emoji}`),

    stickers: (guild: Id) => http.request('GET', `/guilds/${guild}/stickers`),
    createSticker: (guild: Id, { file, ...words }: Body<'POST /guilds/{}/stickers'> & { file: Blob }) => {
      const body = new FormData();
      for (const [name, text] of Object.entries(words)) body.set(name, text ?? '');
      body.set('file', file, file.type === 'image/gif' ? 'sticker.gif' : 'sticker.png');
      return http.request('POST', `/guilds/${guild}/stickers`, { body });
    },
    editSticker: (guild: Id, sticker: Id, body: Body<'PATCH /guilds/{}/stickers/{}'>) =>
      http.request('PATCH', `/guilds/${guild}/stickers/${sticker}`, { body }),
    deleteSticker: (guild: Id, sticker: Id) => http.request('DELETE', `/guilds/${guild}/stickers/${sticker}`),

    sounds: (guild: Id) =>
      http.request('GET', `/guilds/${guild}/soundboard-sounds`).then(({ items }) => items),
    defaultSounds: () => http.request('GET', '/soundboard-default-sounds'),
    createSound: (guild: Id, body: Body<'POST /guilds/{}/soundboard-sounds'>) =>
      http.request('POST', `/guilds/${guild}/soundboard-sounds`, { body }),
    editSound: (guild: Id, sound: Id, body: Body<'PATCH /guilds/{}/soundboard-sounds/{}'>) =>
      http.request('PATCH', `/guilds/${guild}/soundboard-sounds/${sound}`, { body }),
    deleteSound: (guild: Id, sound: Id) =>
      http.request('DELETE', `/guilds/${guild}/soundboard-sounds/${sound}`),
    playSound: (channel: Id, sound: Id, guild: Id | undefined) =>
      http.request('POST', `/channels/${channel}/send-soundboard-sound`, {
        body: { sound_id: sound, ...(guild ? { source_guild_id: guild } : {}) },
      }),
    setVoiceStatus: (channel: Id, status: string) =>
      http.request('PUT', `/channels/${channel}/voice-status`, { body: { status } }),

    applications: () => http.request('GET', '/applications'),
    createApplication: (name: string) => http.request('POST', '/applications', { body: { name } }),
    editApplication: (id: Id, body: Body<'PATCH /applications/{}'>) =>
      http.request('PATCH', `/applications/${id}`, { body }),
    deleteApplication: (id: Id, password: string) =>
      http.request('POST', `/applications/${id}/delete`, { body: { password } }),
    resetBotToken: (id: Id) => http.request('POST', `/applications/${id}/bot/reset`),
    authorization: (query: Query<'GET /oauth2/authorize'>) =>
      http.request('GET', '/oauth2/authorize', { query }),
    authorize: (query: Query<'GET /oauth2/authorize'>, body: Body<'POST /oauth2/authorize'>) =>
      http.request('POST', '/oauth2/authorize', { query, body }),
  };
}

export type Routes = ReturnType<typeof routes>;
