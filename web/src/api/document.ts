// What this client's calls take and answer, and what the gateway dispatches, as the server's own OpenAPI document has it.
// Made by `npm run types`, never by hand; stale, it fails the contract test.

/** By method and path; `{}` stands for what a path takes. */
export interface Calls {
  'GET /applications': { answer: Application[] };
  'POST /applications': {
    body: { description?: string | null; icon?: string | null; name: string };
    answer: Application;
  };
  'PATCH /applications/{}': {
    body: {
      bot_public?: boolean | null;
      bot_require_code_grant?: boolean | null;
      cover_image?: string | null;
      custom_install_url?: string | null;
      description?: string | null;
      flags?: number | string | null;
      icon?: string | null;
      install_params?: { permissions?: string | null; scopes: string[] } | null;
      interactions_endpoint_url?: string | null;
      name?: string | null;
      redirect_uris?: string[] | null;
      tags?: string[] | null;
    };
    answer: Application;
  };
  'POST /applications/{}/bot/reset': { answer: IssuedToken };
  'POST /applications/{}/delete': { body: { password?: string | null }; answer: undefined };
  'POST /attachments/refresh-urls': { body: { attachment_urls: string[] }; answer: Refreshed };
  'DELETE /attachments/{}': { answer: undefined };
  'POST /auth/login': {
    body: { login: string; password: string; undelete?: boolean | null };
    answer: LoginAnswer;
  };
  'POST /auth/logout': { answer: undefined };
  'POST /auth/register': {
    body: {
      email?: string | null;
      global_name?: string | null;
      invite?: string | null;
      password: string;
      setup_token?: string | null;
      username?: string | null;
    };
    answer: TokenAnswer;
  };
  'POST /auth/reset': { body: { password: string; token: string }; answer: TokenAnswer };
  'GET /auth/sessions': { answer: ListedSessions };
  'POST /auth/sessions/logout': {
    body: { password?: string | null; session_id_hashes: string[] };
    answer: undefined;
  };
  'DELETE /channels/{}': { query: { silent?: boolean }; answer: Channel };
  'PATCH /channels/{}': {
    body: {
      bitrate?: number | null;
      default_auto_archive_duration?: 60 | 1440 | 4320 | 10080 | null;
      name?: string | null;
      nsfw?: boolean | null;
      parent_id?: string | null;
      permission_overwrites?:
        { allow?: string | null; deny?: string | null; id: string; type?: 0 | 1 | null }[] | null;
      position?: number | null;
      rate_limit_per_user?: number | null;
      rtc_region?: string | null;
      topic?: string | null;
      type?: 0 | 2 | 4 | 5 | null;
      user_limit?: number | null;
      video_quality_mode?: number | null;
    };
    answer: Channel;
  };
  'POST /channels/{}/attachments': {
    body: { files: { file_size: number; filename: string; id?: unknown | null }[] };
    answer: NewSlots;
  };
  'POST /channels/{}/call/ring': { body: { recipients?: string[] | null }; answer: undefined };
  'POST /channels/{}/call/stop-ringing': { body: { recipients?: string[] | null }; answer: undefined };
  'POST /channels/{}/invites': {
    body: {
      max_age?: number | null;
      max_uses?: number | null;
      temporary?: boolean | null;
      unique?: boolean | null;
    };
    answer: Invite;
  };
  'GET /channels/{}/messages': {
    query: { after?: string; around?: string; before?: string; limit?: number };
    answer: Message[];
  };
  'POST /channels/{}/messages': {
    body: {
      allowed_mentions?: {
        parse?: ('users' | 'roles' | 'everyone')[] | null;
        replied_user?: boolean | null;
        roles?: string[] | null;
        users?: string[] | null;
      } | null;
      attachments?:
        | {
            description?: string | null;
            duration_secs?: number | null;
            filename?: string | null;
            id?: string | null;
            is_spoiler?: boolean | null;
            poster_filename?: string | null;
            title?: string | null;
            uploaded_filename?: string | null;
            waveform?: string | null;
          }[]
        | null;
      components?: unknown[] | null;
      content?: string | null;
      embeds?:
        | {
            author?: { icon_url?: string | null; name: string; url?: string | null } | null;
            color?: number | null;
            description?: string | null;
            fields?: { inline?: boolean | null; name: string; value: string }[] | null;
            footer?: { icon_url?: string | null; text: string } | null;
            image?: { url: string } | null;
            thumbnail?: { url: string } | null;
            timestamp?: string | null;
            title?: string | null;
            url?: string | null;
          }[]
        | null;
      enforce_nonce?: boolean | null;
      flags?: number | string | null;
      message_reference?: {
        channel_id?: string | null;
        fail_if_not_exists?: boolean | null;
        message_id?: string | null;
        type?: 0 | null;
      } | null;
      nonce?: unknown | null;
      sticker_ids?: string[] | null;
      tts?: boolean | null;
    };
    answer: Message;
  };
  'GET /channels/{}/messages/pins': { query: { before?: string; limit?: number }; answer: Pinned };
  'DELETE /channels/{}/messages/pins/{}': { answer: undefined };
  'PUT /channels/{}/messages/pins/{}': { answer: undefined };
  'DELETE /channels/{}/messages/{}': { answer: undefined };
  'PATCH /channels/{}/messages/{}': {
    body: {
      allowed_mentions?: {
        parse?: ('users' | 'roles' | 'everyone')[] | null;
        replied_user?: boolean | null;
        roles?: string[] | null;
        users?: string[] | null;
      } | null;
      attachments?:
        | {
            description?: string | null;
            duration_secs?: number | null;
            filename?: string | null;
            id?: string | null;
            is_spoiler?: boolean | null;
            poster_filename?: string | null;
            title?: string | null;
            uploaded_filename?: string | null;
            waveform?: string | null;
          }[]
        | null;
      components?: unknown[] | null;
      content?: string | null;
      embeds?:
        | {
            author?: { icon_url?: string | null; name: string; url?: string | null } | null;
            color?: number | null;
            description?: string | null;
            fields?: { inline?: boolean | null; name: string; value: string }[] | null;
            footer?: { icon_url?: string | null; text: string } | null;
            image?: { url: string } | null;
            thumbnail?: { url: string } | null;
            timestamp?: string | null;
            title?: string | null;
            url?: string | null;
          }[]
        | null;
      flags?: number | string | null;
    };
    answer: Message;
  };
  'POST /channels/{}/messages/{}/ack': {
    body: { last_viewed?: number | null; manual?: boolean | null; mention_count?: number | null };
    answer: Acked;
  };
  'GET /channels/{}/messages/{}/reactions/{}': { query: { after?: string; limit?: number }; answer: User[] };
  'DELETE /channels/{}/messages/{}/reactions/{}/@me': { answer: undefined };
  'PUT /channels/{}/messages/{}/reactions/{}/@me': { answer: undefined };
  'POST /channels/{}/pins/ack': { answer: undefined };
  'DELETE /channels/{}/recipients/@me': { answer: Channel };
  'PUT /channels/{}/recipients/@me': { body: { consent_status?: number | null }; answer: Channel };
  'DELETE /channels/{}/recipients/{}': { answer: undefined };
  'PUT /channels/{}/recipients/{}': { answer: Channel | undefined };
  'POST /channels/{}/send-soundboard-sound': {
    body: { sound_id: string; source_guild_id?: string | null };
    answer: undefined;
  };
  'POST /channels/{}/typing': { answer: undefined };
  'PUT /channels/{}/voice-status': { body: { status?: string | null }; answer: undefined };
  'POST /guilds': {
    body: {
      afk_channel_id?: string | null;
      afk_timeout?: 60 | 300 | 900 | 1800 | 3600 | null;
      channels?:
        | {
            bitrate?: number | null;
            default_auto_archive_duration?: 60 | 1440 | 4320 | 10080 | null;
            id?: string | null;
            name: string;
            nsfw?: boolean | null;
            parent_id?: string | null;
            permission_overwrites?:
              { allow?: string | null; deny?: string | null; id: string; type?: 0 | 1 | null }[] | null;
            rate_limit_per_user?: number | null;
            rtc_region?: string | null;
            topic?: string | null;
            type?: 0 | 2 | 4 | 5 | null;
            user_limit?: number | null;
            video_quality_mode?: number | null;
          }[]
        | null;
      default_message_notifications?: number | null;
      explicit_content_filter?: number | null;
      icon?: string | null;
      name: string;
      roles?:
        | {
            color?: number | null;
            colors?: {
              primary_color?: number | null;
              secondary_color?: number | null;
              tertiary_color?: number | null;
            } | null;
            hoist?: boolean | null;
            icon?: string | null;
            id?: string | null;
            mentionable?: boolean | null;
            name?: string | null;
            permissions?: string | null;
            unicode_emoji?: string | null;
          }[]
        | null;
      system_channel_flags?: number | null;
      system_channel_id?: string | null;
      verification_level?: number | null;
    };
    answer: Guild;
  };
  'DELETE /guilds/{}': { body: { password?: string | null }; answer: undefined };
  'PATCH /guilds/{}': {
    body: {
      afk_channel_id?: string | null;
      afk_timeout?: 60 | 300 | 900 | 1800 | 3600 | null;
      banner?: string | null;
      default_message_notifications?: number | null;
      description?: string | null;
      discovery_splash?: string | null;
      explicit_content_filter?: number | null;
      features?: string[] | null;
      icon?: string | null;
      name?: string | null;
      owner_id?: string | null;
      password?: string | null;
      preferred_locale?: string | null;
      premium_progress_bar_enabled?: boolean | null;
      public_updates_channel_id?: string | null;
      rules_channel_id?: string | null;
      safety_alerts_channel_id?: string | null;
      splash?: string | null;
      system_channel_flags?: number | null;
      system_channel_id?: string | null;
      verification_level?: number | null;
    };
    answer: Guild;
  };
  'DELETE /guilds/{}/bans/{}': { answer: undefined };
  'PUT /guilds/{}/bans/{}': {
    body: {
      delete_message_days?: number | null;
      delete_message_seconds?: number | null;
      reason?: string | null;
    };
    answer: undefined;
  };
  'GET /guilds/{}/channels': { answer: Channel[] };
  'PATCH /guilds/{}/channels': {
    body: {
      id: string;
      lock_permissions?: boolean | null;
      parent_id?: string | null;
      position?: number | null;
    }[];
    answer: undefined;
  };
  'POST /guilds/{}/channels': {
    body: {
      bitrate?: number | null;
      default_auto_archive_duration?: 60 | 1440 | 4320 | 10080 | null;
      name: string;
      nsfw?: boolean | null;
      parent_id?: string | null;
      permission_overwrites?:
        { allow?: string | null; deny?: string | null; id: string; type?: 0 | 1 | null }[] | null;
      position?: number | null;
      rate_limit_per_user?: number | null;
      rtc_region?: string | null;
      topic?: string | null;
      type?: 0 | 2 | 4 | 5 | null;
      user_limit?: number | null;
      video_quality_mode?: number | null;
    };
    answer: Channel;
  };
  'GET /guilds/{}/emojis': { answer: Emoji[] };
  'POST /guilds/{}/emojis': { body: { image: string; name: string; roles?: string[] | null }; answer: Emoji };
  'DELETE /guilds/{}/emojis/{}': { answer: undefined };
  'PATCH /guilds/{}/emojis/{}': { body: { name?: string | null; roles?: string[] | null }; answer: Emoji };
  'GET /guilds/{}/invites': { answer: Invite[] };
  'DELETE /guilds/{}/members/{}': { answer: undefined };
  'PATCH /guilds/{}/members/{}': {
    body: {
      channel_id?: string | null;
      communication_disabled_until?: string | null;
      deaf?: boolean | null;
      flags?: number | null;
      mute?: boolean | null;
      nick?: string | null;
      roles?: string[] | null;
    };
    answer: Member;
  };
  'GET /guilds/{}/soundboard-sounds': { answer: SoundList };
  'POST /guilds/{}/soundboard-sounds': {
    body: {
      emoji_id?: string | null;
      emoji_name?: string | null;
      name: string;
      sound: string;
      volume?: number | null;
    };
    answer: Sound;
  };
  'DELETE /guilds/{}/soundboard-sounds/{}': { answer: undefined };
  'PATCH /guilds/{}/soundboard-sounds/{}': {
    body: {
      emoji_id?: string | null;
      emoji_name?: string | null;
      name?: string | null;
      volume?: number | null;
    };
    answer: Sound;
  };
  'GET /guilds/{}/stickers': { answer: Sticker[] };
  'POST /guilds/{}/stickers': {
    body: { description?: string | null; name: string; tags: string };
    answer: Sticker;
  };
  'DELETE /guilds/{}/stickers/{}': { answer: undefined };
  'PATCH /guilds/{}/stickers/{}': {
    body: { description?: string | null; name?: string | null; tags?: string | null };
    answer: Sticker;
  };
  'GET /hearth/channels/{}/media': {
    query: { before?: string; kind?: ('image' | 'video' | 'audio' | 'file' | 'link')[]; limit?: number };
    answer: Media;
  };
  'POST /hearth/gateway-ticket': { answer: Ticket };
  'GET /hearth/guilds/{}/settings': { answer: GuildSettings };
  'PATCH /hearth/guilds/{}/settings': { body: { link_previews?: boolean | null }; answer: GuildSettings };
  'GET /hearth/instance': { answer: Instance };
  'GET /hearth/users/@me/prefs': { answer: Record<string, unknown> };
  'PATCH /hearth/users/@me/prefs': { body: unknown; answer: Record<string, unknown> };
  'DELETE /invites/{}': { answer: Invite };
  'GET /invites/{}': { query: { with_counts?: boolean }; answer: Invite };
  'POST /invites/{}': { answer: Invite };
  'GET /oauth2/authorize': {
    query: {
      client_id: string;
      code_challenge?: string;
      code_challenge_method?: string;
      integration_type?: number;
      permissions?: string;
      redirect_uri?: string;
      response_type?: string;
      scope?: string;
      state?: string;
    };
    answer: Consent;
  };
  'POST /oauth2/authorize': {
    query: {
      client_id: string;
      code_challenge?: string;
      code_challenge_method?: string;
      integration_type?: number;
      permissions?: string;
      redirect_uri?: string;
      response_type?: string;
      scope?: string;
      state?: string;
    };
    body: { authorize?: boolean | null; guild_id?: string | null; permissions?: string | null };
    answer: Location;
  };
  'GET /soundboard-default-sounds': { answer: Sound[] };
  'GET /users/@me': { answer: OwnUser };
  'PATCH /users/@me': {
    body: {
      accent_color?: number | null;
      avatar?: string | null;
      banner?: string | null;
      bio?: string | null;
      email?: string | null;
      global_name?: string | null;
      new_password?: string | null;
      password?: string | null;
      pronouns?: string | null;
      username?: string | null;
    };
    answer: Edited;
  };
  'POST /users/@me/channels': {
    body: { name?: string | null; recipient_id?: string | null; recipients?: string[] | null };
    answer: Channel;
  };
  'POST /users/@me/delete': { body: { password: string }; answer: undefined };
  'POST /users/@me/disable': { body: { password: string }; answer: undefined };
  'DELETE /users/@me/guilds/{}': { answer: undefined };
  'PATCH /users/@me/guilds/{}/settings': { body: unknown; answer: UserGuildSettings };
  'GET /users/@me/notes': { answer: Record<string, string> };
  'PUT /users/@me/notes/{}': { body: { note?: string | null }; answer: undefined };
  'PATCH /users/@me/profile': {
    body: {
      accent_color?: number | null;
      avatar?: string | null;
      banner?: string | null;
      bio?: string | null;
      email?: string | null;
      global_name?: string | null;
      new_password?: string | null;
      password?: string | null;
      pronouns?: string | null;
      username?: string | null;
    };
    answer: Edited;
  };
  'GET /users/@me/relationships': { answer: Relationship[] };
  'POST /users/@me/relationships': { body: { username: string }; answer: undefined };
  'DELETE /users/@me/relationships/{}': { answer: undefined };
  'PUT /users/@me/relationships/{}': { body: { type?: number | null }; answer: undefined };
  'DELETE /users/@me/relationships/{}/ignore': { answer: undefined };
  'PUT /users/@me/relationships/{}/ignore': { answer: undefined };
  'GET /users/@me/settings': { answer: UserSettings };
  'PATCH /users/@me/settings': { body: unknown; answer: UserSettings };
  'GET /users/{}/profile': {
    query: {
      guild_id?: string;
      with_mutual_friends?: boolean;
      with_mutual_friends_count?: boolean;
      with_mutual_guilds?: boolean;
    };
    answer: Profile;
  };
}

