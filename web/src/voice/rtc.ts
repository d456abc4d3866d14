// The WebRTC connection: what we send, the slots we receive in, and one offer at a time (VOICE.md 3, 5). Only we offer.
import { logFault } from '../log';
import { inStereo } from './sdp';

/** Slots of sound offered at first, and at most. */
const FIRST_AUDIO_SLOTS = 4;
const MAX_AUDIO_SLOTS = 12;
export const MAX_VIDEO_SLOTS = 12;
/** A route that is gone for so long is looked for anew. */
const LOST_MS = 3000;
/** As long as media may take at first; then there is no way for it (VOICE.md 12). */
const ROUTE_MS = 15_000;

export type Track = 'mic' | 'camera' | 'screen' | 'screen_audio';

/** The layers of a camera, the smallest first. */
const CAMERA_LAYERS: RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f', maxBitrate: 1_500_000 },
];

/** The layers of a screen: a small one for those whose line carries no more (VOICE.md 4), and all of it. */
const SCREEN_LAYERS: RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 3, maxBitrate: 300_000, maxFramerate: 10 },
  { rid: 'f' },
];

/** What a screen keeps when there is not room for all: its letters, or its movement. */
export const SCREEN_RATES = {
  detail: { maxBitrate: 2_500_000, maxFramerate: 15 },
  motion: { maxBitrate: 4_000_000, maxFramerate: 30 },
} as const;

/** The sound of a shared screen, in stereo. */
const SCREEN_SOUND_BPS = 128_000;

export interface Offer {
  rev: number;
  sdp: string;
  /** What our own streams carry, by mid. */
  tracks: Record<string, Track>;
  /** A connection of its own, not a change of the one there is. */
  isFirst: boolean;
}

export interface Answer {
  rev: number;
  sdp?: string;
  error?: { code: number; message: string };
}

interface Options {
  /** What can't be sent yet is sent when `start` or `resend` asks for it. */
  send: (offer: Offer) => void;
  /** Media flows, or flows again. */
  onLive: () => void;
  /** Media is lost, and is being looked for. */
  onLost: () => void;
  /** There is no way for media at all. */
  onNoRoute: () => void;
  /** New slots stand in the description. */
  onSlots: () => void;
}

/** One connection, and those that take its place when it fails. */
export class Rtc {
  readonly #options: Options;
  #pc: RTCPeerConnection;
  #own: Partial<Record<Track, RTCRtpTransceiver>> = {};
  readonly #sent: Partial<Record<Track, MediaStreamTrack | null>> = {};
  #audio: RTCRtpTransceiver[] = [];
  #video: RTCRtpTransceiver[] = [];
  #rev = 0;
  /** The offer that is out, by its number. */
  #pending: number | null = null;
  #isDue = false;
  #lastOffer: Offer | null = null;
  #wantsRestart = false;
  #isFirst = true;
  #wasLive = false;
  #isClosed = false;
  #restarts = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Until nothing flowed for so long that it is told; a connection made anew does not begin the wait anew. */
  #routeTimer: ReturnType<typeof setTimeout> | undefined;
  #tuned: Promise<void> = Promise.resolve();
  #audioBps: number | undefined;
  #screenRate: (typeof SCREEN_RATES)[keyof typeof SCREEN_RATES] = SCREEN_RATES.detail;

  constructor(options: Options) {
    this.#options = options;
    this.#pc = this.#build();
  }

  /** Makes the first offer, also before there is somebody to offer it to. */
  prepare(): void {
    void this.#negotiate();
  }

  /** There is somebody to offer it to. */
  start(): void {
    this.#awaitRoute();
    this.resend();
  }

