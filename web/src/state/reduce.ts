// One dispatch into the world. Plain functions: the same events in any legal split give the same world, and a repeat changes nothing.
import { isAfter } from '../api/snowflake';
import type {
  Channel,
  FullGuild,
  Guild,
  GuildSettings,
  Id,
  Member,
  Message,
  Presence,
  ReadState,
  Relationship,
  Sound,
  User,
} from '../api/types';
import type { EventName, Events } from '../gateway/events';
import { append, clearReactions, EMPTY, react, remove, update, type Timeline } from './segments';
import { applyList } from './memberList';
import { isSuppressed } from './notify';
import { dropVoice, putCall, putVoice } from './voices';
import { DIRECT_KEY, type Talk, type World } from './world';

/** How long a typing notice lasts without another (API.md 2.3). */
const TYPING_MS = 10_000;

type Reducers = { [K in EventName]: (world: World, d: Events[K], nowMs: number) => void };

/** Applies one dispatch; names this client does not know are ignored. */
export function reduce(world: World, t: string, d: unknown, nowMs: number): void {
  const apply = (reducers as Record<string, ((world: World, d: never, nowMs: number) => void) | undefined>)[
    t
  ];
  apply?.(world, d as never, nowMs);
}

const reducers: Reducers = {
  READY(world, d) {
    for (const map of [world.users, world.guilds, world.channels, world.members, world.presences])
      map.clear();
    for (const map of [world.latest, world.reads, world.typing, world.rooms, world.lists]) map.clear();
    for (const map of [world.relations, world.hearing, world.notes, world.voices, world.calls]) map.clear();
    world.talks.clear();
    world.me.value = d.user;
    world.settings.value = d.user_settings;
    for (const entry of d.user_guild_settings.entries) putHearing(world, entry);
    for (const relation of d.relationships) putRelation(world, relation);
    putUser(world, d.user);
    for (const user of d.users) putUser(world, user);
    for (const guild of d.guilds) putGuild(world, guild);
    for (const channel of d.private_channels) putChannel(world, channel);
    for (const presence of d.presences) putPresence(world, presence);
    for (const entry of d.read_state.entries) world.reads.set(entry.id, entry);
  },
  READY_SUPPLEMENTAL(world, d) {
    for (const presence of d.merged_presences.friends) putPresence(world, presence);
    for (const guild of d.merged_presences.guilds) for (const presence of guild) putPresence(world, presence);
    for (const { id, voice_states } of d.guilds)
      for (const state of voice_states) putVoice(world, { ...state, guild_id: id });
  },
  USER_UPDATE(world, d) {
    const me = world.me.value;
    if (me && me.id !== d.id) return putUser(world, d);
    world.me.value = { ...me, ...d };
    putUser(world, d);
  },
  USER_SETTINGS_UPDATE(world, d) {
    const held = world.settings.value;
    if (held) world.settings.value = { ...held, ...d };
  },
  HEARTH_PREFS_UPDATE(world, d) {
    const kept = Object.entries({ ...world.prefs.value, ...d }).filter(([, value]) => value !== null);
    world.prefs.value = Object.fromEntries(kept);
  },

  USER_GUILD_SETTINGS_UPDATE: (world, d) => putHearing(world, d),
  USER_NOTE_UPDATE(world, d) {
    world.notes.set(d.id, d.note);
  },

  RELATIONSHIP_ADD: (world, d) => putRelation(world, d),
  RELATIONSHIP_UPDATE(world, d) {
    const held = world.relations.get(d.id);
    if (held) world.relations.set(d.id, { ...held, ...d });
  },
  RELATIONSHIP_REMOVE(world, d) {
    world.relations.delete(d.id);
  },

  GUILD_CREATE: (world, d) => putGuild(world, d),
  GUILD_UPDATE(world, d) {
    const held = world.guilds.get(d.id);
    if (held) world.guilds.set(d.id, { ...held, ...d, member_count: held.member_count });
  },
  GUILD_DELETE(world, d) {
    const held = world.guilds.get(d.id);
    if (d.unavailable) {
      if (held) world.guilds.set(d.id, { ...held, unavailable: true });
      return;
    }
    world.guilds.delete(d.id);
    world.members.delete(d.id);
    world.lists.delete(d.id);
    for (const channel of [...world.channels.values()])
      if (channel.guild_id === d.id) dropChannel(world, channel.id);
  },
  GUILD_EMOJIS_UPDATE: (world, d) =>
    changeGuild(world, d.guild_id, (guild) => ({ ...guild, emojis: d.emojis })),
  GUILD_STICKERS_UPDATE: (world, d) =>
    changeGuild(world, d.guild_id, (guild) => ({ ...guild, stickers: d.stickers })),
  GUILD_SOUNDBOARD_SOUND_CREATE: (world, d) => putSound(world, d),
  GUILD_SOUNDBOARD_SOUND_UPDATE: (world, d) => putSound(world, d),
  GUILD_SOUNDBOARD_SOUND_DELETE: (world, d) =>
    changeGuild(world, d.guild_id, (guild) => ({
      ...guild,
      soundboard_sounds: (guild.soundboard_sounds ?? []).filter((held) => held.sound_id !== d.sound_id),
    })),
  VOICE_CHANNEL_STATUS_UPDATE: (world, { id, status }) => changeTalk(world, id, { status: status || null }),
  VOICE_CHANNEL_START_TIME_UPDATE: (world, d) => changeTalk(world, d.id, { sinceS: d.voice_start_time }),
  CHANNEL_INFO(world, d) {
    for (const id of world.rooms.get(d.guild_id) ?? []) world.talks.delete(id);
    for (const { id, status, voice_start_time: sinceS } of d.channels)
      changeTalk(world, id, { status: status || null, sinceS });
  },
  GUILD_ROLE_CREATE: (world, d) => putRole(world, d),
  GUILD_ROLE_UPDATE: (world, d) => putRole(world, d),
  GUILD_ROLE_DELETE(world, d) {
    changeGuild(world, d.guild_id, (guild) => ({
      ...guild,
      roles: guild.roles.filter((role) => role.id !== d.role_id),
    }));
    const members = world.members.get(d.guild_id);
    for (const [id, member] of [...(members ?? [])]) {
      if (!member.roles.includes(d.role_id)) continue;
      members?.set(id, { ...member, roles: member.roles.filter((role) => role !== d.role_id) });
    }
  },
  GUILD_MEMBER_ADD(world, d) {
    const isNew = !world.members.get(d.guild_id)?.has(d.user.id);
    putMember(world, d.guild_id, d);
    if (isNew)
      changeGuild(world, d.guild_id, (guild) => ({ ...guild, member_count: guild.member_count + 1 }));
  },
  GUILD_MEMBER_UPDATE: (world, d) => putMember(world, d.guild_id, d),
  GUILD_MEMBER_REMOVE(world, d) {
    if (!world.members.get(d.guild_id)?.delete(d.user.id)) return;
    changeGuild(world, d.guild_id, (guild) => ({
      ...guild,
      member_count: Math.max(0, guild.member_count - 1),
    }));
  },
  GUILD_MEMBER_LIST_UPDATE(world, d) {
    for (const op of d.ops) {
      const items = op.op === 'SYNC' ? op.items : 'item' in op ? [op.item] : [];
      for (const item of items) {
        if (!('member' in item)) continue;
        const { presence, ...member } = item.member;
        putMember(world, d.guild_id, member);
        if (presence) putPresence(world, { ...presence, user: { id: member.user.id } });
      }
    }
    world.lists.set(d.guild_id, applyList(world.lists.get(d.guild_id), d));
    changeGuild(world, d.guild_id, (guild) =>
      guild.member_count === d.member_count ? guild : { ...guild, member_count: d.member_count },
    );
  },
  PASSIVE_UPDATE_V2(world, d) {
    for (const member of d.updated_members) putMember(world, d.guild_id, member);
    for (const state of d.updated_voice_states) putVoice(world, { ...state, guild_id: d.guild_id });
    for (const id of d.removed_voice_states) dropVoice(world, d.guild_id, id);
    for (const { id, last_message_id: newest, last_pin_timestamp: pinned } of d.updated_channels) {
      if (newest && isAfter(newest, world.latest.get(id))) world.latest.set(id, newest);
      const channel = world.channels.get(id);
      if (channel && pinned && pinned !== channel.last_pin_timestamp)
        world.channels.set(id, { ...channel, last_pin_timestamp: pinned });
    }
  },
  GUILD_MEMBERS_CHUNK(world, d) {
    for (const member of d.members) putMember(world, d.guild_id, member);
    for (const presence of d.presences ?? []) putPresence(world, presence);
  },

  CHANNEL_CREATE: (world, d) => putChannel(world, d),
  CHANNEL_UPDATE: (world, d) => putChannel(world, d),
  CHANNEL_DELETE: (world, d) => dropChannel(world, d.id),
  CHANNEL_RECIPIENT_ADD(world, d) {
    putUser(world, d.user);
    changeRecipients(world, d.channel_id, (held) => [
      ...held.filter((user) => user.id !== d.user.id),
      d.user,
    ]);
  },
  CHANNEL_RECIPIENT_REMOVE: (world, d) =>
    changeRecipients(world, d.channel_id, (held) => held.filter((user) => user.id !== d.user.id)),

  VOICE_STATE_UPDATE: (world, d) => putVoice(world, d),
  CALL_CREATE: (world, d) => putCall(world, d),
  CALL_UPDATE: (world, d) => putCall(world, d),
  CALL_DELETE(world, d) {
    world.calls.delete(d.channel_id);
    world.voices.delete(d.channel_id);
  },

  PRESENCE_UPDATE: (world, d) => putPresence(world, d),
  TYPING_START(world, d, nowMs) {
    if (d.user_id === world.me.value?.id) return;
    if (d.member && d.guild_id) putMember(world, d.guild_id, d.member);
    const untilMs = nowMs + TYPING_MS; // by our clock: the server's may differ
    world.typing.set(d.channel_id, { ...world.typing.get(d.channel_id), [d.user_id]: untilMs });
  },

  MESSAGE_CREATE(world, d) {
    learnFrom(world, d);
    stopTyping(world, d.channel_id, d.author.id);
    const isNew = isAfter(d.id, world.latest.get(d.channel_id));
    if (isNew) {
      world.latest.set(d.channel_id, d.id);
      countUnread(world, d);
    }
    changeTimeline(world, d.channel_id, (timeline) => append(timeline, d));
  },
  MESSAGE_UPDATE(world, d) {
    learnFrom(world, d);
    changeTimeline(world, d.channel_id, (timeline) =>
      update(timeline, d.id, (held) => ({ ...held, ...d, reactions: d.reactions ?? held.reactions ?? [] })),
    );
  },
  MESSAGE_DELETE: (world, d) => changeTimeline(world, d.channel_id, (timeline) => remove(timeline, [d.id])),
  MESSAGE_DELETE_BULK: (world, d) =>
    changeTimeline(world, d.channel_id, (timeline) => remove(timeline, d.ids)),
  MESSAGE_REACTION_ADD: (world, d) =>
    changeTimeline(world, d.channel_id, (timeline) =>
      react(timeline, d.message_id, d.emoji, d.user_id, true, d.user_id === world.me.value?.id),
    ),
  MESSAGE_REACTION_REMOVE: (world, d) =>
    changeTimeline(world, d.channel_id, (timeline) =>
      react(timeline, d.message_id, d.emoji, d.user_id, false, d.user_id === world.me.value?.id),
    ),
  MESSAGE_REACTION_REMOVE_ALL: (world, d) =>
    changeTimeline(world, d.channel_id, (timeline) => clearReactions(timeline, d.message_id, null)),
  MESSAGE_REACTION_REMOVE_EMOJI: (world, d) =>
    changeTimeline(world, d.channel_id, (timeline) => clearReactions(timeline, d.message_id, d.emoji)),

  CHANNEL_PINS_UPDATE(world, d) {
    const channel = world.channels.get(d.channel_id);
    if (!channel) return;
    world.channels.set(d.channel_id, { ...channel, last_pin_timestamp: d.last_pin_timestamp });
  },
  CHANNEL_PINS_ACK(world, d) {
    const held = world.reads.get(d.channel_id) ?? {
      id: d.channel_id,
      last_message_id: null,
      mention_count: 0,
    };
    world.reads.set(d.channel_id, { ...held, last_pin_timestamp: d.timestamp });
  },
  MESSAGE_ACK(world, d) {
    const held = world.reads.get(d.channel_id);
    if (!d.manual && held && isAfter(held.last_message_id, d.message_id)) return;
    world.reads.set(d.channel_id, {
      ...held,
      id: d.channel_id,
      last_message_id: d.message_id,
      mention_count: d.mention_count ?? 0, // one's own, told ahead of the server, says none
    });
  },
};