/** Payloads by the event's name. */
export interface Dispatches {
  CALL_CREATE: Call;
  CALL_DELETE: CallEnded;
  CALL_UPDATE: Call;
  CHANNEL_CREATE: Channel;
  CHANNEL_DELETE: Channel;
  CHANNEL_INFO: ChannelInfo;
  CHANNEL_PINS_ACK: PinsAck;
  CHANNEL_PINS_UPDATE: PinsUpdate;
  CHANNEL_RECIPIENT_ADD: RecipientEvent;
  CHANNEL_RECIPIENT_REMOVE: RecipientEvent;
  CHANNEL_UPDATE: Channel;
  GUILD_AUDIT_LOG_ENTRY_CREATE: AuditEntryEvent;
  GUILD_BAN_ADD: GuildUser;
  GUILD_BAN_REMOVE: GuildUser;
  GUILD_CREATE: GuildCreate;
  GUILD_DELETE: UnavailableGuild;
  GUILD_EMOJIS_UPDATE: EmojisUpdate;
  GUILD_INTEGRATIONS_UPDATE: GuildRef;
  GUILD_MEMBERS_CHUNK: MembersChunk;
  GUILD_MEMBER_ADD: MemberEvent;
  GUILD_MEMBER_LIST_UPDATE: MemberListUpdate;
  GUILD_MEMBER_REMOVE: GuildUser;
  GUILD_MEMBER_UPDATE: MemberEvent;
  GUILD_ROLE_CREATE: RoleEvent;
  GUILD_ROLE_DELETE: RoleDeleted;
  GUILD_ROLE_UPDATE: RoleEvent;
  GUILD_SOUNDBOARD_SOUND_CREATE: Sound;
  GUILD_SOUNDBOARD_SOUND_DELETE: SoundDeleted;
  GUILD_SOUNDBOARD_SOUND_UPDATE: Sound;
  GUILD_STICKERS_UPDATE: StickersUpdate;
  GUILD_UPDATE: Guild;
  HEARTH_GUILD_SETTINGS_UPDATE: GuildSettings;
  HEARTH_PREFS_UPDATE: Record<string, unknown>;
  INTEGRATION_CREATE: IntegrationEvent;
  INTEGRATION_DELETE: unknown;
  INVITE_CREATE: InviteCreated;
  INVITE_DELETE: InviteDeleted;
  MESSAGE_ACK: MessageAck;
  MESSAGE_CREATE: MessageEvent;
  MESSAGE_DELETE: MessageDeleted;
  MESSAGE_DELETE_BULK: MessagesDeleted;
  MESSAGE_REACTION_ADD: ReactionEvent;
  MESSAGE_REACTION_REMOVE: ReactionEvent;
  MESSAGE_REACTION_REMOVE_ALL: ReactionsCleared;
  MESSAGE_REACTION_REMOVE_EMOJI: EmojiCleared;
  MESSAGE_UPDATE: MessageEvent;
  PASSIVE_UPDATE_V2: PassiveUpdate;
  PRESENCE_UPDATE: Presence;
  READY: Ready;
  READY_SUPPLEMENTAL: ReadySupplemental;
  RECENT_MENTION_DELETE: unknown;
  RELATIONSHIP_ADD: Relationship;
  RELATIONSHIP_REMOVE: RelationshipRemoved;
  RELATIONSHIP_UPDATE: Relationship;
  SESSIONS_REPLACE: unknown;
  TYPING_START: TypingStart;
  USER_GUILD_SETTINGS_UPDATE: UserGuildSettings;
  USER_NOTE_UPDATE: NoteUpdate;
  USER_SETTINGS_UPDATE: SettingsChange;
  USER_UPDATE: OwnUser;
  VOICE_CHANNEL_EFFECT_SEND: VoiceEffect;
  VOICE_CHANNEL_START_TIME_UPDATE: VoiceStart;
  VOICE_CHANNEL_STATUS_UPDATE: VoiceStatus;
  VOICE_SERVER_UPDATE: VoiceServer;
  VOICE_STATE_UPDATE: VoiceState;
  WEBHOOKS_UPDATE: WebhooksUpdate;
}

