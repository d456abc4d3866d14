// Keeps the focus in a list when the row that had it goes: its neighbour takes it (WEB.md section 6).
import type { Attachment } from 'svelte/attachments';

/** `selector`: what of each row takes the focus; with none left, `otherwise` does. */
export function refocus(selector: string, otherwise: () => HTMLElement | undefined): Attachment<HTMLElement> {
  return (list) => {
    let at = 0;
    const stops = (): HTMLElement[] => [...list.querySelectorAll<HTMLElement>(selector)];
    const note = (event: FocusEvent): void => {
      const row = event.target instanceof Element ? event.target.closest('li') : null;
      const found = stops().findIndex((stop) => row?.contains(stop));
      if (found >= 0) at = found;
    };
    const settle = (): void => {
      if (document.activeElement !== document.body) return;
      const left = stops();
      (left[Math.min(at, left.length - 1)] ?? otherwise())?.focus();
    };
    // a row may go while the question about it still stands: then the focus has nowhere to go back to when that closes
    const closing = new MutationObserver(() => {
      if (document.querySelector('dialog[open]')) return;
      closing.disconnect();
      settle();
    });
    const watcher = new MutationObserver((changes) => {
      if (changes.every(({ removedNodes }) => removedNodes.length === 0)) return;
      if (document.querySelector('dialog[open]'))
        closing.observe(document.body, { childList: true, subtree: true });
      else settle();
    });
    list.addEventListener('focusin', note);
    watcher.observe(list, { childList: true, subtree: true });
    return () => {
      watcher.disconnect();
      closing.disconnect();
      list.removeEventListener('focusin', note);
    };
  };
}