/** Sets only what differs, so that watchers of an unchanged entity stay asleep. */
function putUser(world: World, user: User): void {
  const held = world.users.get(user.id);
  const { id, username, global_name, avatar, bot } = user;
  if (held && held.username === username && held.global_name === global_name && held.avatar === avatar)
    return;
  world.users.set(id, { id, username, global_name, avatar, ...(bot ? { bot } : {}) });
}

function putMember(world: World, guildId: Id, member: Member): void {
  putUser(world, member.user);
  let members = world.members.get(guildId);
  if (!members) {
    members = world.makeMap<Id, Member>();
    world.members.set(guildId, members);
  }
  members.set(member.user.id, { ...members.get(member.user.id), ...member });
}

function putHearing(world: World, settings: GuildSettings): void {
  world.hearing.set(settings.guild_id ?? DIRECT_KEY, settings);
}

function putRelation(world: World, relation: Relationship): void {
  putUser(world, relation.user);
  world.relations.set(relation.id, { ...world.relations.get(relation.id), ...relation });
}

function putPresence(world: World, presence: Presence): void {
  world.presences.set(presence.user.id, presence);
}

function putChannel(world: World, channel: Channel): void {
  const isNew = !world.channels.has(channel.id);
  world.channels.set(channel.id, channel); // whole: what it no longer says, as of a request, holds no more
  if (isNew) changeRooms(world, channel.guild_id, (ids) => [...ids, channel.id]);
  for (const user of channel.recipients ?? []) putUser(world, user);
  const newest = channel.last_message_id;
  if (newest && isAfter(newest, world.latest.get(channel.id))) world.latest.set(channel.id, newest);
}