export interface Acked {
  token: string | null;
}

export interface Activity {
  created_at: number;
  name: string;
  state?: string;
  type: number;
  url?: string;
}

export interface Application {
  approximate_guild_count: number;
  approximate_user_authorization_count: number;
  approximate_user_install_count: number;
  bot: User;
  bot_public: boolean;
  bot_require_code_grant: boolean;
  cover_image?: string;
  custom_install_url?: string;
  description: string;
  event_webhooks_status: number;
  flags: number;
  hook: boolean;
  icon: string | null;
  id: string;
  install_params?: InstallParams;
  integration_types_config: Record<string, IntegrationTypeConfig>;
  interactions_endpoint_url: string | null;
  name: string;
  owner: User;
  redirect_uris: string[];
  role_connections_verification_url: string | null;
  rpc_origins: string[];
  summary: string;
  tags: string[];
  team: null;
  type: number | null;
  verify_key: string;
}

export interface Attachment {
  content_type: string;
  description?: string;
  duration_secs?: number;
  filename: string;
  flags?: number;
  height?: number;
  id: string;
  placeholder?: string;
  placeholder_version?: number;
  poster_url?: string;
  proxy_url: string;
  size: number;
  title?: string;
  url: string;
  waveform?: string;
  width?: number;
}

export interface AuditChange {
  key: string;
  new_value?: unknown;
  old_value?: unknown;
}

