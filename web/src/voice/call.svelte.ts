// One's own part in a voice channel or call: it joins the voice gateway, the media connection, the microphone and what is heard and
// seen, and shows them to the views.
import { SvelteMap } from 'svelte/reactivity';
import { Permission } from '../api/permissions';
import type { Channel, Id, VoiceEffect } from '../api/types';
import type { Client } from '../state/client.svelte';
import type { Admission, Media } from '../state/voice.svelte';
import { voicesIn } from '../state/voices';
import { Ears } from './ears';
import { faultOf, Microphone, type MicFault } from './microphone';
import {
  PictureDelay,
  readReport,
  sharesSince,
  wordFor,
  type Quality,
  type Tally,
  type Word,
} from './quality';
import { Rtc, type Answer, type Offer } from './rtc';
import { Signal, type Welcome } from './signal';
import { chime } from './tones';
import { Videos, type Producer } from './videos.svelte';

/** How often the connection is looked at, and every how many times the server hears of it. */
const MEASURE_MS = 2000;
const TELL_EVERY = 3;
const FIRST_MEASURE_MS = 400;
/** For how long a tile tells that its person played a sound. */
const PLAYED_MS = 3000;
/** How our camera is asked for: three layers come of it. */
const CAMERA: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30 },
};

export type CameraFault = MicFault;

/** The call as views see it; null while one is in none. */
export function callOf(client: Client): Call | null {
  return client.voice.media as Call | null;
}

