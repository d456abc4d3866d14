// Where the person is, and how they go elsewhere.
import { parse, type Route } from '../router';

/**
 * What lies over a page without an address of its own: the drawer with servers and channels, or a pane beside the
 * conversation. Each is a step of the history, so Back takes it away.
 */
export type Layer = 'rooms' | DetailsKind;
/** What may stand beside a conversation. */
export type DetailsKind = 'members' | 'pins' | 'media' | 'chat';

interface Step {
  /** The step before it is the app's own. */
  inApp?: boolean;
  layer?: Layer;
  /** It lay over the step before as well: a step back would not take it away. */
  isKept?: boolean;
}

/** The router's watched side. */
export class Navigation {
  current: Route = $state.raw({ page: 'home' });
  path = $state.raw('/');
  /** The conversation, or list of them, last looked at: where the way out of the settings leads. */
  talkPath = $state.raw('/channels/@me');
  /** What lies over the page. */
  layer: Layer | null = $state.raw(null);
  /** Rises with every move that may lead to another place, also to where one is already. */
  moves = $state.raw(0);
  /** The last move was the browser's back or forward: one returns to a place as it was left. */
  isStep = $state.raw(false);

  constructor() {
    this.#read(false);
  }

  #read(isStep: boolean): void {
    const url = new URL(location.href);
    this.current = parse(url);
    const path = url.pathname + url.search;
    if (isStep && path !== this.path) this.moves++;
    this.path = path;
    if (['guild', 'direct', 'friends'].includes(this.current.page)) this.talkPath = path;
    this.layer = this.#step.layer ?? null;
    this.isStep = isStep;
  }

  get #step(): Step {
    return (history.state as Step | null) ?? {};
  }

  /** Goes to an address of the app. `keepsLayer` leaves the pane beside it open. */
  go(path: string, options: { replace?: boolean; keepsLayer?: boolean } = {}): void {
    const layer: Step = options.keepsLayer && this.layer ? { layer: this.layer } : {};
    if (options.replace) history.replaceState({ ...this.#step, layer: undefined, ...layer }, '', path);
    else history.pushState({ inApp: true, ...layer, isKept: 'layer' in layer } satisfies Step, '', path);
    this.moves++;
    this.#read(false);
  }

  /** Opens a layer over the page; another one gives way to it. */
  open(layer: Layer): void {
    if (this.layer === layer) return;
    const step: Step = { inApp: true, layer, isKept: this.#step.isKept ?? false };
    if (this.layer) history.replaceState(step, '');
    else history.pushState(step, '');
    this.#read(false);
  }

  /** Takes away what lies over the page, as Back does. */
  close(): void {
    if (!this.layer) return;
    if (!this.#step.isKept) return history.back();
    history.replaceState({ inApp: true } satisfies Step, '');
    this.#read(false);
  }

  /** Steps back inside the app, or goes to `fallback` when the page was entered by its address. */
  back(fallback: string): void {
    if (this.#step.inApp) history.back();
    else this.go(fallback, { replace: true });
  }

  /** Puts a page under one that was entered by its address, so that Back leads there and not out of the app. */
  putUnder(path: string): void {
    if (this.#step.inApp) return;
    const own = location.pathname + location.search + location.hash;
    history.replaceState(null, '', path);
    history.pushState({ inApp: true } satisfies Step, '', own);
    this.#read(false);
  }

  /** Follows the browser's own back and forward, and plain clicks on the app's links; answers with the undo. */
  listen(): () => void {
    const onPop = (): void => this.#read(true);
    const onClick = (event: MouseEvent): void => {
      if (event.defaultPrevented || event.button !== 0) return;
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      const link = event.target instanceof Element ? event.target.closest('a') : null;
      if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
      if (/^\/(?:api|cdn)\//.test(link.pathname)) return;
      event.preventDefault();
      this.go(link.pathname + link.search + link.hash);
    };
    addEventListener('popstate', onPop);
    document.addEventListener('click', onClick);
    return () => {
      removeEventListener('popstate', onPop);
      document.removeEventListener('click', onClick);
    };
  }
}