export interface AuditEntryEvent {
  action_type: number;
  changes?: AuditChange[];
  guild_id: string;
  id: string;
  options?: unknown;
  reason?: string;
  target_id: string | null;
  user_id: string | null;
}

export interface BotReady {
  _trace: string[];
  application: ReadyApplication;
  geo_ordered_rtc_regions: string[];
  guild_join_requests: unknown[];
  guilds: UnavailableGuild[];
  presences: Presence[];
  private_channels: Channel[];
  relationships: unknown[];
  resume_gateway_url: string;
  session_id: string;
  session_type: string;
  shard?: [number, number];
  user: OwnUser;
  user_settings: Record<string, unknown>;
  v: number;
}

export interface Call {
  channel_id: string;
  message_id: string;
  region: string;
  ringing: string[];
  voice_states: VoiceState[];
}

export interface CallEnded {
  channel_id: string;
}

export interface Channel {
  bitrate?: number;
  default_auto_archive_duration?: number;
  flags: number;
  guild_id?: string;
  icon?: string | null;
  id: string;
  is_message_request?: boolean;
  is_message_request_timestamp?: string;
  last_message_id?: string | null;
  last_pin_timestamp?: string | null;
  name?: string | null;
  nsfw?: boolean;
  owner_id?: string;
  parent_id?: string | null;
  permission_overwrites?: Overwrite[];
  position?: number;
  rate_limit_per_user?: number;
  recipients?: User[];
  rtc_region?: string | null;
  topic?: string | null;
  type: 0 | 1 | 2 | 3 | 4 | 5 | 10 | 11 | 12 | 13 | 15 | 16;
  user_limit?: number;
  video_quality_mode?: number;
}

export interface ChannelInfo {
  channels: VoiceChannelInfo[];
  guild_id: string;
}

export interface ChannelOverride {
  channel_id: string;
  collapsed: boolean;
  flags: number;
  message_notifications: number;
  mute_config: MuteConfig | null;
  muted: boolean;
}

export interface ClientInfo {
  location: string | null;
  os: string;
  platform: string;
}

export interface ClientStatus {
  desktop?: Status;
  mobile?: Status;
  web?: Status;
}

export interface Component {
  components?: Component[] | null;
  label?: string | null;
  style?: number | null;
  type: number;
  url?: string | null;
}

export interface Consent {
  application: PublicApplication;
  authorized: boolean;
  bot: User;
  guilds: LinkableGuild[];
  integration_type: number;
  redirect_uri: string | null;
  user: User;
}

export interface CountDetails {
  burst: number;
  normal: number;
}

export interface CustomStatus {
  emoji_id: string | null;
  emoji_name: string | null;
  expires_at: string | null;
  text: string | null;
}

export interface Edited {
  accent_color: number | null;
  avatar: string | null;
  avatar_decoration_data: null;
  banner: string | null;
  bio: string;
  bot?: boolean;
  discriminator: string;
  email: string | null;
  flags: number;
  global_name: string | null;
  id: string;
  locale: string;
  mfa_enabled: boolean;
  nsfw_allowed: boolean;
  premium_type: number;
  pronouns: string;
  public_flags: number;
  token?: string;
  username: string;
  verified: boolean;
}

