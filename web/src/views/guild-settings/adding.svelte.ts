// Emoji being added, one after the other; what failed waits to be tried again or put aside.
import { faultText } from '../../refusals';
import type { Routes } from '../../api/routes';
import type { Id } from '../../api/types';
import { dataUrl, PictureFault, shrink } from '../../ui/shrink';
import { EMOJI_BOUNDS, EMOJI_SIDE_PX, emojiNameOf, pictureFaultText } from './expressionFiles';

export interface Added {
  readonly id: string;
  readonly file: File;
  readonly previewUrl: string;
  readonly name: string;
  /** Why it failed; null while it waits or runs. */
  readonly fault: string | null;
}

/** The queue of one settings page. */
export class Adding {
  items: readonly Added[] = $state.raw([]);
  readonly #api: Pick<Routes, 'createEmoji'>;
  readonly #guildId: Id;
  #isRunning = false;

  constructor(api: Pick<Routes, 'createEmoji'>, guildId: Id) {
    this.#api = api;
    this.#guildId = guildId;
  }

  get waiting(): number {
    return this.items.filter(({ fault }) => fault === null).length;
  }

  add(files: readonly File[]): void {
    const added = files.map((file) => ({
      id: crypto.randomUUID(),
      file,
      previewUrl: URL.createObjectURL(file),
      name: emojiNameOf(file.name),
      fault: null,
    }));
    this.items = [...this.items, ...added];
    void this.#run();
  }

  retry(id: string): void {
    this.items = this.items.map((one) => (one.id === id ? { ...one, fault: null } : one));
    void this.#run();
  }

  remove(id: string): void {
    const gone = this.items.find((one) => one.id === id);
    if (gone) URL.revokeObjectURL(gone.previewUrl);
    this.items = this.items.filter((one) => one.id !== id);
  }

  /** The page is left. */
  clear(): void {
    for (const { id } of this.items) this.remove(id);
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (;;) {
      const next = this.items.find(({ fault }) => fault === null);
      if (!next) break;
      try {
        const fitting =
          next.file.size > EMOJI_BOUNDS.maxBytes
            ? { ...EMOJI_BOUNDS, maxSidePx: EMOJI_SIDE_PX }
            : EMOJI_BOUNDS;
        const picture = await shrink(next.file, fitting);
        await this.#api.createEmoji(this.#guildId, next.name, await dataUrl(picture));
        this.remove(next.id);
      } catch (error) {
        const fault =
          error instanceof PictureFault
            ? pictureFaultText(error, next.file.name, EMOJI_BOUNDS)
            : faultText(error);
        this.items = this.items.map((one) => (one.id === next.id ? { ...one, fault } : one));
      }
    }
    this.#isRunning = false;
  }
}
