// What a person hears of: mutes and levels from the channel up to the guild. Plain functions.
import { Hear, Relation } from '../api/enums';
import type { Channel, ChannelOverride, GuildSettings, Id, Message, MuteConfig } from '../api/types';
import { DIRECT_KEY, type World } from './world';

/** Settings of a place where nothing was chosen. */
export function defaultHearing(guildId: Id | null): GuildSettings {
  return {
    guild_id: guildId,
    message_notifications: Hear.inherit,
    muted: false,
    mute_config: null,
    suppress_everyone: false,
    suppress_roles: false,
    channel_overrides: [],
  };
}

/** The settings of a guild, or of direct messages for none. */
export function hearingOf(world: World, guildId: Id | null | undefined): GuildSettings {
  return world.hearing.get(guildId ?? DIRECT_KEY) ?? defaultHearing(guildId ?? null);
}

/** What was chosen for one channel, if anything. */
export function overrideOf(settings: GuildSettings, channelId: Id): ChannelOverride | undefined {
  return settings.channel_overrides.find((own) => own.channel_id === channelId);
}

/** Whether a mute still holds at `nowMs`. */
export function isMuteOn(
  place: { muted?: boolean; mute_config?: MuteConfig | null } | undefined,
  nowMs: number,
): boolean {
  if (!place?.muted) return false;
  const end = place.mute_config?.end_time;
  return !end || Date.parse(end) > nowMs;
}

/** When the next running mute ends, in Unix milliseconds; null when none will. */
export function nextMuteEnd(world: World, nowMs: number): number | null {
  let next: number | null = null;
  for (const settings of world.hearing.values())
    for (const place of [settings, ...settings.channel_overrides]) {
      const end = place.muted ? Date.parse(place.mute_config?.end_time ?? '') : Number.NaN;
      if (end > nowMs && (next === null || end < next)) next = end;
    }
  return next;
}

/** Whether a whole guild is muted. */
export function isGuildMuted(world: World, guildId: Id, nowMs: number): boolean {
  return isMuteOn(world.hearing.get(guildId), nowMs);
}

/** Whether a channel is muted by itself, by its category, or with its guild. */
export function isChannelMuted(world: World, channel: Channel, nowMs: number): boolean {
  const settings = world.hearing.get(channel.guild_id ?? DIRECT_KEY);
  if (!settings) return false;
  if (channel.guild_id && isMuteOn(settings, nowMs)) return true;
  if (isMuteOn(overrideOf(settings, channel.id), nowMs)) return true;
  return !!channel.parent_id && isMuteOn(overrideOf(settings, channel.parent_id), nowMs);
}

/** The level that holds in a channel: its own, its category's, its guild's, or the guild's default; never `inherit`. */
export function levelOf(world: World, channel: Channel): number {
  const settings = hearingOf(world, channel.guild_id);
  const choices = [
    overrideOf(settings, channel.id)?.message_notifications,
    channel.parent_id ? overrideOf(settings, channel.parent_id)?.message_notifications : undefined,
    settings.message_notifications,
  ];
  const chosen = choices.find((level) => level !== undefined && level !== Hear.inherit);
  if (chosen !== undefined) return chosen;
  if (!channel.guild_id) return Hear.all;
  return world.guilds.get(channel.guild_id)?.default_message_notifications ?? Hear.all;
}

/** Whether nobody's call should reach the person: from someone blocked, or in a request not yet accepted. */
function isUnwanted(world: World, message: Message): boolean {
  const relation = world.relations.get(message.author.id);
  if (relation?.type === Relation.blocked || relation?.user_ignored) return true;
  return world.channels.get(message.channel_id)?.is_message_request ?? false;
}

/** Whether a call is one the person asked not to hear: everyone's or a role's where suppressed, or an unwanted one. */
export function isSuppressed(world: World, message: Message, meId: Id): boolean {
  if (isUnwanted(world, message)) return true;
  const channel = world.channels.get(message.channel_id);
  if (!channel?.guild_id) return false;
  if (message.mentions.some((user) => user.id === meId)) return false;
  const settings = hearingOf(world, channel.guild_id);
  const roles = world.members.get(channel.guild_id)?.get(meId)?.roles;
  const byRole = message.mention_roles.some((role) => roles?.includes(role) ?? false);
  if (byRole && !settings.suppress_roles) return false;
  return message.mention_everyone ? settings.suppress_everyone : byRole;
}

/** Whether a text holds one of the words, whole and in any case. */
export function holdsKeyword(text: string, keywords: readonly string[]): boolean {
  const lower = ` ${text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ')} `;
  return keywords.some((word) => {
    const plain = word
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, ' ')
      .trim();
    return plain !== '' && lower.includes(` ${plain} `);
  });
}

/** Whether a message of someone else is worth a notification; `isCall`: it mentions the person (or is a direct message). */
export function isHeard(world: World, message: Message, meId: Id, isCall: boolean, nowMs: number): boolean {
  const channel = world.channels.get(message.channel_id);
  if (!channel || message.author.id === meId || isUnwanted(world, message)) return false;
  if (((message.flags ?? 0) & SUPPRESS_NOTIFICATIONS) !== 0) return false;
  if (world.settings.value?.status === 'dnd' || isChannelMuted(world, channel, nowMs)) return false;
  const level = levelOf(world, channel);
  if (level === Hear.nothing) return false;
  if (level === Hear.all) return true;
  if (holdsKeyword(message.content, world.prefs.value.keywords ?? [])) return true;
  return isCall && !isSuppressed(world, message, meId);
}

/** Whether a message of a guild could be worth a notification without calling the person. */
export function hearsMessages(world: World, guildId: Id, nowMs: number): boolean {
  if (isGuildMuted(world, guildId, nowMs)) return false;
  const settings = hearingOf(world, guildId);
  const level =
    settings.message_notifications === Hear.inherit
      ? (world.guilds.get(guildId)?.default_message_notifications ?? Hear.all)
      : settings.message_notifications;
  const hasKeywords = (world.prefs.value.keywords ?? []).length > 0;
  if (level === Hear.all || (hasKeywords && level !== Hear.nothing)) return true;
  return settings.channel_overrides.some((own) => own.message_notifications === Hear.all);
}

/** Message flag: sent silently. */
const SUPPRESS_NOTIFICATIONS = 1 << 12;