export interface EffectEmoji {
  id: string | null;
  name: string | null;
}

export interface Embed {
  author?: EmbedAuthor;
  color?: number;
  description?: string;
  fields?: EmbedField[];
  footer?: EmbedFooter;
  image?: EmbedMedia;
  provider?: EmbedProvider;
  thumbnail?: EmbedMedia;
  timestamp?: string;
  title?: string;
  type: string;
  url?: string;
  video?: EmbedMedia;
}

export interface EmbedAuthor {
  icon_url?: string;
  name?: string;
  proxy_icon_url?: string;
  url?: string;
}

export interface EmbedField {
  inline: boolean;
  name: string;
  value: string;
}

export interface EmbedFooter {
  icon_url?: string;
  proxy_icon_url?: string;
  text?: string;
}

export interface EmbedMedia {
  height?: number;
  proxy_url?: string;
  url?: string;
  width?: number;
}

export interface EmbedProvider {
  icon_url?: string;
  name?: string;
  proxy_icon_url?: string;
  url?: string;
}

export interface Emoji {
  animated: boolean;
  available: boolean;
  id: string;
  managed: boolean;
  name: string;
  require_colons: boolean;
  roles: string[];
  user?: User;
}

export interface EmojiCleared {
  channel_id: string;
  emoji: PartialEmoji;
  guild_id?: string;
  message_id: string;
}

export interface EmojisUpdate {
  emojis: Emoji[];
  guild_id: string;
}

export interface FriendSources {
  all: boolean;
  mutual_friends: boolean;
  mutual_guilds: boolean;
}

export interface Guild {
  afk_channel_id: string | null;
  afk_timeout: number;
  application_id: string | null;
  approximate_member_count?: number;
  approximate_presence_count?: number;
  banner: string | null;
  default_message_notifications: number;
  description: string | null;
  discovery_splash: string | null;
  emojis: Emoji[];
  explicit_content_filter: number;
  features: string[];
  icon: string | null;
  id: string;
  incidents_data: Incidents | null;
  max_members: number;
  max_presences: number | null;
  max_stage_video_channel_users: number;
  max_video_channel_users: number;
  mfa_level: number;
  name: string;
  nsfw: boolean;
  nsfw_level: number;
  owner_id: string;
  preferred_locale: string;
  premium_progress_bar_enabled: boolean;
  premium_subscription_count: number;
  premium_tier: number;
  public_updates_channel_id: string | null;
  region: string | null;
  roles: Role[];
  rules_channel_id: string | null;
  safety_alerts_channel_id: string | null;
  splash: string | null;
  stickers: Sticker[];
  system_channel_flags: number;
  system_channel_id: string | null;
  vanity_url_code: string | null;
  verification_level: number;
  widget_channel_id: string | null;
  widget_enabled: boolean;
}

export interface GuildCreate {
  afk_channel_id: string | null;
  afk_timeout: number;
  application_id: string | null;
  approximate_member_count?: number;
  approximate_presence_count?: number;
  banner: string | null;
  channels: Channel[];
  default_message_notifications: number;
  description: string | null;
  discovery_splash: string | null;
  emojis: Emoji[];
  explicit_content_filter: number;
  features: string[];
  guild_scheduled_events: unknown[];
  icon: string | null;
  id: string;
  incidents_data: Incidents | null;
  joined_at: string;
  large: boolean;
  max_members: number;
  max_presences: number | null;
  max_stage_video_channel_users: number;
  max_video_channel_users: number;
  member_count: number;
  members: Member[];
  mfa_level: number;
  name: string;
  nsfw: boolean;
  nsfw_level: number;
  owner_id: string;
  preferred_locale: string;
  premium_progress_bar_enabled: boolean;
  premium_subscription_count: number;
  premium_tier: number;
  presences: Presence[];
  public_updates_channel_id: string | null;
  region: string | null;
  roles: Role[];
  rules_channel_id: string | null;
  safety_alerts_channel_id: string | null;
  soundboard_sounds: Sound[];
  splash: string | null;
  stage_instances: unknown[];
  stickers: Sticker[];
  system_channel_flags: number;
  system_channel_id: string | null;
  threads: Channel[];
  unavailable?: boolean;
  vanity_url_code: string | null;
  verification_level: number;
  voice_states: VoiceState[];
  widget_channel_id: string | null;
  widget_enabled: boolean;
}

export interface GuildFolder {
  color: number | null;
  guild_ids: string[];
  id: number | null;
  name: string | null;
}

export interface GuildRef {
  guild_id: string;
}

export interface GuildSettings {
  guild_id: string;
  link_previews: boolean;
}

export interface GuildUser {
  guild_id: string;
  user: User;
}

export interface Incidents {
  dm_spam_detected_at: string | null;
  dms_disabled_until: string | null;
  invites_disabled_until: string | null;
  raid_detected_at: string | null;
}

export interface InstallParams {
  permissions: string;
  scopes: string[];
}

export interface Instance {
  cdn_base: string;
  description: string;
  email_required: boolean;
  limits: InstanceLimits;
  mailer: boolean;
  name: string;
  push_public_key: string | null;
  registration: 'open' | 'invite' | 'closed';
  version: string;
  voice: InstanceVoice;
}

export interface InstanceLimits {
  guilds_per_user: number;
  max_content_chars: number;
  max_file_size: number;
  members_per_guild: number;
}

export interface InstanceVoice {
  enabled: boolean;
  ice_servers: string[];
}

export interface IntegrationAccount {
  id: string;
  name: string;
}

export interface IntegrationApplication {
  bot: User;
  description: string;
  icon: string | null;
  id: string;
  name: string;
  summary: string;
}

export interface IntegrationEvent {
  account: IntegrationAccount;
  application: IntegrationApplication;
  enabled: boolean;
  guild_id: string;
  id: string;
  name: string;
  scopes: string[];
  type: string;
}

export interface IntegrationTypeConfig {
  oauth2_install_params?: InstallParams;
}

export interface Invite {
  approximate_member_count?: number;
  approximate_presence_count?: number;
  channel: InviteChannel;
  code: string;
  created_at?: string;
  expires_at: string | null;
  guild?: InviteGuild;
  guild_id: string;
  inviter?: User;
  max_age?: number;
  max_uses?: number;
  new_member?: boolean;
  temporary?: boolean;
  type: number;
  uses?: number;
}

