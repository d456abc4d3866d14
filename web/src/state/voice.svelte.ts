// Where the person talks, and the way there over the gateway. The media itself is in voice/, whose parts come when somebody joins.
import { SvelteSet } from 'svelte/reactivity';
import type { Routes } from '../api/routes';
import type { Channel, Id, VoiceEffect, VoiceServer, VoiceState } from '../api/types';
import { directsInOrder } from './directs';
import { Choices } from './voiceChoices.svelte';
import { voiceOf, voicesIn } from './voices';
import type { World } from './world';

/** How long the server may take to let somebody in; what it does not allow it passes over in silence (API.md 6). */
const ADMIT_MS = 6000;
/** How long after a move or a new session elsewhere the new address may take. */
const FOLLOW_MS = 2500;
/** Conversations asked for a running call when the session begins: it tells of those alone that begin later. */
const ASKED_CALLS = 10;

export interface VoicePlace {
  /** Null: a call. */
  guildId: Id | null;
  channelId: Id;
}

/** `back`: media was there, and is being looked for again. */
export type VoicePhase = 'off' | 'joining' | 'connecting' | 'live' | 'back';

/** Where to connect, and as whom. */
export interface Admission {
  token: string;
  endpoint: string;
  sessionId: string;
  /** The guild, or the conversation of a call. */
  serverId: Id;
}

/** The media of a call, as far as the state drives it. */
export interface Media {
  /** Connects, or connects anew. */
  connect: (admission: Admission) => void;
  /** What one says of oneself changed. */
  tell: () => void;
  /** Somebody played a sound. */
  play: (effect: VoiceEffect) => void;
  /** Ends media; the microphone too. */
  close: () => void;
}

/** Why one is not in voice although one wanted to be. */
export type VoiceFault = 'refused' | 'full' | 'absent' | 'elsewhere' | 'removed';

interface Hooks {
  /** Whether it could be sent. */
  send: (op: number, d: unknown) => boolean;
  onFault: (fault: VoiceFault) => void;
}

/** The person's place in voice. */
export class Voice {
  readonly choices = new Choices();
  /** Where one is, or is going. */
  place: VoicePlace | null = $state.raw(null);
  phase: VoicePhase = $state.raw('off');
  /** Where to connect, once the server said so. */
  admission: Admission | null = $state.raw(null);
  /** Who talks this moment, in the channel one is in. */
  readonly speaking = new SvelteSet<Id>();
  media: Media | null = $state.raw(null);
  readonly #world: World;
  readonly #api: Routes;
  readonly #hooks: Hooks;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Guilds whose voice channels this session of the gateway was told. */
  readonly #looked = new Set<Id>();
  /** The call one began is to ring the others. */
  #ringsOthers = false;

  constructor(world: World, api: Routes, hooks: Hooks) {
    this.#world = world;
    this.#api = api;
    this.#hooks = hooks;
  }

  get isMuted(): boolean {
    return this.choices.now.isMuted || this.choices.now.isDeaf;
  }
  get isDeaf(): boolean {
    return this.choices.now.isDeaf;
  }

  /** One's own state as the server tells it. */
  get own(): VoiceState | undefined {
    return this.place ? voicesIn(this.#world, this.place.channelId).get(this.#meId) : undefined;
  }

  get #meId(): Id {
    return this.#world.me.value?.id ?? '';
  }

  /** Whether one is in a channel, or on the way into it. */
  isIn(channelId: Id): boolean {
    return this.place?.channelId === channelId;
  }

