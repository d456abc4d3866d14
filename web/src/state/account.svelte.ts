// The person's settings that follow them from device to device. Every change shows at once, and is taken back when the server refuses.
import type { Routes } from '../api/routes';
import type {
  Channel,
  ChannelOverride,
  CustomStatus,
  GuildFolder,
  GuildSettings,
  Id,
  Status,
  UserSettings,
} from '../api/types';
import { arrange } from './folders';
import { hearingOf, overrideOf } from './notify';
import { reduce } from './reduce';
import { DIRECT_KEY, type World } from './world';

/** The longest time a timer can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const FOLDERS_KEY = 'hearth.folders';

function storedFolders(): number[] {
  try {
    const stored = JSON.parse(localStorage.getItem(FOLDERS_KEY) ?? '[]') as unknown;
    return Array.isArray(stored) ? stored.filter((one) => typeof one === 'number') : [];
  } catch {
    return [];
  }
}

/** Settings kept by the server. */
export class Account {
  readonly #world: World;
  readonly #api: Routes;
  /** Folders of the rail that stand open. */
  openFolders: readonly number[] = $state.raw(storedFolders());
  #notes: Promise<void> | null = null;
  readonly #send: (op: number, d: unknown) => void;
  /** The rail: folders and loose guilds in the person's order. */
  readonly folders: GuildFolder[] = $derived.by(() =>
    arrange(this.#world.settings.value?.guild_folders, this.#world.guilds.keys()),
  );

  /** `send` speaks to the gateway. */
  constructor(world: World, api: Routes, send: (op: number, d: unknown) => void) {
    this.#world = world;
    this.#api = api;
    this.#send = send;
  }

  get status(): Status {
    return this.#world.settings.value?.status ?? 'online';
  }

  /** What the person says of themself, while it lasts. */
  get customStatus(): CustomStatus | null {
    const custom = this.#world.settings.value?.custom_status;
    return custom?.text ? custom : null;
  }

  /** Whether links get cards: those one sees, and one's own. */
  get hasCards(): boolean {
    return this.#world.settings.value?.render_embeds ?? true;
  }

  async setCards(isOn: boolean): Promise<void> {
    await this.#settings({ render_embeds: isOn });
  }

  get keywords(): readonly string[] {
    return this.#world.prefs.value.keywords ?? [];
  }

  /** Shows a status to others, on all of the person's devices. */
  async setStatus(status: Status): Promise<void> {
    await this.#settings({ status });
    this.#tellPresence();
  }

  async setCustomStatus(custom: CustomStatus | null): Promise<void> {
    await this.#settings({ custom_status: custom });
    this.#tellPresence();
  }

  async setFolders(folders: GuildFolder[]): Promise<void> {
    await this.#settings({ guild_folders: folders });
  }

  /** Words that call the person wherever they are written. */
  async setKeywords(keywords: string[]): Promise<void> {
    const before = this.keywords;
    const put = (words: readonly string[]): void =>
      reduce(this.#world, 'HEARTH_PREFS_UPDATE', { keywords: words }, Date.now());
    put(keywords);
    try {
      await this.#api.editPrefs({ keywords });
    } catch (error) {
      put(before);
      throw error;
    }
  }

  /** A new session: what was asked for once is asked for again. */
  renew(): void {
    this.#notes = null;
  }

  /** Opens or closes a folder of the rail, on this device. */
  toggleFolder(id: number): void {
    const isOpen = this.openFolders.includes(id);
    this.openFolders = isOpen ? this.openFolders.filter((one) => one !== id) : [...this.openFolders, id];
    try {
      localStorage.setItem(FOLDERS_KEY, JSON.stringify(this.openFolders));
    } catch {
      // a browser that stores nothing: they stay open until the page closes
    }
  }

  /** Changes what is heard of a guild (or, for null, of direct messages). */
  async hear(guildId: Id | null, change: Partial<Omit<GuildSettings, 'channel_overrides'>>): Promise<void> {
    await this.#hear(guildId, { ...hearingOf(this.#world, guildId), ...change }, change);
  }

  /** Changes what is heard of one channel. */
  async hearChannel(channel: Channel, change: Partial<ChannelOverride>): Promise<void> {
    const guildId = channel.guild_id ?? null;
    const held = hearingOf(this.#world, guildId);
    const own = { ...overrideOf(held, channel.id), ...change, channel_id: channel.id };
    const channel_overrides = [...held.channel_overrides.filter((one) => one.channel_id !== channel.id), own];
    await this.#hear(
      guildId,
      { ...held, channel_overrides },
      { channel_overrides: { [channel.id]: change } },
    );
  }

  async #hear(guildId: Id | null, next: GuildSettings, change: Record<string, unknown>): Promise<void> {
    const before = hearingOf(this.#world, guildId);
    const put = (settings: GuildSettings): void =>
      reduce(this.#world, 'USER_GUILD_SETTINGS_UPDATE', settings, Date.now());
    put(next);
    try {
      put(await this.#api.editHearing(guildId ?? DIRECT_KEY, change));
    } catch (error) {
      put(before);
      throw error;
    }
  }

  /** The note on someone, or nothing; asks the server for all of them the first time. */
  async note(userId: Id): Promise<string> {
    this.#notes ??= this.#api.notes().then((all) => {
      for (const [id, note] of Object.entries(all)) this.#world.notes.set(id, note);
    });
    try {
      await this.#notes;
    } catch {
      this.#notes = null; // asked again with the next card
    }
    return this.#world.notes.get(userId) ?? '';
  }

  async setNote(userId: Id, note: string): Promise<void> {
    await this.#api.setNote(userId, note);
    this.#world.notes.set(userId, note);
  }

  /** Ends a custom status when its time has come; answers with the undo. */
  listen(): () => void {
    return $effect.root(() => {
      $effect(() => {
        const end = this.#world.settings.value?.custom_status?.expires_at;
        if (!end) return;
        const waitMs = Math.min(Math.max(0, Date.parse(end) - Date.now()), MAX_TIMER_MS);
        const timer = setTimeout(() => {
          this.setCustomStatus(null).catch(() => undefined); // another device, or the next start, does it
        }, waitMs);
        return () => clearTimeout(timer);
      });
    });
  }

  async #settings(change: Partial<UserSettings>): Promise<void> {
    const held = this.#world.settings.value;
    if (!held) return;
    const put = (part: Partial<UserSettings>): void =>
      reduce(this.#world, 'USER_SETTINGS_UPDATE', part, Date.now());
    const before = Object.fromEntries(
      Object.keys(change).map((key) => [key, held[key as keyof UserSettings]]),
    ) as Partial<UserSettings>;
    put(change);
    try {
      await this.#api.editSettings(change);
    } catch (error) {
      put(before);
      throw error;
    }
  }

  #tellPresence(): void {
    const text = this.customStatus?.text;
    const activities = text ? [{ name: 'Custom Status', type: 4, state: text }] : [];
    this.#send(3, { since: null, activities, status: this.status, afk: false });
  }
}