export interface InviteChannel {
  id: string;
  name: string | null;
  type: 0 | 1 | 2 | 3 | 4 | 5 | 10 | 11 | 12 | 13 | 15 | 16;
}

export interface InviteCreated {
  approximate_member_count?: number;
  approximate_presence_count?: number;
  channel: InviteChannel;
  channel_id: string;
  code: string;
  created_at?: string;
  expires_at: string | null;
  guild?: InviteGuild;
  guild_id: string;
  inviter?: User;
  max_age?: number;
  max_uses?: number;
  new_member?: boolean;
  temporary?: boolean;
  type: number;
  uses?: number;
}

export interface InviteDeleted {
  channel_id: string;
  code: string;
  guild_id: string;
}

export interface InviteGuild {
  banner: string | null;
  description: string | null;
  features: string[];
  icon: string | null;
  id: string;
  name: string;
  nsfw_level: number;
  premium_subscription_count: number;
  splash: string | null;
  vanity_url_code: string | null;
  verification_level: number;
}

export interface IssuedToken {
  token: string;
}

export interface LinkableGuild {
  icon: string | null;
  id: string;
  mfa_level: number;
  name: string;
  permissions: string;
}

export interface ListGroup {
  count: number;
  id: string;
}

export type ListItem = { group: ListGroup } | { member: ListedMember };

export type ListOp =
  | { items: ListItem[]; op: 'SYNC'; range: [number, number] }
  | { index: number; item: ListItem; op: 'INSERT' }
  | { index: number; item: ListItem; op: 'UPDATE' }
  | { index: number; op: 'DELETE' }
  | { op: 'INVALIDATE'; range: [number, number] };

export interface ListedMember {
  avatar: string | null;
  banner: string | null;
  communication_disabled_until: string | null;
  deaf: boolean;
  flags: number;
  joined_at: string;
  mute: boolean;
  nick: string | null;
  pending: boolean;
  premium_since: string | null;
  presence: Presence;
  roles: string[];
  user: {
    accent_color: number | null;
    avatar: string | null;
    avatar_decoration_data: null;
    banner: string | null;
    bot?: boolean;
    discriminator: string;
    global_name: string | null;
    id: string;
    public_flags: number;
    username: string;
  };
}

export interface ListedSession {
  approx_last_used_time: string;
  client_info: ClientInfo;
  current: boolean;
  id_hash: string;
}

export interface ListedSessions {
  user_sessions: ListedSession[];
}

export interface Location {
  location: string;
  url: string;
}

export interface LoginAnswer {
  token?: string;
  user_id: string;
  user_settings: LoginSettings;
}

export interface LoginSettings {
  locale: string;
  theme: string;
}

export interface Media {
  has_more: boolean;
  messages: Message[];
}

export interface Member {
  avatar: string | null;
  banner: string | null;
  communication_disabled_until: string | null;
  deaf: boolean;
  flags: number;
  joined_at: string;
  mute: boolean;
  nick: string | null;
  pending: boolean;
  premium_since: string | null;
  roles: string[];
  user: {
    accent_color: number | null;
    avatar: string | null;
    avatar_decoration_data: null;
    banner: string | null;
    bot?: boolean;
    discriminator: string;
    global_name: string | null;
    id: string;
    public_flags: number;
    username: string;
  };
}

export interface MemberBesideUser {
  avatar: string | null;
  banner: string | null;
  communication_disabled_until: string | null;
  deaf: boolean;
  flags: number;
  joined_at: string;
  mute: boolean;
  nick: string | null;
  pending: boolean;
  premium_since: string | null;
  roles: string[];
}

export interface MemberEvent {
  avatar: string | null;
  banner: string | null;
  communication_disabled_until: string | null;
  deaf: boolean;
  flags: number;
  guild_id: string;
  joined_at: string;
  mute: boolean;
  nick: string | null;
  pending: boolean;
  premium_since: string | null;
  roles: string[];
  user: {
    accent_color: number | null;
    avatar: string | null;
    avatar_decoration_data: null;
    banner: string | null;
    bot?: boolean;
    discriminator: string;
    global_name: string | null;
    id: string;
    public_flags: number;
    username: string;
  };
}

export interface MemberListUpdate {
  groups: ListGroup[];
  guild_id: string;
  id: string;
  member_count: number;
  online_count: number;
  ops: ListOp[];
}

export interface MemberProfile {
  accent_color: number | null;
  banner: string | null;
  bio: string;
  guild_id: string;
  pronouns: string;
}

export interface MembersChunk {
  chunk_count: number;
  chunk_index: number;
  guild_id: string;
  members: Member[];
  nonce?: string;
  not_found?: string[];
  presences?: Presence[];
}

export interface MentionedUser {
  accent_color: number | null;
  avatar: string | null;
  avatar_decoration_data: null;
  banner: string | null;
  bot?: boolean;
  discriminator: string;
  global_name: string | null;
  id: string;
  member?: MemberBesideUser;
  public_flags: number;
  username: string;
}

export interface MergedPresences {
  friends: Presence[];
  guilds: Presence[][];
}

export interface Message {
  application_id?: string;
  attachments: Attachment[];
  author: User;
  channel_id: string;
  components: Component[];
  content: string;
  edited_timestamp: string | null;
  embeds: Embed[];
  flags: number;
  id: string;
  mention_everyone: boolean;
  mention_roles: string[];
  mentions: MentionedUser[];
  message_reference?: MessageReference;
  nonce?: Nonce;
  pinned: boolean;
  reactions?: Reaction[];
  referenced_message?: Message | null;
  sticker_items?: StickerItem[];
  timestamp: string;
  tts: boolean;
  type: number;
  webhook_id?: string;
}

export interface MessageAck {
  channel_id: string;
  flags: number;
  last_viewed: number | null;
  manual?: boolean;
  mention_count: number;
  message_id: string;
  version: number;
}

export interface MessageDeleted {
  channel_id: string;
  guild_id?: string;
  id: string;
}

