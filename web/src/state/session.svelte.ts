// Signed in or not, and the live connection that follows from it.
import type { Registration, Routes } from '../api/routes';
import type { Status } from '../api/types';
import { Gateway, type Phase } from '../gateway/socket';
import { FrameQueue } from '../gateway/queue';
import { logFault } from '../log';
import { reduce } from './reduce';
import type { World } from './world';

/** Remembers that this browser holds a session cookie, which script cannot see. */
const HINT_KEY = 'hearth.signed-in';
/** A loss shorter than this shows nothing. */
const QUIET_LOSS_MS = 2000;

export type SessionPhase = 'starting' | 'signed-out' | 'connecting' | 'ready';

interface Hooks {
  /** The first READY, or one after a gap. */
  onReady: (isFirst: boolean) => void;
  /** The connection stands again (also after a resume). */
  onConnected: () => void;
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

  /** Makes an account and signs in. */
  async register(registration: Registration): Promise<void> {
    await this.#api.register(registration);
    this.#enter();
  }

  /** Ends the session here and on the server. */
  async signOut(): Promise<void> {
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
    this.#gateway.stop();
    this.#queue.flush();
    const { me, settings, ...maps } = this.#world;
    me.value = null;
    settings.value = null;
    for (const map of Object.values(maps)) if (map instanceof Map) map.clear();
    this.isLost = false;
    this.phase = 'signed-out';
  }

  /** Shows a status to others, on all of the person's devices. */
  async setStatus(status: Status): Promise<void> {
    const settings = await this.#api.editSettings({ status });
    reduce(this.#world, 'USER_SETTINGS_UPDATE', { status: settings.status }, Date.now());
    this.#gateway.send(3, { since: null, activities: [], status, afk: false });
  }

  /** Follows network and tab; answers with the undo. */
  listen(): () => void {
    const onOnline = (): void => {
      this.isOffline = false;
      if (this.#gateway.phase === 'ready') this.#hooks.onConnected();
      else this.#gateway.wake();
    };
    const onOffline = (): void => {
      this.isOffline = true;
    };
    let lastSeenMs = Date.now();
    const onVisible = (): void => {
      if (document.hidden) return;
      const hasSlept = Date.now() - lastSeenMs > 60_000;
      lastSeenMs = Date.now();
      if (hasSlept) this.#gateway.probe();
      else this.#gateway.wake();
    };
    const timer = setInterval(() => {
      if (!document.hidden) lastSeenMs = Date.now();
    }, 15_000);
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
  }

  #apply(batch: readonly { t: string; d: unknown }[]): void {
    const nowMs = Date.now();
    let isReady = false;
    for (const { t, d } of batch) {
      reduce(this.#world, t, d, nowMs);
      if (t !== 'READY') continue;
      isReady = true;
      this.hash = (d as { auth_session_id_hash?: string }).auth_session_id_hash ?? null;
    }
    if (!isReady) return;
    const isFirst = this.phase !== 'ready';
    this.phase = 'ready';
    this.#hooks.onReady(isFirst);
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
