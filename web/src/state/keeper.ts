// Carries the world to the archive and back: what one sees before the socket opens, and while there is none.
import type { Id, Member, User } from '../api/types';
import { takeTurn } from './alone';
import { Archive, PAGE_MESSAGES, type SavedPage, type Tree } from './archive';
import type { Drafts } from './drafts.svelte';
import type { EmojiUse } from './emoji.svelte';
import { reduce } from './reduce';
import { fromSaved, presentSegment, type Segment } from './segments';
import type { Timelines } from './timelines.svelte';
import type { Uploads } from './uploads.svelte';
import type { World } from './world';

/** Which account this browser last held, so that its archive can be opened before the server answers. */
const ACCOUNT_KEY = 'hearth.account';
const SAVE_AFTER_MS = 2000;
/** Dispatches that change nothing the tree holds. */
const NOT_OF_THE_TREE = /^(?:MESSAGE_(?:UPDATE|DELETE|REACTION)|TYPING|PRESENCE|RESUMED)/;

/** The archive's keeper. */
export class Keeper {
  readonly #world: World;
  readonly #timelines: Timelines;
  readonly #drafts: Drafts;
  readonly #uploads: Uploads;
  readonly #emoji: EmojiUse;
  readonly #lastChannel: Map<Id, Id>;
  readonly #locks: LockManager | undefined;
  readonly #onInherited: () => void;
  readonly #saved = new Map<Id, Segment>();
  #archive: Archive | null = null;
  #userId: Id | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isTreeStale = false;
  #waiting = new AbortController();
  #giveBack: (() => void) | null = null;

  /**
   * `locks`: the browser's, which tabs share; without it a tab takes itself for the only one. `onInherited`: what earlier visits left
   * unsent became this tab's.
   */
  constructor(
    world: World,
    timelines: Timelines,
    drafts: Drafts,
    uploads: Uploads,
    emoji: EmojiUse,
    lastChannel: Map<Id, Id>,
    locks: LockManager | undefined,
    onInherited: () => void,
  ) {
    this.#world = world;
    this.#timelines = timelines;
    this.#drafts = drafts;
    this.#uploads = uploads;
    this.#emoji = emoji;
    this.#lastChannel = lastChannel;
    this.#locks = locks;
    this.#onInherited = onInherited;
  }