export interface MessageEvent {
  application_id?: string;
  attachments: Attachment[];
  author: User;
  channel_id: string;
  channel_type: 0 | 1 | 2 | 3 | 4 | 5 | 10 | 11 | 12 | 13 | 15 | 16;
  components: Component[];
  content: string;
  edited_timestamp: string | null;
  embeds: Embed[];
  flags: number;
  guild_id?: string;
  id: string;
  member?: MemberBesideUser;
  mention_everyone: boolean;
  mention_roles: string[];
  mentions: MentionedUser[];
  message_reference?: MessageReference;
  nonce?: Nonce;
  pinned: boolean;
  reactions?: Reaction[];
  referenced_message?: Message | null;
  sticker_items?: StickerItem[];
  timestamp: string;
  tts: boolean;
  type: number;
  webhook_id?: string;
}

export interface MessageReference {
  channel_id: string;
  guild_id?: string;
  message_id?: string;
  type: number;
}

export interface MessagesDeleted {
  channel_id: string;
  guild_id?: string;
  ids: string[];
}

export interface MuteConfig {
  end_time: string | null;
  selected_time_window: number;
}

export interface MutualGuild {
  id: string;
  nick: string | null;
}

export interface NewSlots {
  attachments: Slot[];
}

export type Nonce = string | number;

export interface NoteUpdate {
  id: string;
  note: string;
}

export interface NotificationSettings {
  flags: number;
}

export interface Overwrite {
  allow: string;
  deny: string;
  id: string;
  type: number;
}

export interface OwnUser {
  accent_color: number | null;
  avatar: string | null;
  avatar_decoration_data: null;
  banner: string | null;
  bio: string;
  bot?: boolean;
  discriminator: string;
  email: string | null;
  flags: number;
  global_name: string | null;
  id: string;
  locale: string;
  mfa_enabled: boolean;
  nsfw_allowed: boolean;
  premium_type: number;
  pronouns: string;
  public_flags: number;
  username: string;
  verified: boolean;
}

export interface PartialEmoji {
  animated?: boolean;
  id: string | null;
  name: string;
}

export interface PassiveChannel {
  id: string;
  last_message_id: string | null;
  last_pin_timestamp?: string;
}

export interface PassiveUpdate {
  guild_id: string;
  removed_voice_states: string[];
  updated_channels: PassiveChannel[];
  updated_members: Member[];
  updated_voice_states: VoiceState[];
}

export interface PersonReady {
  _trace: string[];
  analytics_token: string | null;
  api_code_version: number;
  auth_session_id_hash: string;
  connected_accounts: unknown[];
  country_code: string | null;
  experiments: unknown[];
  guild_experiments: unknown[];
  guild_join_requests: unknown[];
  guilds: GuildCreate[];
  merged_members: Member[][];
  notes: Record<string, string>;
  notification_settings: NotificationSettings;
  presences: Presence[];
  private_channels: Channel[];
  read_state: ReadStateList;
  relationships: Relationship[];
  resume_gateway_url: string;
  session_id: string;
  session_type: string;
  sessions: ReadySession[];
  tutorial: unknown;
  user: OwnUser;
  user_guild_settings: UserGuildSettingsList;
  user_settings: UserSettings;
  users: User[];
  v: number;
}

export interface Pinned {
  has_more: boolean;
  items: PinnedMessage[];
}

export interface PinnedMessage {
  message: Message;
  pinned_at: string;
}

export interface PinsAck {
  channel_id: string;
  timestamp: string;
  version: number;
}

export interface PinsUpdate {
  channel_id: string;
  guild_id?: string;
  last_pin_timestamp: string | null;
}

export interface Presence {
  activities: Activity[];
  client_status: ClientStatus;
  guild_id?: string;
  status: Status;
  user: UserRef;
}

export interface Profile {
  badges: null[];
  connected_accounts: null[];
  guild_badges: null[];
  guild_member?: Member;
  guild_member_profile?: MemberProfile;
  legacy_username: string | null;
  mutual_friends?: User[];
  mutual_friends_count?: number;
  mutual_guilds?: MutualGuild[];
  premium_guild_since: null;
  premium_since: null;
  premium_type: number;
  user: ProfileUser;
  user_profile: ProfileText;
}

export interface ProfileText {
  accent_color: number | null;
  banner: string | null;
  bio: string;
  pronouns: string;
  theme_colors: null;
}

export interface ProfileUser {
  accent_color: number | null;
  avatar: string | null;
  avatar_decoration_data: null;
  banner: string | null;
  bio: string;
  bot?: boolean;
  discriminator: string;
  global_name: string | null;
  id: string;
  public_flags: number;
  username: string;
}

export interface PublicApplication {
  bot_public: boolean;
  bot_require_code_grant: boolean;
  cover_image?: string;
  custom_install_url?: string;
  description: string;
  flags: number;
  hook: boolean;
  icon: string | null;
  id: string;
  install_params?: InstallParams;
  integration_types_config: Record<string, IntegrationTypeConfig>;
  name: string;
  summary: string;
  tags: string[];
  type: number | null;
  verify_key: string;
}

export interface Reaction {
  burst_colors: string[];
  count: number;
  count_details: CountDetails;
  emoji: PartialEmoji;
  me: boolean;
  me_burst: boolean;
}

export interface ReactionEvent {
  burst: boolean;
  channel_id: string;
  emoji: PartialEmoji;
  guild_id?: string;
  member?: Member;
  message_author_id?: string;
  message_id: string;
  type: number;
  user_id: string;
}

export interface ReactionsCleared {
  channel_id: string;
  guild_id?: string;
  message_id: string;
}

export interface ReadState {
  flags: number;
  id: string;
  last_message_id: string;
  last_pin_timestamp: string | null;
  last_viewed: number | null;
  mention_count: number;
  read_state_type: number;
}

export interface ReadStateList {
  entries: ReadState[];
  partial: boolean;
  version: number;
}

export type Ready = PersonReady | BotReady;

export interface ReadyApplication {
  flags: number;
  flags_new: string;
  id: string;
}

export interface ReadyClient {
  client: unknown;
  os: string;
  version: number;
}

export interface ReadySession {
  activities: Activity[];
  client_info: ReadyClient;
  session_id: string;
  status: Status;
}

export interface ReadySupplemental {
  guilds: SupplementalGuild[];
  lazy_private_channels: Channel[];
  merged_members: Member[][];
  merged_presences: MergedPresences;
}

export interface RecipientEvent {
  channel_id: string;
  user: User;
}

export interface Refreshed {
  refreshed_urls: RefreshedUrl[];
}

export interface RefreshedUrl {
  original: string;
  refreshed: string | null;
}

