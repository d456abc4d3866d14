// The installed app: its service worker, a new version that waits for a good moment, and the browser's offer to install.
import { logFault } from '../log';

/** A page left alone this long takes up a new version by itself. */
const IDLE_MS = 60 * 60_000;
/** How often it is looked whether there is one. */
const LOOK_EVERY_MS = 5 * 60_000;
const WORKER = '/sw.js';

interface Policy {
  createScriptURL: (url: string) => string;
}
interface PolicyFactory {
  createPolicy: (name: string, rules: Policy) => Policy;
}
interface InstallOffer extends Event {
  prompt: () => Promise<unknown>;
}

/** The worker's address as the content policy wants it: only this one can be made. */
function workerUrl(): string {
  const { trustedTypes } = globalThis as { trustedTypes?: PolicyFactory };
  const rules: Policy = { createScriptURL: (url) => (url === WORKER ? url : '') };
  return (trustedTypes?.createPolicy('hearth', rules) ?? rules).createScriptURL(WORKER);
}

/** The browser's service workers; a page in development has none. */
const serviceWorkers = (): ServiceWorkerContainer | undefined =>
  import.meta.env.PROD ? navigator.serviceWorker : undefined;

/** Versions of the app. */
export class Updates {
  /** A new version is here and waits. */
  isReady = $state.raw(false);
  /** The browser offers to install the app. */
  canInstall = $state.raw(false);
  /** Whether a reload would take something from the person: something unsent, an upload, a call. */
  readonly #isBusy: () => boolean;
  #registration: ServiceWorkerRegistration | null = null;
  #offer: InstallOffer | null = null;
  #isApplying = false;
  #touchedMs = Date.now();

  constructor(isBusy: () => boolean) {
    this.#isBusy = isBusy;
  }

  /** A new version would be taken up now if it were asked for. */
  get mayApply(): boolean {
    return this.isReady && !this.#isBusy();
  }

  /** Takes up the new version: the page starts anew. Does nothing while something would be lost. */
  apply(): void {
    if (!this.mayApply) return;
    this.#isApplying = true;
    const waiting = this.#registration?.waiting;
    if (waiting) waiting.postMessage('take-over');
    else location.reload();
  }

  /** Shows the browser's question whether to install. */
  async install(): Promise<void> {
    const offer = this.#offer;
    this.#offer = null;
    this.canInstall = false;
    await offer?.prompt();
  }

  /** Pictures of an account that is gone go too. */
  forget(): void {
    this.#registration?.active?.postMessage('forget');
  }

  /** Watches for versions; answers with the undo. */
  listen(): () => void {
    const touched = (): void => {
      this.#touchedMs = Date.now();
    };
    const offered = (event: Event): void => {
      event.preventDefault(); // it is offered in the settings, not over the conversation
      this.#offer = event as InstallOffer;
      this.canInstall = true;
    };
    const installed = (): void => {
      this.canInstall = false;
    };
    // a part of a version that is gone can't be fetched any more
    const partMissing = (): void => {
      this.isReady = true;
    };
    const look = setInterval(() => {
      if (!document.hidden) void this.#registration?.update().catch(() => undefined);
      if (Date.now() - this.#touchedMs >= IDLE_MS) this.apply();
    }, LOOK_EVERY_MS);
    const events: [string, (event: Event) => void][] = [
      ['pointerdown', touched],
      ['keydown', touched],
      ['beforeinstallprompt', offered],
      ['appinstalled', installed],
      ['vite:preloadError', partMissing],
    ];
    for (const [name, listener] of events) addEventListener(name, listener);
    const workers = serviceWorkers();
    const changed = (): void => {
      if (this.#isApplying) location.reload();
      else this.isReady = true; // another tab took it up
    };
    if (workers?.controller) workers.addEventListener('controllerchange', changed);
    return () => {
      clearInterval(look);
      for (const [name, listener] of events) removeEventListener(name, listener);
      workers?.removeEventListener('controllerchange', changed);
    };
  }

  /** Registers the worker, which fetches all the app starts from: not before the page has what it needs itself. */
  async register(): Promise<void> {
    const workers = serviceWorkers();
    if (!workers || this.#registration) return;
    try {
      await this.#register(workers);
    } catch (error) {
      logFault('registering the service worker', error);
    }
  }

  async #register(workers: ServiceWorkerContainer): Promise<void> {
    const registration = await workers.register(workerUrl(), { scope: '/' });
    this.#registration = registration;
    const note = (): void => {
      if (registration.waiting && workers.controller) this.isReady = true;
    };
    note();
    registration.addEventListener('updatefound', () => {
      registration.installing?.addEventListener('statechange', note);
    });
  }
}