function changeRooms(
  world: World,
  guildId: Id | undefined,
  change: (ids: readonly Id[]) => readonly Id[],
): void {
  const key = guildId ?? DIRECT_KEY;
  world.rooms.set(key, change(world.rooms.get(key) ?? []));
}

function dropChannel(world: World, id: Id): void {
  const held = world.channels.get(id);
  if (held) changeRooms(world, held.guild_id, (ids) => ids.filter((one) => one !== id));
  const { channels, latest, reads, timelines, typing, voices, calls, talks } = world;
  for (const map of [channels, latest, reads, timelines, typing, voices, calls, talks]) map.delete(id);
}

function putGuild(world: World, full: FullGuild): void {
  const { channels, members, presences, voice_states, ...guild } = full;
  world.guilds.set(guild.id, guild);
  const known = world.makeMap<Id, Member>();
  world.members.set(guild.id, known);
  for (const member of members) putMember(world, guild.id, member);
  for (const channel of channels) putChannel(world, { ...channel, guild_id: guild.id });
  for (const presence of presences) putPresence(world, presence);
  for (const state of voice_states) putVoice(world, { ...state, guild_id: guild.id });
}

function changeGuild(world: World, id: Id, change: (guild: Guild) => Guild): void {
  const held = world.guilds.get(id);
  if (held) world.guilds.set(id, change(held));
}