export interface Relationship {
  id: string;
  is_spam_request: boolean;
  nickname: string | null;
  should_notify?: boolean;
  since: string;
  stranger_request: boolean;
  type: number;
  user: User;
  user_ignored: boolean;
}

export interface RelationshipRemoved {
  id: string;
  nickname: string | null;
  type: number;
}

export interface Role {
  color: number;
  colors: RoleColors;
  flags: number;
  hoist: boolean;
  icon: string | null;
  id: string;
  managed: boolean;
  mentionable: boolean;
  name: string;
  permissions: string;
  position: number;
  tags?: RoleTags;
  unicode_emoji: string | null;
}

export interface RoleColors {
  primary_color: number;
  secondary_color: number | null;
  tertiary_color: number | null;
}

export interface RoleDeleted {
  guild_id: string;
  role_id: string;
}

export interface RoleEvent {
  guild_id: string;
  role: Role;
}

export interface RoleTags {
  bot_id: string;
}

export interface SettingsChange {
  afk_timeout?: number;
  allow_accessibility_detection?: boolean;
  animate_emoji?: boolean;
  animate_stickers?: number;
  contact_sync_enabled?: boolean;
  convert_emoticons?: boolean;
  custom_status?: CustomStatus | null;
  default_guilds_restricted?: boolean;
  detect_platform_accounts?: boolean;
  developer_mode?: boolean;
  disable_games_tab?: boolean;
  enable_tts_command?: boolean;
  explicit_content_filter?: number;
  friend_source_flags?: FriendSources;
  gif_auto_play?: boolean;
  guild_folders?: GuildFolder[];
  guild_positions?: string[];
  inline_attachment_media?: boolean;
  inline_embed_media?: boolean;
  locale?: string;
  message_display_compact?: boolean;
  native_phone_integration_enabled?: boolean;
  render_embeds?: boolean;
  render_reactions?: boolean;
  restricted_guilds?: string[];
  show_current_game?: boolean;
  status?: Status;
  stream_notifications_enabled?: boolean;
  theme?: string;
  timezone_offset?: number;
  view_nsfw_guilds?: boolean;
}

export interface Slot {
  id?: unknown;
  upload_filename: string;
  upload_url: string;
}

export interface Sound {
  available: boolean;
  emoji_id: string | null;
  emoji_name: string | null;
  guild_id?: string;
  name: string;
  sound_id: string;
  user?: User;
  volume: number;
}

export interface SoundDeleted {
  guild_id: string;
  sound_id: string;
}

export interface SoundList {
  items: Sound[];
}

export type Status = 'online' | 'idle' | 'dnd' | 'invisible' | 'offline';

export interface Sticker {
  available: boolean;
  description: string | null;
  format_type: number;
  guild_id: string;
  id: string;
  name: string;
  tags: string;
  type: number;
  user?: User;
}

export interface StickerItem {
  format_type: number;
  id: string;
  name: string;
}

export interface StickersUpdate {
  guild_id: string;
  stickers: Sticker[];
}

export interface SupplementalGuild {
  id: string;
  voice_states: VoiceState[];
}

export interface Ticket {
  ticket: string;
}

export interface TokenAnswer {
  token?: string;
  user_id: string;
}

export interface TypingStart {
  channel_id: string;
  guild_id?: string;
  member?: Member;
  timestamp: number;
  user_id: string;
}

export interface UnavailableGuild {
  id: string;
  unavailable?: boolean;
}

export interface User {
  accent_color: number | null;
  avatar: string | null;
  avatar_decoration_data: null;
  banner: string | null;
  bot?: boolean;
  discriminator: string;
  global_name: string | null;
  id: string;
  public_flags: number;
  username: string;
}

export interface UserGuildSettings {
  channel_overrides: ChannelOverride[];
  flags: number;
  guild_id: string | null;
  hide_muted_channels: boolean;
  message_notifications: number;
  mobile_push: boolean;
  mute_config: MuteConfig | null;
  mute_scheduled_events: boolean;
  muted: boolean;
  notify_highlights: number;
  suppress_everyone: boolean;
  suppress_roles: boolean;
  version: number;
}

export interface UserGuildSettingsList {
  entries: UserGuildSettings[];
  partial: boolean;
  version: number;
}

export interface UserRef {
  id: string;
}

export interface UserSettings {
  afk_timeout: number;
  allow_accessibility_detection: boolean;
  animate_emoji: boolean;
  animate_stickers: number;
  contact_sync_enabled: boolean;
  convert_emoticons: boolean;
  custom_status: CustomStatus | null;
  default_guilds_restricted: boolean;
  detect_platform_accounts: boolean;
  developer_mode: boolean;
  disable_games_tab: boolean;
  enable_tts_command: boolean;
  explicit_content_filter: number;
  friend_source_flags: FriendSources;
  gif_auto_play: boolean;
  guild_folders: GuildFolder[];
  guild_positions: string[];
  inline_attachment_media: boolean;
  inline_embed_media: boolean;
  locale: string;
  message_display_compact: boolean;
  native_phone_integration_enabled: boolean;
  render_embeds: boolean;
  render_reactions: boolean;
  restricted_guilds: string[];
  show_current_game: boolean;
  status: Status;
  stream_notifications_enabled: boolean;
  theme: string;
  timezone_offset: number;
  view_nsfw_guilds: boolean;
}

export interface VoiceChannelInfo {
  id: string;
  status: string | null;
  voice_start_time: number | null;
}

export interface VoiceEffect {
  channel_id: string;
  emoji?: EffectEmoji;
  guild_id: string;
  sound_id: string;
  sound_volume: number;
  user_id: string;
}

export interface VoiceServer {
  channel_id?: string;
  endpoint: string | null;
  guild_id: string | null;
  token: string;
}

export interface VoiceStart {
  guild_id: string;
  id: string;
  voice_start_time: number | null;
}

export interface VoiceState {
  channel_id: string | null;
  deaf: boolean;
  guild_id?: string;
  member?: Member;
  mute: boolean;
  request_to_speak_timestamp: string | null;
  self_deaf: boolean;
  self_mute: boolean;
  self_stream?: boolean;
  self_video: boolean;
  session_id: string;
  suppress: boolean;
  user_id: string;
}

export interface VoiceStatus {
  guild_id: string;
  id: string;
  status: string | null;
}

export interface WebhooksUpdate {
  channel_id: string;
  guild_id: string;
}