  /** Opens the archive of the account last seen here and fills the world from it; false where there is none. */
  async restore(): Promise<boolean> {
    const userId = readAccount();
    if (!userId) return false;
    const archive = this.#open(userId);
    const [tree, pages] = await Promise.all([archive.get('tree'), archive.pages(), this.#takeUp(archive)]);
    if (this.#archive !== archive) return false; // logged out meanwhile, or it was another account's
    if (!this.#world.me.value && tree?.me.id === userId) this.#plant(tree);
    for (const page of pages.sort((a, b) => a.openedAtMs - b.openedAtMs)) this.#putPage(page);
    for (const [guild, channel] of (await archive.get('lastChannels')) ?? [])
      if (!this.#lastChannel.has(guild)) this.#lastChannel.set(guild, channel);
    return this.#world.me.value !== null;
  }

  /** The server told who this is: from here on everything of theirs is kept. */
  async know(userId: Id): Promise<void> {
    if (this.#userId === userId) return;
    if (this.#archive) await this.forget();
    writeAccount(userId);
    await this.#takeUp(this.#open(userId));
  }

  /** A batch of dispatches was applied. */
  note(names: readonly string[]): void {
    if (names.some((name) => !NOT_OF_THE_TREE.test(name))) this.#isTreeStale = true;
    this.#timer ??= setTimeout(() => this.flush(), SAVE_AFTER_MS);
  }

  /** Keeps everything that changed. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#drafts.flush();
    this.#uploads.flush();
    const archive = this.#archive;
    if (!archive) return;
    const pages = this.#timelines.recent().flatMap(({ channelId, openedAtMs }): SavedPage[] => {
      const segment = presentSegment(this.#timelines.get(channelId));
      if (!segment || segment.messages.length === 0 || this.#saved.get(channelId) === segment) return [];
      this.#saved.set(channelId, segment);
      const messages = segment.messages.slice(-PAGE_MESSAGES);
      const hasOlder = segment.hasOlder || messages.length < segment.messages.length;
      return [{ channelId, messages, hasOlder, openedAtMs }];
    });
    if (pages.length > 0) void archive.putPages(pages);
    if (!this.#isTreeStale && pages.length === 0) return;
    this.#isTreeStale = false;
    const tree = this.#cut();
    if (tree) void archive.put('tree', tree);
    void archive.put('lastChannels', [...this.#lastChannel]);
  }

  /** Takes everything of the account off this device. */
  async forget(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const archive = this.#archive;
    this.#archive = null;
    this.#userId = null;
    this.#waiting.abort();
    this.#waiting = new AbortController();
    this.#giveBack?.();
    this.#giveBack = null;
    this.#saved.clear();
    this.#lastChannel.clear();
    this.#drafts.forget();
    this.#uploads.forget();
    this.#emoji.forget();
    this.#timelines.forget();
    writeAccount(null);
    await archive?.wipe();
  }

  /** Keeps before the page is hidden or gone; answers with the undo. */
  listen(): () => void {
    const keep = (): void => {
      if (document.hidden) this.flush();
    };
    const last = (): void => this.flush();
    document.addEventListener('visibilitychange', keep);
    addEventListener('pagehide', last);
    return () => {
      document.removeEventListener('visibilitychange', keep);
      removeEventListener('pagehide', last);
    };
  }

  #open(userId: Id): Archive {
    this.#userId = userId;
    this.#archive = new Archive(userId);
    return this.#archive;
  }

  async #takeUp(archive: Archive): Promise<void> {
    const drafts = await archive.drafts();
    if (this.#archive !== archive) return;
    this.#drafts.restore(archive, drafts);
    this.#timelines.keepIn(archive);
    await this.#emoji.restore(archive);
    void this.#inherit(archive);
  }

  /** Takes up what earlier visits left unsent, as soon as no other tab that is open has it. */
  async #inherit(archive: Archive): Promise<void> {
    const { signal } = this.#waiting;
    const giveBack = await takeTurn(this.#locks, 'hearth.unsent', signal).catch(() => null);
    if (!giveBack || signal.aborted) return giveBack?.();
    this.#giveBack = giveBack;
    await this.#uploads.restore(archive); // before the messages that wait for them
    const outbox = await archive.outbox();
    if (signal.aborted) return;
    this.#timelines.takeUp(outbox);
    this.#onInherited();
  }

  #putPage(page: SavedPage): void {
    if (this.#timelines.get(page.channelId)?.segments.length) return;
    const pending = this.#timelines.get(page.channelId)?.pending ?? [];
    this.#world.timelines.set(page.channelId, { ...fromSaved(page.messages, page.hasOlder), pending });
    this.#timelines.touch(page.channelId, page.openedAtMs);
    for (const { author, webhook_id } of page.messages)
      if (!webhook_id && !this.#world.users.has(author.id)) this.#world.users.set(author.id, author);
  }

  /** The part of the world that is worth keeping. */
  #cut(): Tree | null {
    const { me, settings, users, guilds, channels, members, latest, reads, relations, hearing } = this.#world;
    if (!me.value) return null;
    const people = new Set<Id>([me.value.id]);
    for (const { channelId } of this.#timelines.recent())
      for (const message of presentSegment(this.#timelines.get(channelId))?.messages.slice(-PAGE_MESSAGES) ??
        [])
        people.add(message.author.id);
    const known = <T>(of: ReadonlyMap<Id, T> | undefined): T[] =>
      [...people].flatMap((id) => of?.get(id) ?? []);
    return {
      me: me.value,
      settings: settings.value,
      users: known<User>(users),
      guilds: [...guilds.values()],
      channels: [...channels.values()],
      members: [...members].map(([guildId, of]) => [guildId, known<Member>(of)] as const),
      latest: [...latest],
      reads: [...reads.values()],
      relations: [...relations.values()],
      hearing: [...hearing.values()],
    };
  }

  #plant(tree: Tree): void {
    const world = this.#world;
    world.me.value = tree.me;
    world.settings.value = tree.settings;
    for (const user of tree.users) world.users.set(user.id, user);
    for (const guild of tree.guilds) world.guilds.set(guild.id, guild);
    for (const channel of tree.channels) reduce(world, 'CHANNEL_CREATE', channel, Date.now());
    for (const relation of tree.relations ?? []) reduce(world, 'RELATIONSHIP_ADD', relation, Date.now());
    for (const heard of tree.hearing ?? []) reduce(world, 'USER_GUILD_SETTINGS_UPDATE', heard, Date.now());
    for (const [guildId, members] of tree.members) {
      const known = world.makeMap<Id, Member>();
      for (const member of members) known.set(member.user.id, member);
      world.members.set(guildId, known);
    }
    for (const [channelId, messageId] of tree.latest) world.latest.set(channelId, messageId);
    for (const read of tree.reads) world.reads.set(read.id, read);
  }
}

function readAccount(): Id | null {
  try {
    return localStorage.getItem(ACCOUNT_KEY);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function writeAccount(userId: Id | null): void {
  try {
    if (userId) localStorage.setItem(ACCOUNT_KEY, userId);
    else localStorage.removeItem(ACCOUNT_KEY);
  } catch {
    // as above
  }
}
