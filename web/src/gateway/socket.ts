// The gateway connection: hello, identify or resume, heartbeat, and coming back after every kind of loss.
import { canInflate, Inflater } from './inflate';

export type Phase = 'idle' | 'connecting' | 'identifying' | 'resuming' | 'ready' | 'waiting';

const BACKOFF_MIN_MS = 1000;
const BACKOFF_MAX_MS = 30_000;
/** A connection that may be dead has this long to answer. */
const PROBE_TIMEOUT_MS = 4000;
/** What this client can bear: guilds of many members that tell little until they are looked at (API.md 3.6). */
const CAPABILITIES = 1 << 14;
/** A socket that stays silent this long after opening is given up. */
const HELLO_TIMEOUT_MS = 15_000;

/** What became of a close code (API.md 3.1). */
export type Aftermath = 'resume' | 'identify' | 'sign-out' | 'stop';

/** How to come back after a close with `code`. */
export function aftermath(code: number): Aftermath {
  if (code === 4004) return 'sign-out';
  if (code === 4007 || code === 4009 || code === 4003) return 'identify';
  if (code === 4010 || code === 4011 || code === 4012 || code === 4013 || code === 4014) return 'stop';
  return 'resume';
}

/** The part of a WebSocket this needs; tests bring their own. */
export interface Socket {
  binaryType: BinaryType;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** Opens a socket of the browser's: the only place that does. */
export const openSocket = (url: string): Socket => new WebSocket(url);

export interface GatewayOptions {
  /** The address without path, query or slash, as `GET /gateway` gives it. */
  url: () => Promise<string>;
  /** A fresh one-minute ticket; rejects when signed out (`onSignedOut` was told) or unreachable. */
  ticket: () => Promise<string>;
  onDispatch: (t: string, d: unknown) => void;
  onPhase: (phase: Phase) => void;
  onSignedOut: () => void;
  /** The session could not be resumed: what was missed has to be read again. */
  onLostSession?: () => void;
  openSocket?: (url: string) => Socket;
  random?: () => number;
  setTimer?: (run: () => void, ms: number) => number;
  clearTimer?: (timer: number) => void;
  inflate?: boolean;
  /** The system's name, for the person's list of sessions. */
  os?: string;
}

interface Frame {
  op: number;
  d: unknown;
  s: number | null;
  t: string | null;
}

/** One gateway session over as many sockets as it takes. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #setTimer: (run: () => void, ms: number) => number;
  readonly #clearTimer: (timer: number) => void;
  readonly #random: () => number;
  #socket: Socket | null = null;
  #inflater: Inflater | null = null;
  #mayInflate: boolean;
  #phase: Phase = 'idle';
  #sessionId: string | null = null;
  #resumeUrl: string | null = null;
  #seq = 0;
  #failures = 0;
  #isAcked = true;
  #beatMs = 0;
  #beatTimer = 0;
  #helloTimer = 0;
  #retryTimer = 0;
  /** Rises with each socket, so that a late answer of an older one is dropped. */
  #generation = 0;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#setTimer = options.setTimer ?? ((run, ms) => window.setTimeout(run, ms));
    this.#clearTimer = options.clearTimer ?? ((timer) => window.clearTimeout(timer));
    this.#random = options.random ?? Math.random;
    this.#mayInflate = (options.inflate ?? true) && canInflate;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Connects, and stays connected until `stop`. */
  start(): void {
    if (this.#phase === 'idle') void this.#connect();
  }

  /** Ends the session for good. */
  stop(): void {
    this.#drop(1000);
    this.#clearTimer(this.#retryTimer);
    this.#sessionId = null;
    this.#seq = 0;
    this.#setPhase('idle');
  }

  /** Tries at once instead of waiting out the back-off: the network came back, or the tab was looked at. */
  wake(): void {
    if (this.#phase !== 'waiting') return;
    this.#clearTimer(this.#retryTimer);
    void this.#connect();
  }

  /** Checks a connection that may have died while the machine slept: a beat now, and a short time to answer. */
  probe(): void {
    if (this.#phase !== 'ready') return this.wake();
    this.#beat();
    this.#clearTimer(this.#beatTimer);
    this.#beatTimer = this.#setTimer(() => this.#beatOrLose(), PROBE_TIMEOUT_MS);
  }

  /** Sends one payload if the session is ready; answers whether (what must not be lost goes over HTTP). */
  send(op: number, d: unknown): boolean {
    if (this.#phase !== 'ready' || !this.#socket) return false;
    this.#socket.send(JSON.stringify({ op, d }));
    return true;
  }

  async #connect(): Promise<void> {
    const generation = ++this.#generation;
    this.#setPhase('connecting');
    let base: string;
    let ticket: string;
    try {
      [base, ticket] = await Promise.all([this.#resumeUrl ?? this.#options.url(), this.#options.ticket()]);
    } catch {
      if (generation === this.#generation) this.#retryLater();
      return;
    }
    if (generation !== this.#generation) return;
    const compress = this.#mayInflate ? '&compress=zlib-stream' : '';
    const open = this.#options.openSocket ?? openSocket;
    const socket = open(`${base}/?v=10&encoding=json${compress}`);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    const receive = (text: string): void => {
      if (generation === this.#generation) this.#receive(text, ticket);
    };
    this.#inflater = this.#mayInflate
      ? new Inflater(receive, () => {
          if (generation !== this.#generation) return;
          this.#mayInflate = false; // a proxy or browser that breaks the stream: plain text from here on
          this.#lose('resume');
        })
      : null;
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      if (typeof event.data === 'string') receive(event.data);
      else this.#inflater?.push(event.data);
    };
    socket.onclose = (event) => {
      if (generation === this.#generation) this.#lose(aftermath(event.code));
    };
    this.#helloTimer = this.#setTimer(() => this.#lose('resume'), HELLO_TIMEOUT_MS);
  }

  /**
   * Parsed here, whatever its size: of a READY of 0.74 MB the parse takes 3.4 ms, and taking the same objects over from a
   * worker that parsed it 6.8 ms (structured clone, Node 20, medians of 9).
   */
  #receive(text: string, ticket: string): void {
    const frame = JSON.parse(text) as Frame;
    switch (frame.op) {
      case 0:
        return this.#dispatch(frame);
      case 1:
        return this.#beat();
      case 7:
        return this.#lose('resume', 0);
      case 9:
        return this.#lose(frame.d === true ? 'resume' : 'identify');
      case 10:
        return this.#greet((frame.d as { heartbeat_interval: number }).heartbeat_interval, ticket);
      case 11:
        this.#isAcked = true;
    }
  }

  #greet(intervalMs: number, ticket: string): void {
    this.#clearTimer(this.#helloTimer);
    this.#beatMs = intervalMs;
    this.#isAcked = true;
    this.#beatTimer = this.#setTimer(() => this.#beatOrLose(), intervalMs * this.#random());
    if (this.#sessionId !== null) {
      this.#setPhase('resuming');
      this.#raw(6, { token: ticket, session_id: this.#sessionId, seq: this.#seq });
    } else {
      this.#setPhase('identifying');
      this.#raw(2, {
        token: ticket,
        capabilities: CAPABILITIES,
        properties: { os: this.#options.os ?? '', browser: 'Hearth', device: '' },
        compress: false,
      });
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.s !== null && frame.t !== 'READY') {
      if (frame.s <= this.#seq) return; // replayed although we had it
    }
    if (frame.s !== null) this.#seq = frame.s;
    if (frame.t === 'READY') {
      const ready = frame.d as { session_id: string; resume_gateway_url: string };
      this.#sessionId = ready.session_id;
      this.#resumeUrl = ready.resume_gateway_url || null;
    }
    if (frame.t !== null) this.#options.onDispatch(frame.t, frame.d);
    if (frame.t === 'READY' || frame.t === 'RESUMED') {
      this.#failures = 0;
      this.#setPhase('ready');
    }
  }

  #beatOrLose(): void {
    if (!this.#isAcked) return this.#lose('resume'); // a zombie: sent, never answered
    this.#beat();
  }

  #beat(): void {
    this.#isAcked = false;
    this.#raw(1, this.#seq || null);
    this.#clearTimer(this.#beatTimer);
    this.#beatTimer = this.#setTimer(() => this.#beatOrLose(), this.#beatMs);
  }

  #raw(op: number, d: unknown): void {
    this.#socket?.send(JSON.stringify({ op, d }));
  }

  #lose(after: Aftermath, delayMs?: number): void {
    this.#drop(4000);
    // a session that was accepted and is not any more may have been renewed (a changed password): the next ticket tells
    const how = after === 'sign-out' && this.#sessionId !== null ? 'identify' : after;
    if (how === 'sign-out' || how === 'stop') {
      this.#sessionId = null;
      this.#setPhase('idle');
      if (how === 'sign-out') this.#options.onSignedOut();
      return;
    }
    if (how === 'identify' && this.#sessionId !== null) {
      this.#sessionId = null;
      this.#resumeUrl = null;
      this.#seq = 0;
      this.#options.onLostSession?.();
    }
    this.#retryLater(delayMs);
  }

  #retryLater(delayMs?: number): void {
    this.#failures++;
    if (this.#failures > 2) this.#resumeUrl = null; // the address itself may be what fails
    const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** (this.#failures - 1));
    this.#setPhase('waiting');
    this.#retryTimer = this.#setTimer(
      () => void this.#connect(),
      delayMs ?? ceiling * (0.5 + this.#random() / 2),
    );
  }

  #drop(code: number): void {
    this.#generation++;
    this.#clearTimer(this.#beatTimer);
    this.#clearTimer(this.#helloTimer);
    this.#inflater?.close();
    this.#inflater = null;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close(code);
  }

  #setPhase(phase: Phase): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#options.onPhase(phase);
  }
}
