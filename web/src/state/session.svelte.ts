// Signed in or not, and the live connection that follows from it.
import type { Registration, Routes } from '../api/routes';
import { Gateway, type Phase } from '../gateway/socket';
import { FrameQueue } from '../gateway/queue';
import { logFault } from '../log';
import { reduce } from './reduce';
import type { World } from './world';

/** Remembers that this browser holds a session cookie, which script cannot see. */
const HINT_KEY = 'hearth.signed-in';
/** How often the clock is looked at, and the gap that means the machine slept (hidden tabs tick once a minute). */
const TICK_MS = 5000;
const SLEPT_MS = 75_000;
/** A loss shorter than this shows nothing. */
const QUIET_LOSS_MS = 2000;

/** `kept`: the server has not answered, and what an earlier visit left is shown. */
export type SessionPhase = 'starting' | 'signed-out' | 'connecting' | 'kept' | 'ready';

interface Hooks {
  /** A session is taken up; answers whether an earlier visit left something to show. */
  onEnter: () => Promise<boolean>;
  /** READY came: the first one, or one after a gap. */
  onReady: () => void;
  /** The connection stands again (also after a resume). */
  onConnected: () => void;
  /** One event of the live connection, after it was applied. */
  onEvent: (t: string, d: unknown) => void;
  /** These dispatches were applied. */
  onApplied: (names: readonly string[]) => void;
  /** The session is over: nothing of it may stay on this device. */
  onForget: () => void;
}

/** The person's session. */
export class Session {
  phase: SessionPhase = $state.raw('starting');
  /** The connection has been gone for longer than a hiccup. */
  isLost = $state.raw(false);
  isOffline = $state.raw(!navigator.onLine);
  /** Which of the person's sessions this is, as the list of sessions names it. */
  hash: string | null = $state.raw(null);
  readonly #world: World;
  readonly #api: Routes;
  readonly #hooks: Hooks;
  readonly #gateway: Gateway;
  readonly #queue: FrameQueue<{ t: string; d: unknown }>;
  #lossTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(world: World, api: Routes, hooks: Hooks) {
    this.#world = world;
    this.#api = api;
    this.#hooks = hooks;
    this.#queue = new FrameQueue((batch) => this.#apply(batch));
    this.#gateway = new Gateway({
      url: () => Promise.resolve(location.origin.replace(/^http/, 'ws')),
      ticket: async () => (await api.gatewayTicket()).ticket,
      onDispatch: (t, d) => this.#queue.push({ t, d }),
      onPhase: (phase) => this.#follow(phase),
      onSignedOut: () => this.forget(),
      os: systemName(),
    });
  }

  /** Whether there is a world to show. */
  get isOpen(): boolean {
    return this.phase === 'ready' || this.phase === 'kept';
  }

  /** Whether the server hears us, and we it. */
  get isConnected(): boolean {
    return this.#gateway.phase === 'ready';
  }

  /** Takes up the session this browser holds, if any. */
  start(): void {
    if (readHint() === 'no') this.phase = 'signed-out';
    else this.#enter();
  }

  /** Signs in by password; rejects with the server's reason. */
  async signIn(login: string, password: string): Promise<void> {
    await this.#api.login({ login, password });
    this.#enter();
  }

  /** Chooses a new password by a link, and signs in. */
  async resetPassword(token: string, password: string): Promise<void> {
    await this.#api.resetPassword({ token, password });
    this.#enter();
  }

  /** Makes an account and signs in. */
  async register(registration: Registration): Promise<void> {
    await this.#api.register(registration);
    this.#enter();
  }

  /** Ends the session here and on the server. */
  async signOut(): Promise<void> {
    this.#api.drop();
    try {
      await this.#api.logout();
    } catch (error) {
      logFault('logging out', error);
    }
    this.forget();
  }

  /** Drops everything of the session: it is over. */
  forget(): void {
    if (this.phase === 'signed-out') return;
    writeHint('no');
    this.#api.drop();
    this.#gateway.stop();
    this.#queue.flush();
    const { me, settings, prefs, ...maps } = this.#world;
    me.value = null;
    settings.value = null;
    prefs.value = {};
    for (const map of Object.values(maps)) if (map instanceof Map) map.clear();
    this.isLost = false;
    this.phase = 'signed-out';
    this.#api.renew();
    this.#hooks.onForget();
  }

  /** Speaks to the gateway, and answers whether it listens; what must not be lost goes over HTTP instead. */
  send(op: number, d: unknown): boolean {
    return this.#gateway.send(op, d);
  }

  /** Follows network and tab; answers with the undo. */
  listen(): () => void {
    const onOnline = (): void => {
      this.isOffline = false;
      if (this.isConnected) this.#hooks.onConnected();
      else this.#gateway.wake();
    };
    const onOffline = (): void => {
      this.isOffline = true;
    };
    let lastTickMs = Date.now();
    // a tick that comes late by more than any throttling: the machine slept, and the socket may be dead
    const tick = (): void => {
      const hasSlept = Date.now() - lastTickMs > SLEPT_MS;
      lastTickMs = Date.now();
      if (hasSlept) this.#gateway.probe();
    };
    const onVisible = (): void => {
      if (document.hidden) return;
      tick();
      this.#gateway.wake();
    };
    const timer = setInterval(tick, TICK_MS);
    addEventListener('online', onOnline);
    addEventListener('offline', onOffline);
    document.addEventListener('visibilitychange', onVisible);
    return () => {
      clearInterval(timer);
      removeEventListener('online', onOnline);
      removeEventListener('offline', onOffline);
      document.removeEventListener('visibilitychange', onVisible);
    };
  }

  #enter(): void {
    writeHint('yes');
    this.phase = 'connecting';
    this.#gateway.start();
    void this.#hooks.onEnter().then((isFurnished) => {
      if (isFurnished && this.phase === 'connecting') this.phase = 'kept';
    });
  }

  #apply(batch: readonly { t: string; d: unknown }[]): void {
    const nowMs = Date.now();
    for (const { t, d } of batch) {
      reduce(this.#world, t, d, nowMs);
      this.#hooks.onEvent(t, d);
      if (t !== 'READY') continue;
      this.hash = (d as { auth_session_id_hash?: string }).auth_session_id_hash ?? null;
      this.phase = 'ready';
      this.#hooks.onReady(); // before the events that follow it in this very batch
    }
    this.#hooks.onApplied(batch.map(({ t }) => t));
  }

  #follow(phase: Phase): void {
    if (phase === 'ready') {
      clearTimeout(this.#lossTimer);
      this.#lossTimer = undefined;
      this.isLost = false;
      this.#hooks.onConnected();
    } else if (phase === 'waiting' && this.#lossTimer === undefined) {
      this.#lossTimer = setTimeout(() => (this.isLost = true), QUIET_LOSS_MS);
    } else if (phase === 'idle') {
      clearTimeout(this.#lossTimer);
      this.#lossTimer = undefined;
    }
  }
}

/** The operating system as the browser names it, where it does. */
function systemName(): string {
  return (navigator as { userAgentData?: { platform?: string } }).userAgentData?.platform ?? '';
}

function readHint(): 'yes' | 'no' | 'unknown' {
  try {
    return localStorage.getItem(HINT_KEY) === 'yes' ? 'yes' : 'no';
  } catch {
    return 'unknown'; // storage is closed to us: asking the server is the only way to know
  }
}

function writeHint(value: 'yes' | 'no'): void {
  try {
    localStorage.setItem(HINT_KEY, value);
  } catch {
    // as above
  }
}