  /** Calls that ring here. */
  get ringing(): Id[] {
    return [...this.#world.calls.values()]
      .filter((call) => call.ringing.includes(this.#meId) && !this.isIn(call.channel_id))
      .map((call) => call.channel_id);
  }

  /** Goes into a channel, or begins the call of a conversation, or joins it. */
  join(channel: Channel): void {
    if (this.isIn(channel.id)) return;
    this.#ringsOthers = !channel.guild_id && !this.#world.calls.has(channel.id);
    this.place = { guildId: channel.guild_id ?? null, channelId: channel.id };
    this.admission = null;
    this.speaking.clear();
    this.phase = 'joining';
    this.#ask();
  }

  /** Leaves, and tells the server. */
  leave(): void {
    const { place } = this;
    if (!place) return;
    this.#hooks.send(4, { guild_id: place.guildId, channel_id: null, self_mute: false, self_deaf: false });
    this.#end();
  }

  /** Asks for the way in anew: the one we had no longer leads anywhere. */
  rejoin(): void {
    if (!this.place) return;
    this.admission = null;
    this.phase = 'back';
    // where to connect is told to who says nothing new: what changed meanwhile is said first
    this.#ask();
    this.#ask();
  }

  setMuted(isMuted: boolean): void {
    // who wants to be heard wants to hear
    this.choices.change({ isMuted, ...(isMuted ? {} : { isDeaf: false }) });
    this.media?.tell();
  }

  setDeaf(isDeaf: boolean): void {
    this.choices.change({ isDeaf });
    this.media?.tell();
  }

  /** Declines a call on all of one's devices. */
  decline(channelId: Id): Promise<unknown> {
    return this.#api.stopRinging(channelId);
  }

  /** Somebody looks at a guild: what its voice channels say, and since when they talk, is told to who asks. */
  lookAt(guildId: Id): void {
    if (this.#looked.has(guildId)) return;
    if (this.#hooks.send(43, { guild_id: guildId, fields: ['status', 'voice_start_time'] }))
      this.#looked.add(guildId);
  }

  /** Follows one event of the live connection, after it was applied. */
  follow(t: string, d: unknown): void {
    if (t === 'VOICE_SERVER_UPDATE') this.#admit(d as VoiceServer);
    else if (t === 'VOICE_STATE_UPDATE') this.#consider(d as VoiceState);
    else if (t === 'VOICE_CHANNEL_EFFECT_SEND') this.media?.play(d as VoiceEffect);
    else if (t === 'CHANNEL_DELETE' && this.isIn((d as { id: Id }).id)) this.#end('removed');
  }

  /** A new session of the gateway knows nothing of where one was. */
  renew(): void {
    const looked = [...this.#looked];
    this.#looked.clear();
    for (const guildId of looked) this.lookAt(guildId);
    if (this.place) this.rejoin();
    for (const channel of directsInOrder(this.#world).slice(0, ASKED_CALLS)) this.askForCall(channel.id);
  }

  /** Asks whether there is a call in a conversation. */
  askForCall(channelId: Id): void {
    this.#hooks.send(13, { channel_id: channelId });
  }

  /** The session is over. */
  forget(): void {
    this.#end();
  }

  /** Leaves as the page closes; answers with the undo. */
  listen(): () => void {
    const leave = (): void => this.leave();
    addEventListener('pagehide', leave);
    return () => removeEventListener('pagehide', leave);
  }

  #ask(): void {
    const { place } = this;
    if (!place) return;
    const isAsked = this.#hooks.send(4, {
      guild_id: place.guildId,
      channel_id: place.channelId,
      self_mute: this.isMuted,
      self_deaf: this.isDeaf,
      self_video: false,
    });
    clearTimeout(this.#timer);
    // while the gateway itself is away the next session asks again
    if (isAsked) this.#timer = setTimeout(() => this.#giveUp(), ADMIT_MS);
  }

  #giveUp(): void {
    const { place } = this;
    if (!place || this.admission) return;
    const limit = this.#world.channels.get(place.channelId)?.user_limit ?? 0;
    this.#end(limit > 0 && voicesIn(this.#world, place.channelId).size >= limit ? 'full' : 'refused');
  }

  #admit(server: VoiceServer): void {
    const { place } = this;
    const own = voiceOf(this.#world, this.#meId, server.guild_id);
    if (!place || !own?.channel_id || place.guildId !== server.guild_id) return;
    clearTimeout(this.#timer);
    if (server.endpoint === null) return this.#end('absent');
    // a moderator may have moved us
    if (own.channel_id !== place.channelId) {
      this.place = { guildId: server.guild_id, channelId: own.channel_id };
    }
    const { token, endpoint } = server;
    if (this.admission?.token === token && this.admission.sessionId === own.session_id) return;
    this.admission = {
      token,
      endpoint,
      sessionId: own.session_id,
      serverId: server.guild_id ?? own.channel_id,
    };
    if (this.phase === 'joining') this.phase = 'connecting';
    this.media?.connect(this.admission);
    if (!this.#ringsOthers) return;
    this.#ringsOthers = false;
    this.#api.ring(own.channel_id).catch(() => undefined); // the call stands, and its message tells of it
  }

  /** Something about ourselves: taken out, or taken over by another device. */
  #consider(state: VoiceState): void {
    const { place, admission } = this;
    if (!place || !admission || state.user_id !== this.#meId) return;
    if ((state.guild_id ?? null) !== place.guildId) return;
    if (state.session_id === admission.sessionId && state.channel_id !== null) return;
    clearTimeout(this.#timer);
    // a move is followed by its own address; else it is over here
    this.#timer = setTimeout(() => {
      if (this.admission?.sessionId !== admission.sessionId) return;
      this.#end(this.own ? 'elsewhere' : 'removed');
    }, FOLLOW_MS);
  }

  #end(fault?: VoiceFault): void {
    clearTimeout(this.#timer);
    this.#ringsOthers = false;
    this.place = null;
    this.admission = null;
    this.phase = 'off';
    this.speaking.clear();
    this.media?.close();
    if (fault) this.#hooks.onFault(fault);
  }
}