  /** A connection in place of this one: what is sent is sent there. */
  rebuild(): void {
    this.#retire();
    const [audio, video] = [this.#audio.length, this.#video.length];
    this.#pc = this.#build();
    this.#awaitRoute();
    this.addAudioSlots(audio, false);
    this.addVideoSlots(video, false);
    void this.#negotiate();
  }

  /** Says what could not be said, or may have been lost with a socket. */
  resend(): void {
    if (this.#pending !== null && this.#lastOffer?.rev === this.#pending) this.#options.send(this.#lastOffer);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#routeTimer);
    this.#retire();
  }

  /** Looks for another route under the same connection. */
  restartIce(): void {
    this.#wantsRestart = true;
    void this.#negotiate();
  }

  /** Sends a track, or nothing in its place. Answers once the sender took it. */
  async put(kind: Track, track: MediaStreamTrack | null): Promise<void> {
    this.#sent[kind] = track;
    if (!this.#own[kind]) {
      if (!track) return;
      this.#add(kind);
      void this.#negotiate();
    }
    const sender = this.#own[kind]?.sender;
    await sender?.replaceTrack(track);
    if (sender && track && kind === 'screen')
      await this.#tune(sender, ({ rid }) => (rid === 'q' ? {} : this.#screenRate));
    if (sender && track && kind === 'screen_audio')
      await this.#tune(sender, () => ({ maxBitrate: SCREEN_SOUND_BPS }));
  }

  /** What a shared screen keeps. */
  async setScreenRate(kind: keyof typeof SCREEN_RATES): Promise<void> {
    this.#screenRate = SCREEN_RATES[kind];
    const sender = this.#own.screen?.sender;
    if (sender?.track) await this.#tune(sender, ({ rid }) => (rid === 'q' ? {} : this.#screenRate));
  }

  /** Bits per second of our own voice. */
  setAudioRate(bps: number | undefined): void {
    this.#audioBps = bps;
    const sender = this.#own.mic?.sender;
    if (sender && bps) void this.#tune(sender, () => ({ maxBitrate: bps }));
  }

  /** Turns layers of what we send on and off, as somebody wants to see them. */
  async setLayers(mid: string, rids: Readonly<Record<string, boolean>>, isAny: boolean): Promise<void> {
    const sender = Object.values(this.#own).find((own) => own.mid === mid)?.sender;
    if (!sender) return;
    await this.#tune(sender, (encoding) => ({ active: rids[encoding.rid ?? ''] ?? isAny }));
  }

  /** Offers so many slots of sound in all. */
  addAudioSlots(total: number, isAnnounced = true): void {
    const lacking = Math.min(total, MAX_AUDIO_SLOTS) - this.#audio.length;
    for (let n = 0; n < lacking; n++)
      this.#audio.push(this.#pc.addTransceiver('audio', { direction: 'recvonly' }));
    if (lacking > 0 && isAnnounced) void this.#negotiate();
  }

  /** Offers so many slots of video in all. */
  addVideoSlots(total: number, isAnnounced = true): void {
    const lacking = Math.min(total, MAX_VIDEO_SLOTS) - this.#video.length;
    for (let n = 0; n < lacking; n++)
      this.#video.push(this.#pc.addTransceiver('video', { direction: 'recvonly' }));
    if (lacking > 0 && isAnnounced) void this.#negotiate();
  }

  /** Slots of video that the server knows, by mid. */
  get videoMids(): string[] {
    return this.#video.flatMap((slot) => (slot.mid !== null && slot.currentDirection ? [slot.mid] : []));
  }

  /** What arrives in a slot. */
  trackOf(mid: string): MediaStreamTrack | undefined {
    return [...this.#audio, ...this.#video].find((slot) => slot.mid === mid)?.receiver.track;
  }

  /** How many milliseconds pictures wait before they are shown, in browsers that take it; null leaves it to them. */
  delayPictures(ms: number | null): void {
    for (const { receiver } of this.#video)
      if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = ms;
  }

  stats(): Promise<RTCStatsReport> {
    return this.#pc.getStats();
  }

  /** The server's answer to an offer. */
  async answer({ rev, sdp, error }: Answer): Promise<void> {
    if (rev !== this.#pending) return; // an older connection's
    const pc = this.#pc;
    try {
      if (sdp === undefined) {
        if ((error?.code ?? 2) >= 2) return this.rebuild();
        await pc.setLocalDescription({ type: 'rollback' });
      } else {
        const stereo = this.#own.screen_audio?.mid;
        await pc.setRemoteDescription({ type: 'answer', sdp: inStereo(sdp, stereo ? [stereo] : []) });
      }
    } catch (fault) {
      if (this.#isClosed) return;
      logFault('an answer of the voice server', fault);
      if (pc === this.#pc) this.rebuild();
      return;
    }
    if (pc !== this.#pc) return;
    this.#pending = null;
    if (sdp !== undefined) {
      this.#isFirst = false;
      if (this.#audioBps) this.setAudioRate(this.#audioBps);
      this.#options.onSlots();
    }
    if (this.#isDue) void this.#negotiate();
  }

  #build(): RTCPeerConnection {
    const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: [] });
    this.#pending = null;
    this.#isDue = false;
    this.#isFirst = true;
    this.#audio = [];
    this.#video = [];
    this.#own = {};
    pc.onconnectionstatechange = () => this.#follow(pc);
    this.#pc = pc;
    this.#add('mic');
    this.#add('camera');
    for (const kind of ['screen', 'screen_audio'] as const) if (this.#sent[kind]) this.#add(kind);
    this.addAudioSlots(FIRST_AUDIO_SLOTS, false);
    for (const [kind, own] of Object.entries(this.#own))
      void own.sender.replaceTrack(this.#sent[kind as Track] ?? null);
    return pc;
  }

  #add(kind: Track): void {
    const isVideo = kind === 'camera' || kind === 'screen';
    const layers = kind === 'camera' ? CAMERA_LAYERS : kind === 'screen' ? SCREEN_LAYERS : undefined;
    this.#own[kind] = this.#pc.addTransceiver(isVideo ? 'video' : 'audio', {
      direction: 'sendonly',
      ...(layers ? { sendEncodings: layers.map((layer) => ({ ...layer })) } : {}),
    });
  }

  /** Changes how a track is sent. One change after the other: one that begins meanwhile would undo the one before. */
  #tune(
    sender: RTCRtpSender,
    change: (encoding: RTCRtpEncodingParameters) => Partial<RTCRtpEncodingParameters>,
  ): Promise<void> {
    this.#tuned = this.#tuned.then(async () => {
      const parameters = sender.getParameters();
      if (parameters.encodings.length === 0) return; // before the first answer: it is set again then
      for (const encoding of parameters.encodings) Object.assign(encoding, change(encoding));
      await sender
        .setParameters(parameters)
        .catch((error: unknown) => logFault('how a track is sent', error));
    });
    return this.#tuned;
  }

  async #negotiate(): Promise<void> {
    if (this.#pending !== null) {
      this.#isDue = true;
      return;
    }
    const pc = this.#pc;
    const rev = ++this.#rev;
    this.#pending = rev;
    this.#isDue = false;
    const iceRestart = this.#wantsRestart;
    this.#wantsRestart = false;
    try {
      const made = await pc.createOffer({ iceRestart });
      const sdp = inStereo(made.sdp ?? '', 'all');
      await pc.setLocalDescription({ type: 'offer', sdp });
      if (pc !== this.#pc || this.#isClosed) return;
      const tracks: Record<string, Track> = {};
      for (const [kind, own] of Object.entries(this.#own)) if (own.mid) tracks[own.mid] = kind as Track;
      this.#lastOffer = { rev, sdp, tracks, isFirst: this.#isFirst };
      this.#options.send(this.#lastOffer);
    } catch (error) {
      if (this.#isClosed) return;
      logFault('a voice offer', error);
      if (pc === this.#pc) this.#pending = null;
    }
  }

  #follow(pc: RTCPeerConnection): void {
    if (pc !== this.#pc) return;
    clearTimeout(this.#timer);
    switch (pc.connectionState) {
      case 'connected':
        this.#wasLive = true;
        clearTimeout(this.#routeTimer);
        this.#routeTimer = undefined;
        this.#restarts = 0;
        return this.#options.onLive();
      case 'disconnected':
        this.#timer = setTimeout(() => this.#recover(), LOST_MS);
        return;
      case 'failed':
        return this.#recover();
      default:
        this.#awaitRoute();
    }
  }

  #awaitRoute(): void {
    this.#routeTimer ??= setTimeout(() => this.#options.onNoRoute(), ROUTE_MS);
  }

  /** First another route, then another connection, then the truth. */
  #recover(): void {
    this.#options.onLost();
    this.#awaitRoute();
    if (!this.#wasLive) return;
    this.#restarts++;
    if (this.#restarts === 1) this.restartIce();
    else if (this.#restarts < 4) this.rebuild();
  }

  #retire(): void {
    clearTimeout(this.#timer);
    this.#pc.onconnectionstatechange = null;
    this.#pc.close();
  }
}
