// Which emoji one uses, and in which skin tone; kept with the account on this device.
import type { Archive } from './archive';

const MAX_RECENT = 27;
/** Offered until there are habits. */
const FIRST = ['👍', '🔥', '🫶', '😄', '👀'] as const;

/** Emoji habits. */
export class EmojiUse {
  recents: readonly string[] = $state.raw([]);
  /** 0 none, 1 to 5 from light to dark. */
  tone = $state.raw(0);
  #archive: Archive | null = null;

  /** A handful for one tap, of those that may be used here. */
  quick(isUsable: (emoji: string) => boolean): readonly string[] {
    return [...new Set([...this.recents.filter(isUsable), ...FIRST])].slice(0, FIRST.length);
  }

  /** One was used. */
  note(emoji: string): void {
    this.recents = [emoji, ...this.recents.filter((one) => one !== emoji)].slice(0, MAX_RECENT);
    void this.#archive?.put('recentEmoji', this.recents);
  }

  setTone(tone: number): void {
    this.tone = tone;
    void this.#archive?.put('skinTone', tone);
  }

  async restore(archive: Archive): Promise<void> {
    this.#archive = archive;
    const [recents, tone] = await Promise.all([archive.get('recentEmoji'), archive.get('skinTone')]);
    if (this.#archive !== archive) return; // the account was left meanwhile
    if (this.recents.length === 0) this.recents = recents ?? [];
    if (this.tone === 0) this.tone = tone ?? 0;
  }

  forget(): void {
    this.#archive = null;
    this.recents = [];
    this.tone = 0;
  }
}