function putSound(world: World, sound: Sound): void {
  if (!sound.guild_id) return;
  changeGuild(world, sound.guild_id, (guild) => {
    const held = guild.soundboard_sounds ?? [];
    const isNew = !held.some((one) => one.sound_id === sound.sound_id);
    const changed = isNew
      ? [...held, sound]
      : held.map((one) => (one.sound_id === sound.sound_id ? sound : one));
    return { ...guild, soundboard_sounds: changed };
  });
}

function changeTalk(world: World, id: Id, change: Partial<Talk>): void {
  const talk = { status: null, sinceS: null, ...world.talks.get(id), ...change };
  if (talk.status === null && talk.sinceS === null) world.talks.delete(id);
  else world.talks.set(id, talk);
}

function putRole(world: World, d: Events['GUILD_ROLE_CREATE']): void {
  changeGuild(world, d.guild_id, (guild) => ({
    ...guild,
    roles: [...guild.roles.filter((role) => role.id !== d.role.id), d.role],
  }));
}

function changeRecipients(world: World, id: Id, change: (held: User[]) => User[]): void {
  const channel = world.channels.get(id);
  if (channel) world.channels.set(id, { ...channel, recipients: change(channel.recipients ?? []) });
}

function changeTimeline(world: World, id: Id, change: (timeline: Timeline) => Timeline): void {
  const held = world.timelines.get(id);
  const next = change(held ?? EMPTY);
  if (held && next !== held) world.timelines.set(id, next);
}

