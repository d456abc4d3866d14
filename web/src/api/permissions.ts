// What a member may do, from roles and overwrites (API.md section 4). The interface hides by it; the server decides.
import { ChannelType } from './enums';
import type { Channel, Guild, Id, Member } from './types';

export const Permission = {
  createInvite: 1n << 0n,
  kickMembers: 1n << 1n,
  banMembers: 1n << 2n,
  administrator: 1n << 3n,
  manageChannels: 1n << 4n,
  manageGuild: 1n << 5n,
  addReactions: 1n << 6n,
  stream: 1n << 9n,
  viewChannel: 1n << 10n,
  sendMessages: 1n << 11n,
  sendTts: 1n << 12n,
  manageMessages: 1n << 13n,
  embedLinks: 1n << 14n,
  attachFiles: 1n << 15n,
  readHistory: 1n << 16n,
  mentionEveryone: 1n << 17n,
  useExternalEmoji: 1n << 18n,
  connect: 1n << 20n,
  speak: 1n << 21n,
  muteMembers: 1n << 22n,
  deafenMembers: 1n << 23n,
  moveMembers: 1n << 24n,
  useVad: 1n << 25n,
  manageRoles: 1n << 28n,
  manageExpressions: 1n << 30n,
  createExpressions: 1n << 43n,
  moderateMembers: 1n << 40n,
  useExternalStickers: 1n << 37n,
  useSoundboard: 1n << 42n,
  useExternalSounds: 1n << 45n,
  setVoiceStatus: 1n << 48n,
  sendInThreads: 1n << 38n,
  sendVoiceMessages: 1n << 46n,
  sendPolls: 1n << 49n,
  pinMessages: 1n << 51n,
  bypassSlowmode: 1n << 52n,
} as const;

/** Every defined bit. */
export const ALL = 8866461766385663n;
/** What a conversation outside guilds allows everyone in it. */
export const DIRECT =
  Permission.viewChannel |
  Permission.sendMessages |
  Permission.readHistory |
  Permission.attachFiles |
  Permission.embedLinks |
  Permission.addReactions |
  Permission.useExternalEmoji |
  Permission.useExternalStickers |
  Permission.sendVoiceMessages |
  Permission.pinMessages |
  Permission.bypassSlowmode |
  Permission.connect |
  Permission.speak |
  Permission.stream |
  Permission.useVad;
/** What is left to someone timed out, or not yet let in. */
const READ_ONLY = Permission.viewChannel | Permission.readHistory;
/** What means nothing without the right to write. */
const OF_WRITING =
  Permission.sendTts |
  Permission.embedLinks |
  Permission.attachFiles |
  Permission.mentionEveryone |
  Permission.sendVoiceMessages |
  Permission.sendPolls;
/** Bits of a whole guild: an overwrite that names one is not heard. */
const GUILD_ONLY = [1n, 2n, 3n, 5n, 7n, 19n, 26n, 27n, 30n, 40n, 41n, 43n].reduce(
  (bits, bit) => bits | (1n << bit),
  0n,
);
const THREADS = [10, 11, 12];

/** The bits a member holds in the whole guild. `nowMs` decides whether a time-out still runs. */
export function guildPermissions(
  guild: Guild,
  userId: Id,
  member: Member | undefined,
  nowMs: number,
): bigint {
  if (guild.owner_id === userId) return ALL;
  const held = new Set([guild.id, ...(member?.roles ?? [])]);
  const bits = guild.roles
    .filter((role) => held.has(role.id))
    .reduce((sum, role) => sum | BigInt(role.permissions), 0n);
  if (bits & Permission.administrator) return ALL;
  return isReadOnly(member, nowMs) ? bits & READ_ONLY : bits;
}

/** The bits a member holds in one channel of the guild. */
export function channelPermissions(
  guild: Guild,
  channel: Channel,
  userId: Id,
  member: Member | undefined,
  nowMs: number,
): bigint {
  let bits = guildPermissions(guild, userId, member, nowMs);
  if (bits === ALL) return implied(channel.type, ALL);
  const overwrites = channel.permission_overwrites ?? [];
  const apply = (allow: bigint, deny: bigint): void => {
    bits = (bits & ~(deny & ~GUILD_ONLY)) | (allow & ~GUILD_ONLY);
  };
  for (const own of overwrites)
    if (own.type === 0 && own.id === guild.id) apply(BigInt(own.allow), BigInt(own.deny));
  const roles = new Set(member?.roles ?? []);
  const ofRoles = overwrites.filter((own) => own.type === 0 && own.id !== guild.id && roles.has(own.id));
  apply(
    ofRoles.reduce((sum, own) => sum | BigInt(own.allow), 0n),
    ofRoles.reduce((sum, own) => sum | BigInt(own.deny), 0n),
  );
  for (const own of overwrites)
    if (own.type === 1 && own.id === userId) apply(BigInt(own.allow), BigInt(own.deny));
  if (isReadOnly(member, nowMs)) bits &= READ_ONLY;
  return implied(channel.type, bits);
}

/** The rules that are not stored: nothing without sight, no talk without joining, no files without words. */
function implied(type: number, bits: bigint): bigint {
  if (!(bits & Permission.viewChannel)) return 0n;
  const isVoice = type === ChannelType.voice || type === ChannelType.stage;
  if (isVoice && !(bits & Permission.connect)) return Permission.viewChannel;
  const isThread = THREADS.includes(type);
  const writing = isThread ? Permission.sendInThreads : Permission.sendMessages;
  const left = isThread ? bits & ~Permission.sendMessages : bits;
  return left & writing ? left : left & ~OF_WRITING;
}

function isReadOnly(member: Member | undefined, nowMs: number): boolean {
  const until = member?.communication_disabled_until;
  return member?.pending === true || (until != null && Date.parse(until) > nowMs);
}

/** Whether every bit of `needed` is held. */
export function allows(held: bigint, needed: bigint): boolean {
  return (held & needed) === needed;
}
