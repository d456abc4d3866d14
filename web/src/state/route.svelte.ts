// Where the person is, and how they go elsewhere.
import { parse, type Route } from '../router';

/** The router's watched side. */
export class Navigation {
  current: Route = $state.raw({ page: 'home' });
  path = $state.raw('/');

  constructor() {
    this.#read();
  }

  #read(): void {
    const url = new URL(location.href);
    this.current = parse(url);
    this.path = url.pathname + url.search;
  }

  /** Goes to an address of the app. */
  go(path: string, options: { replace?: boolean } = {}): void {
    if (options.replace) history.replaceState(null, '', path);
    else history.pushState({ inApp: true }, '', path);
    this.#read();
  }

  /** Steps back inside the app, or goes to `fallback` when the page was entered by its address. */
  back(fallback: string): void {
    if ((history.state as { inApp?: boolean } | null)?.inApp) history.back();
    else this.go(fallback, { replace: true });
  }

  /** Follows the browser's own back and forward, and plain clicks on the app's links; answers with the undo. */
  listen(): () => void {
    const onPop = (): void => this.#read();
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
