// Who is in voice where. Plain functions over the world.
import type { Call, Id, VoiceState } from '../api/types';
import { nameOf } from './names';
import type { World } from './world';

const NOBODY: ReadonlyMap<Id, VoiceState> = new Map();

/** Who is in a channel. */
export function voicesIn(world: World, channelId: Id): ReadonlyMap<Id, VoiceState> {
  return world.voices.get(channelId) ?? NOBODY;
}

/** Who is in a channel, by name. */
export function voicesInOrder(world: World, channelId: Id): VoiceState[] {
  const name = (state: VoiceState): string => nameOf(world, state.user_id, state.guild_id);
  return [...voicesIn(world, channelId).values()].sort((a, b) => byName.compare(name(a), name(b)));
}

const byName = new Intl.Collator();

/** Somebody's state in a guild, or in a call. */
export function voiceOf(world: World, userId: Id, guildId: Id | null): VoiceState | undefined {
  for (const people of world.voices.values()) {
    const state = people.get(userId);
    if (state && (state.guild_id ?? null) === guildId) return state;
  }
  return undefined;
}

/** Takes up where somebody is: one place in a guild, and one among calls. */
export function putVoice(world: World, { member, ...state }: VoiceState): void {
  dropVoice(world, state.guild_id ?? null, state.user_id, state.channel_id);
  if (state.channel_id === null) return;
  const people = new Map(voicesIn(world, state.channel_id));
  world.voices.set(state.channel_id, people.set(state.user_id, state));
  // who talks is known by name, also in a guild that is not told whole
  if (member && !world.users.has(state.user_id)) world.users.set(state.user_id, member.user);
}

/** Takes somebody out of wherever they were in a guild (or in calls), but for one channel. */
export function dropVoice(world: World, guildId: Id | null, userId: Id, but: Id | null = null): void {
  for (const [channelId, people] of [...world.voices]) {
    const held = people.get(userId);
    if (!held || channelId === but || (held.guild_id ?? null) !== guildId) continue;
    const left = new Map(people);
    left.delete(userId);
    if (left.size > 0) world.voices.set(channelId, left);
    else world.voices.delete(channelId);
  }
}

/** Takes up a call with who is in it. */
export function putCall(world: World, call: Call): void {
  world.calls.set(call.channel_id, call);
  const known = new Set(call.voice_states.map((state) => state.user_id));
  for (const id of voicesIn(world, call.channel_id).keys()) if (!known.has(id)) dropVoice(world, null, id);
  for (const state of call.voice_states) putVoice(world, state);
}