/** Media of wherever one is. */
export class Call implements Media {
  readonly #client: Client;
  /** What is wrong with the microphone, if anything. */
  micFault: MicFault | null = $state.raw(null);
  /** There is no way for media: the port to be opened. */
  noRoutePort: number | null = $state.raw(null);
  quality: (Quality & { word: Word; isTcp: boolean }) | null = $state.raw(null);
  /** What the server believes our connection carries, in bits per second. */
  estimateBps: number | null = $state.raw(null);
  levelDb = $state.raw(-100);
  thresholdDb = $state.raw(-50);
  isPushed = $state.raw(false);
  camera: MediaStream | null = $state.raw(null);
  screen: MediaStream | null = $state.raw(null);
  /** Who played a sound just now, with the plain emoji beside its name. */
  readonly played = new SvelteMap<Id, { glyph: string | null }>();
  /** What others show, and how it comes to the screen. */
  readonly videos = new Videos({
    rtc: () => this.#rtc,
    want: (video) => {
      if (this.#signal?.isOpen) this.#signal.send(103, { video });
    },
  });
  #signal: Signal | null = null;
  #rtc: Rtc | null = null;
  #mic: Microphone | null = null;
  /** The microphone is open, or can't be. */
  readonly #opened: Promise<void>;
  #answered: () => void = () => undefined;
  /** There is a first answer. */
  readonly #answer = new Promise<void>((resolve) => {
    this.#answered = resolve;
  });
  readonly #ears: Ears;
  #admission: Admission | null = null;
  #channelId: Id | null = null;
  #welcome: Welcome | null = null;
  /** What each slot of sound carries, by mid. */
  readonly #sounds = new Map<string, { userId: Id | null; kind: string }>();
  #measureTimer: ReturnType<typeof setInterval> | undefined;
  #measured = 0;
  readonly #pictureDelay = new PictureDelay();
  #tally: Tally = { received: 0, lost: 0, samples: 0, concealedSamples: 0 };

  constructor(client: Client) {
    this.#client = client;
    const { choices } = client.voice;
    this.#ears = new Ears({
      volumeOf: (userId) => choices.volumeOf(userId),
      isHushed: (userId) => choices.isHushed(userId),
    });
    void this.#ears.setOutput(choices.now.output);
    this.#ears.setDeaf(client.voice.isDeaf);
    this.#channelId = client.voice.place?.channelId ?? null;
    // while the gateway is still being asked for the way in
    this.#rtc = this.#prepare();
    this.#signal = this.#dial();
    this.#opened = this.#openMicrophone();
  }

  get #voice() {
    return this.#client.voice;
  }

  get channel(): Channel | undefined {
    const { place } = this.#voice;
    return place ? this.#client.world.channels.get(place.channelId) : undefined;
  }

  /** Whether one is heard only while a key is held: by choice, or because the channel has it so. */
  get isPushToTalk(): boolean {
    return this.#voice.choices.now.trigger === 'push' || !this.#client.may(this.channel, Permission.useVad);
  }
  get maySpeak(): boolean {
    return this.#client.may(this.channel, Permission.speak);
  }
  get mayStream(): boolean {
    return this.#client.may(this.channel, Permission.stream);
  }
  static get canShare(): boolean {
    return 'getDisplayMedia' in (navigator.mediaDevices ?? {});
  }

  connect(admission: Admission): void {
    const before = this.#admission;
    this.#admission = admission;
    // what one shows in one room is not shown in the next unasked
    const channelId = this.#voice.place?.channelId ?? null;
    if (this.#channelId !== null && this.#channelId !== channelId) this.#hide();
    this.#channelId = channelId;
    if (before) {
      this.#signal?.close();
      this.#forgetOthers();
      if (before.serverId !== admission.serverId) this.#dropMedia();
    }
    if (!this.#signal || this.#signal.isOver) this.#signal = this.#dial();
    this.#signal.admit(admission);
  }

  #dial(): Signal {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    return new Signal({
      // the page's own origin leads to the same server as the endpoint named, also through a proxy
      url: `${scheme}://${location.host}/voice?v=8`,
      userId: this.#client.meId,
      onWelcome: (welcome) => this.#begin(welcome),
      onResumed: () => {
        this.#rtc?.resend();
        this.tell();
        this.videos.wantSoon();
      },
      onMessage: (op, d) => this.#receive(op, d),
      onEnd: (end) => {
        if (end === 'anew') this.#voice.rejoin();
      },
    });
  }

  tell(): void {
    const { isMuted, isDeaf } = this.#voice;
    this.#ears.setDeaf(isDeaf);
    this.#order();
    if (!this.#signal?.isOpen) return;
    this.#signal.send(106, {
      mute: isMuted,
      deaf: isDeaf,
      camera: this.camera !== null,
      screen: this.screen !== null,
      ptt: this.isPushToTalk,
    });
  }

  play({ channel_id, user_id, emoji, sound_id, sound_volume }: VoiceEffect): void {
    if (channel_id !== this.#voice.place?.channelId || !sound_id) return;
    const { choices } = this.#voice;
    if (choices.isHushed(user_id)) return;
    const loudness = (sound_volume ?? 1) * choices.now.soundVolume * Math.min(1, choices.volumeOf(user_id));
    void this.#ears.playOnce(this.#client.soundUrl(sound_id), loudness);
    const shown = { glyph: emoji?.id ? null : (emoji?.name ?? null) };
    this.played.set(user_id, shown);
    setTimeout(() => {
      if (this.played.get(user_id) === shown) this.played.delete(user_id);
    }, PLAYED_MS);
  }

  close(): void {
    this.#signal?.close();
    this.#signal = null;
    this.#admission = null;
    this.#forgetOthers();
    this.#dropMedia();
    clearInterval(this.#measureTimer);
    this.videos.close();
    this.#hide();
    this.#mic?.close();
    this.#mic = null;
    this.#ears.close();
    if (this.#voice.media === this) this.#voice.media = null;
    if (this.#voice.choices.now.hasSounds) chime('leave');
  }

  /** A key to talk is held, or let go. */
  push(isPushed: boolean): void {
    if (this.isPushed === isPushed) return;
    this.isPushed = isPushed;
    this.#order();
  }

  /** The choices of devices or treatment changed: takes them up without leaving. */
  async useMicrophone(): Promise<void> {
    if (!this.#mic) return this.#openMicrophone();
    try {
      await this.#mic.open(this.#voice.choices.now);
      this.micFault = null;
      await this.#rtc?.put('mic', this.#mic.track);
    } catch (error) {
      this.micFault = faultOf(error);
    }
    this.#order();
  }

  useOutput(): void {
    void this.#ears.setOutput(this.#voice.choices.now.output);
  }

  /** Volumes changed. */
  refreshVolumes(): void {
    this.#ears.refresh();
  }

  /** Turns our camera on or off, or to another device. Answers why not. */
  async showCamera(isOn: boolean): Promise<CameraFault | null> {
    if (!isOn) {
      stop(this.camera);
      this.camera = null;
      await this.#rtc?.put('camera', null);
      this.tell();
      return null;
    }
    try {
      const { camera } = this.#voice.choices.now;
      const video = { ...CAMERA, ...(camera ? { deviceId: { exact: camera } } : {}) };
      const stream = await navigator.mediaDevices.getUserMedia({ video });
      if (!this.#signal) return (stop(stream), null);
      stop(this.camera);
      this.camera = stream;
      const [track] = stream.getVideoTracks();
      if (track) track.onended = () => void this.showCamera(false);
      await this.#rtc?.put('camera', track ?? null);
      this.tell();
      return null;
    } catch (error) {
      return faultOf(error);
    }
  }

  /** Shares a screen with its sound, or stops to. Answers whether it was shared. */
  async shareScreen(isOn: boolean): Promise<boolean> {
    if (!isOn) {
      stop(this.screen);
      this.screen = null;
      await Promise.all([this.#rtc?.put('screen', null), this.#rtc?.put('screen_audio', null)]);
      this.tell();
      return false;
    }
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({
        video: { frameRate: { ideal: 30 } },
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 2 },
      });
    } catch {
      return false; // the person chose nothing
    }
    if (!this.#signal) return (stop(stream), false);
    stop(this.screen);
    this.screen = stream;
    const [video] = stream.getVideoTracks();
    if (video) video.onended = () => void this.shareScreen(false);
    await this.#rtc?.put('screen', video ?? null);
    await this.#rtc?.put('screen_audio', stream.getAudioTracks()[0] ?? null);
    await this.tuneScreen();
    this.tell();
    return true;
  }

  /** Takes up what a shared screen is to keep. */
  async tuneScreen(): Promise<void> {
    const { screen } = this.#voice.choices.now;
    const [video] = this.screen?.getVideoTracks() ?? [];
    if (video) video.contentHint = screen;
    await this.#rtc?.setScreenRate(screen);
  }

  stats(): Promise<RTCStatsReport> | undefined {
    return this.#rtc?.stats();
  }

  /** The microphone's level and what opens it, while somebody looks at the meter. */
  get isTalking(): boolean {
    return this.#voice.speaking.has(this.#client.meId);
  }

  async #openMicrophone(): Promise<void> {
    // its sound starts no sooner: browsers stand still for as long as that takes, and meanwhile the connection makes itself
    const mic = new Microphone(this.#answer);
    this.#mic = mic;
    mic.onReport = ({ levelDb, thresholdDb, isOpen }) => {
      this.levelDb = levelDb;
      this.thresholdDb = thresholdDb;
      this.#speak(this.#client.meId, isOpen && levelDb > -90 && !this.#isSilenced);
    };
    mic.onEnded = () => void this.useMicrophone();
    this.#order(); // before anything of it is sent
    try {
      await mic.open(this.#voice.choices.now);
      this.micFault = null;
      await this.#rtc?.put('mic', mic.track);
    } catch (error) {
      this.micFault = faultOf(error);
      void this.#rtc?.put('mic', null);
    }
    this.#order();
  }

  /** Nothing of ours is to be heard: by our own choice, or a moderator's. */
  get #isSilenced(): boolean {
    const { own } = this.#voice;
    return this.#voice.isMuted || !!own?.mute || !!own?.suppress;
  }

  #order(): void {
    const { thresholdDb } = this.#voice.choices.now;
    if (this.#voice.isMuted) this.#mic?.order('shut');
    else if (this.isPushToTalk) this.#mic?.order(this.isPushed ? 'open' : 'shut');
    else this.#mic?.order(thresholdDb ?? 'auto');
    if (this.#isSilenced) this.#speak(this.#client.meId, false);
  }

  #speak(userId: Id, isTalking: boolean): void {
    const { speaking } = this.#voice;
    if (isTalking === speaking.has(userId)) return;
    if (isTalking) speaking.add(userId);
    else speaking.delete(userId);
  }

  #begin(welcome: Welcome): void {
    const isFirst = this.#welcome === null;
    this.#welcome = welcome;
    clearInterval(this.#measureTimer);
    this.#measureTimer = setInterval(() => void this.#measure(), MEASURE_MS);
    if (this.#rtc && !isFirst) return this.#rtc.rebuild(); // the same place on a session of its own: what is sent goes on there
    this.#rtc ??= this.#prepare();
    this.#rtc.setAudioRate(this.channel?.bitrate);
    this.#rtc.start();
  }

  /** A connection that has its first offer made. */
  #prepare(): Rtc {
    const rtc = new Rtc({
      send: (offer) => this.#offer(offer),
      onLive: () => this.#flow(),
      onLost: () => {
        if (this.#voice.phase === 'live') this.#voice.phase = 'back';
      },
      onNoRoute: () => (this.noRoutePort = this.#welcome?.port ?? 0),
      onSlots: () => this.#slotsChanged(),
    });
    void rtc.put('mic', this.micFault ? null : (this.#mic?.track ?? null));
    for (const [kind, stream] of [
      ['camera', this.camera],
      ['screen', this.screen],
    ] as const)
      if (stream) void rtc.put(kind, stream.getVideoTracks()[0] ?? null);
    rtc.prepare();
    return rtc;
  }

  #offer({ rev, sdp, tracks, isFirst }: Offer): void {
    if (!this.#signal?.isOpen) return; // the session asks for it when it is there
    if (isFirst)
      this.#signal.send(1, { protocol: 'webrtc', rtc_connection_id: String(rev), data: sdp, tracks, rev });
    else this.#signal.send(100, { rev, sdp, tracks });
  }

  #flow(): void {
    const wasThere = this.#voice.phase === 'live' || this.#voice.phase === 'back';
    this.noRoutePort = null;
    this.#voice.phase = 'live';
    setTimeout(() => void this.#measure(), FIRST_MEASURE_MS);
    // heard once one can be heard
    if (!wasThere)
      void this.#opened.then(() => this.#signal && this.#voice.choices.now.hasSounds && chime('join'));
  }

  #receive(op: number, d: unknown): void {
    switch (op) {
      case 4:
        void this.#rtc?.answer(d as Answer);
        this.#answered();
        return this.tell();
      case 5: {
        const { user_id, speaking } = d as { user_id: Id; speaking: number };
        if (user_id !== this.#client.meId) this.#speak(user_id, speaking > 0);
        return;
      }
      case 13: {
        const { user_id } = d as { user_id: Id };
        this.#speak(user_id, false);
        return this.videos.leave(user_id);
      }
      case 101:
        return void this.#rtc?.answer(d as Answer);
      case 102:
        return this.#fill(d as { full: boolean; slots: { mid: string; user_id: Id | null; kind: string }[] });
      case 104: {
        const { mid, rids, any } = d as { mid: string; rids: Record<string, boolean>; any: boolean };
        return void this.#rtc?.setLayers(mid, rids, any);
      }
      case 105:
        if ((d as { mode: string }).mode === 'ice') this.#rtc?.restartIce();
        else this.#rtc?.rebuild();
        return;
      case 107:
        return this.#rtc?.addAudioSlots((d as { audio: number }).audio);
      case 108:
        this.estimateBps = (d as { estimate: number | null }).estimate;
        return;
      case 109: {
        const { mid, state } = d as { mid: string; state: string };
        return this.videos.pause(mid, state === 'paused');
      }
      case 110:
        return this.videos.produce(d as { full: boolean; users: Record<Id, Producer> });
    }
  }

  #fill({
    full,
    slots,
  }: {
    full: boolean;
    slots: { mid: string; user_id: Id | null; kind: string }[];
  }): void {
    if (full) this.#sounds.clear();
    for (const { mid, user_id: userId, kind } of slots) {
      if (kind === 'camera' || kind === 'screen') continue; // videos are in the slots we asked for
      this.#sounds.set(mid, { userId, kind });
    }
    this.#play();
  }

  #play(): void {
    for (const [mid, carried] of this.#sounds) {
      const track = this.#rtc?.trackOf(mid);
      if (track) this.#ears.put(mid, track, carried);
    }
  }

  #slotsChanged(): void {
    this.#play();
    this.videos.wantSoon();
  }

  async #measure(): Promise<void> {
    const report = await this.#rtc?.stats();
    if (!report || !this.#signal) return;
    const { tally, rttMs, jitterMs, isTcp } = readReport(report);
    const quality = { rttMs, jitterMs, ...sharesSince(this.#tally, tally) };
    this.#tally = tally;
    this.quality = { ...quality, word: wordFor(quality), isTcp };
    this.#rtc?.delayPictures(this.#pictureDelay.after(quality.loss, performance.now()));
    if (this.#measured++ % TELL_EVERY !== 0) return;
    const { loss, concealed } = quality;
    if (this.#signal.isOpen)
      this.#signal.send(108, { rtt: rttMs, loss_in: loss, jitter: jitterMs, concealed });
  }

  /** Nothing is known of who is there: the next session tells it. */
  #forgetOthers(): void {
    this.videos.forget();
    for (const mid of this.#sounds.keys()) this.#ears.drop(mid);
    this.#sounds.clear();
    const present = voicesIn(this.#client.world, this.#voice.place?.channelId ?? '');
    for (const userId of [...this.#voice.speaking]) if (!present.has(userId)) this.#speak(userId, false);
  }

  #hide(): void {
    stop(this.camera);
    stop(this.screen);
    this.camera = null;
    this.screen = null;
    for (const kind of ['camera', 'screen', 'screen_audio'] as const) void this.#rtc?.put(kind, null);
  }

  #dropMedia(): void {
    this.#rtc?.close();
    this.#rtc = null;
    this.quality = null;
    this.noRoutePort = null;
  }
}

function stop(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) {
    track.onended = null;
    track.stop();
  }
}