function stopTyping(world: World, channelId: Id, userId: Id): void {
  const held = world.typing.get(channelId);
  if (held?.[userId] === undefined) return;
  const { [userId]: _, ...left } = held;
  world.typing.set(channelId, left);
}

/** People and members a message brings along. */
function learnFrom(world: World, message: Message): void {
  if (!message.webhook_id) {
    const guildId = message.guild_id;
    if (guildId && message.member) putMember(world, guildId, { ...message.member, user: message.author });
    else putUser(world, message.author);
  }
  for (const { member, ...user } of message.mentions) {
    if (message.guild_id && member) putMember(world, message.guild_id, { ...member, user });
    else putUser(world, user);
  }
}

/** Keeps the read state as the server keeps it: own messages read everything, mentions and direct messages count. */
function countUnread(world: World, message: Message): void {
  const me = world.me.value;
  if (!me) return;
  const held = world.reads.get(message.channel_id) ?? {
    id: message.channel_id,
    last_message_id: null,
    mention_count: 0,
  };
  if (message.author.id === me.id) {
    world.reads.set(message.channel_id, { ...held, last_message_id: message.id, mention_count: 0 });
  } else if (isPing(world, message, me.id) && !isSuppressed(world, message, me.id)) {
    world.reads.set(message.channel_id, { ...held, mention_count: held.mention_count + 1 });
  }
}

/** Whether the message calls the person: by name, by a role, by everyone, or because it is a direct message. */
export function isPing(world: World, message: Message, userId: Id): boolean {
  if (message.author.id === userId) return false;
  const channel = world.channels.get(message.channel_id);
  if (channel && !channel.guild_id) return true;
  if (message.mention_everyone || message.mentions.some((user) => user.id === userId)) return true;
  const roles = channel?.guild_id ? world.members.get(channel.guild_id)?.get(userId)?.roles : undefined;
  return message.mention_roles.some((role) => roles?.includes(role) ?? false);
}

/** Whether a channel holds something unread. */
export function isUnread(latest: Id | undefined, read: ReadState | undefined): boolean {
  return isAfter(latest, read?.last_message_id);
}
