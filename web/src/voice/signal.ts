// The voice gateway: identify, heartbeat, and coming back to the same session over as many sockets as it takes (VOICE.md 5, 6).
import { openSocket, type Socket } from '../gateway/socket';
import type { Admission } from '../state/voice.svelte';

/** Waits between tries to resume; the last one stays. */
const RETRY_MS = [250, 500, 1000, 2000, 5000] as const;
/** The server keeps a session this long without a socket. */
const RESUMABLE_MS = 60_000;
const MAX_JITTER_MS = 2000;
const HELLO_TIMEOUT_MS = 10_000;

/** Op 2. */
export interface Welcome {
  ssrc: number;
  /** Where media goes. */
  ip: string;
  port: number;
}

/** `anew`: ask the gateway for a way in once more. `over`: somebody ended it; what follows comes by the gateway. */
export type End = 'anew' | 'over';

interface Options {
  url: string;
  userId: string;
  /** Identified: media begins. */
  onWelcome: (welcome: Welcome) => void;
  /** The same session on a new socket. */
  onResumed: () => void;
  onMessage: (op: number, d: unknown) => void;
  onEnd: (end: End) => void;
  openSocket?: (url: string) => Socket;
  random?: () => number;
}

interface Frame {
  op: number;
  d: unknown;
  seq?: number;
}

/** What a close means: `resume` on a new socket, or one of `End`. */
export function afterClose(code: number): End | 'resume' {
  if (code === 4014 || code === 4022) return 'over';
  if (code === 4004 || code === 4006 || code === 4009 || code === 4015 || code === 1012) return 'anew';
  return 'resume';
}

/** One voice session. Its socket opens at once, for the way to the server and the admission to take their time together. */
export class Signal {
  readonly #options: Options;
  #admission: Admission | null = null;
  /** How often the server wants to hear of us, once it greeted. */
  #beatMs: number | null = null;
  #socket: Socket | null = null;
  #isWelcomed = false;
  #seq = -1;
  #beatTimer: ReturnType<typeof setInterval> | undefined;
  #helloTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #tries = 0;
  #lostMs: number | null = null;
  #isAcked = true;
  /** It ended, or was ended, for good. */
  isOver = false;

  constructor(options: Options) {
    this.#options = options;
    this.#open();
  }

  /** Whether what is said arrives. */
  get isOpen(): boolean {
    return this.#isWelcomed && this.#lostMs === null;
  }

  /** Says who one is there. */
  admit(admission: Admission): void {
    this.#admission = admission;
    if (this.#socket || this.isOver) return this.#identify();
    clearTimeout(this.#retryTimer); // no use in waiting any longer
    this.#open();
  }

  send(op: number, d: unknown): void {
    this.#socket?.send(JSON.stringify({ op, d }));
  }

  /** Ends it for good. */
  close(): void {
    this.isOver = true;
    clearTimeout(this.#retryTimer);
    this.#drop(1000);
  }

  #open(): void {
    const socket = (this.#options.openSocket ?? openSocket)(this.#options.url);
    this.#socket = socket;
    socket.onmessage = (event: MessageEvent<string>) => this.#receive(JSON.parse(event.data) as Frame);
    socket.onclose = (event) => this.#lose(event.code);
    this.#helloTimer = setTimeout(() => this.#lose(1006), HELLO_TIMEOUT_MS);
  }

  #receive(frame: Frame): void {
    if (frame.seq !== undefined) this.#seq = Math.max(this.#seq, frame.seq);
    switch (frame.op) {
      case 8:
        return this.#greet((frame.d as { heartbeat_interval: number }).heartbeat_interval);
      case 2:
        this.#isWelcomed = true;
        this.#found();
        return this.#options.onWelcome(frame.d as Welcome);
      case 9:
        this.#found();
        return this.#options.onResumed();
      case 6:
        this.#isAcked = true;
        return;
      default:
        return this.#options.onMessage(frame.op, frame.d);
    }
  }

  #found(): void {
    this.#tries = 0;
    this.#lostMs = null;
  }

  #greet(intervalMs: number): void {
    clearTimeout(this.#helloTimer);
    this.#beatMs = intervalMs;
    this.#identify();
  }

  /** Once there is both a socket that listens and an admission. */
  #identify(): void {
    if (this.#beatMs === null || !this.#admission) return;
    this.#isAcked = true;
    clearInterval(this.#beatTimer);
    this.#beatTimer = setInterval(() => this.#beat(), this.#beatMs);
    const { token, sessionId, serverId } = this.#admission;
    const who = { server_id: serverId, session_id: sessionId, token };
    if (this.#isWelcomed) this.send(7, { ...who, seq_ack: this.#seq });
    else this.send(0, { ...who, user_id: this.#options.userId, video: true, max_dave_protocol_version: 0 });
  }

  #beat(): void {
    if (!this.#isAcked) return this.#lose(1006); // sent, never answered
    this.#isAcked = false;
    this.send(3, { t: Date.now(), seq_ack: this.#seq });
  }

  #lose(code: number): void {
    this.#drop(4000);
    if (this.isOver) return;
    const random = this.#options.random ?? Math.random;
    if (!this.#admission) return this.#openLater(); // nothing is lost: it goes on waiting
    this.#lostMs ??= Date.now();
    const after = afterClose(code);
    if (after === 'over') return this.#finish('over');
    if (after === 'anew' || Date.now() - this.#lostMs > RESUMABLE_MS) {
      // everybody of a server that restarts comes at once otherwise
      const waitMs = code === 1012 || code === 4015 ? random() * MAX_JITTER_MS : 0;
      this.#retryTimer = setTimeout(() => this.#finish('anew'), waitMs);
      return;
    }
    this.#openLater();
  }

  #openLater(): void {
    const waitMs = RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)] ?? 0;
    const random = this.#options.random ?? Math.random;
    this.#retryTimer = setTimeout(() => this.#open(), waitMs * (1 + random() / 4));
  }

  #finish(end: End): void {
    this.isOver = true;
    this.#options.onEnd(end);
  }

  #drop(code: number): void {
    clearInterval(this.#beatTimer);
    clearTimeout(this.#helloTimer);
    const socket = this.#socket;
    this.#socket = null;
    this.#beatMs = null;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close(code);
  }
}
