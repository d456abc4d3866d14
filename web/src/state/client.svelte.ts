// Everything a screen shares, made once by main.ts (or by a test) and handed down by context.
import { createContext } from 'svelte';
import { Http } from '../api/http';
import { DEFAULT_MAX_FILE_BYTES } from '../api/limits';
import { allows, channelPermissions, DIRECT, guildPermissions, Permission } from '../api/permissions';
import { routes, type Routes } from '../api/routes';
import { ChannelType, StickerFormat } from '../api/enums';
import type {
  Channel,
  CustomEmoji,
  Emoji,
  Guild,
  Id,
  Instance,
  Member,
  Message,
  Role,
  Sticker,
  StickerItem,
} from '../api/types';
import { m, type Locale } from '../i18n';
import { channelPath } from '../router';
import type { Events } from '../gateway/events';
import { Listeners } from '../keys/scopes';
import type { Action } from '../keys/table';
import { Account } from './account.svelte';
import { Lists } from './lists.svelte';
import { Drafts } from './drafts.svelte';
import { EmojiUse } from './emoji.svelte';
import { byName, emojiOf, emojiShelves, stickerShelves, wireOf, type Shelf } from './expressions';
import { Keeper } from './keeper';
import { Layout } from './layout.svelte';
import { MemberSearch } from './memberSearch';
import { decodeMentions, encodeMentions } from './mentions';
import { directName, nameOf } from './names';
import type { Place } from './place';
import { Notifications } from './notifications.svelte';
import { hearsMessages, isChannelMuted, isGuildMuted } from './notify';
import { Reads } from './reads.svelte';
import { inverse, type Move } from './order';
import { reduce } from './reduce';
import { Relations } from './relations.svelte';
import { Navigation } from './route.svelte';
import { Session } from './session.svelte';
import { Look } from './settings.svelte';
import { Timelines } from './timelines.svelte';
import { Typing } from './typing.svelte';
import { Ui } from './ui.svelte';
import { Updates } from './updates.svelte';
import { Uploads } from './uploads.svelte';
import { FileLinks } from './fileLinks.svelte';
import { Voice, type VoiceFault } from './voice.svelte';
import { liveWorld } from './world.svelte';
import type { World } from './world';

/** Our languages as an account's settings name them. */
const ACCOUNT_LOCALES: Readonly<Record<Locale, string>> = {
  en: 'en-US',
  de: 'de',
  fr: 'fr',
  es: 'es-ES',
  'pt-BR': 'pt-BR',
  ja: 'ja',
  ar: 'ar',
  'en-XA': 'en-US',
};
/** Places remembered as last gone to. */
const MAX_VISITS = 20;
/** A page that has its messages draws them before anything else is asked for. */
const REST_AFTER_MS = 100;
const VISITS_KEY = 'hearth.visits';

function storedVisits(): string[] {
  try {
    const stored = JSON.parse(sessionStorage.getItem(VISITS_KEY) ?? '[]') as unknown;
    return Array.isArray(stored) ? stored.filter((one) => typeof one === 'string') : [];
  } catch {
    return [];
  }
}

/** The app's state and what can be done with it. */
export class Client {
  readonly world: World = liveWorld();
  readonly look = new Look();
  readonly layout = new Layout(() => this.look.choices.textScale / 100);
  readonly nav = new Navigation();
  readonly ui = new Ui();
  /** A new version waits for what is unsent, and for talks. */
  readonly updates = new Updates(() => this.drafts.any || this.#isSending || this.voice.place !== null);
  /** Who listens to the keys of `keys/table.ts`. */
  readonly keys = new Listeners<Action>();
  readonly api: Routes;
  readonly session: Session;
  readonly timelines: Timelines;
  readonly uploads: Uploads;
  readonly links: FileLinks;
  readonly reads: Reads;
  readonly typing: Typing;
  readonly account: Account;
  readonly relations: Relations;
  readonly notifications: Notifications;
  readonly lists: Lists;
  readonly memberSearch: MemberSearch;
  readonly voice: Voice;
  /** What the server says about itself; null until it answered. */
  instance: Instance | null = $state.raw(null);
  readonly drafts = new Drafts();
  readonly emoji = new EmojiUse();
  readonly keeper: Keeper;
  /** By channel: where its messages were left, if not at the end. */
  readonly places = new Map<Id, Place>();
  /** By guild: the channel last looked at. */
  readonly lastChannel = new Map<Id, Id>();

  /** Channels and guilds last gone to, the newest first. */
  visits: readonly string[] = storedVisits();

  constructor() {
    const http = new Http({
      fetch: (input, init) => fetch(input, init),
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      onSignedOut: () => this.session.forget(),
    });
    this.api = routes(http);
    this.links = new FileLinks((urls) => this.api.refreshUrls(urls));
    this.uploads = new Uploads(this.api, (channelId) => this.timelines.filesSettled(channelId));
    this.timelines = new Timelines(this.world, this.api, this.uploads);
    this.reads = new Reads(this.world, this.api);
    this.typing = new Typing(this.world, this.api);
    const send = (op: number, d: unknown): boolean => this.session.send(op, d);
    this.memberSearch = new MemberSearch(send);
    this.account = new Account(this.world, this.api, send);
    this.relations = new Relations(this.world, this.api);
    this.voice = new Voice(this.world, this.api, {
      send,
      onFault: (fault) => this.ui.tell(voiceFaultText(fault), true),
    });
    this.lists = new Lists(this.world, {
      send,
      onGap: (guildId) => void this.timelines.miss(this.world.rooms.get(guildId) ?? [], this.openChannelId),
      isHeard: (guildId) =>
        this.voice.place?.guildId === guildId ||
        (this.notifications.isOn && hearsMessages(this.world, guildId, this.notifications.nowMs)),
    });
    this.notifications = new Notifications(this.world, {
      isLookedAt: (channelId) => channelId === this.openChannelId && document.hasFocus() && !document.hidden,
      titleOf: (message) => this.#titleOf(message),
      textOf: (message) => this.decode(message.content, this.world.channels.get(message.channel_id)),
      open: ({ channel_id: id }) => this.nav.go(channelPath(this.world.channels.get(id)?.guild_id, id)),
    });
    this.keeper = new Keeper(
      this.world,
      this.timelines,
      this.drafts,
      this.uploads,
      this.emoji,
      this.lastChannel,
      navigator.locks,
      () => {
        if (this.session.isConnected) this.timelines.flush();
      },
    );
    let takenUp: Promise<unknown> = Promise.resolve();
    this.session = new Session(this.world, this.api, {
      onEnter: () => {
        const restored = this.keeper.restore();
        takenUp = restored;
        return restored;
      },
      onReady: () => {
        takenUp = takenUp.then(() => this.keeper.know(this.meId));
        void this.timelines.recover(this.openChannelId).then(() => this.#loadRest());
        this.lists.renew();
        this.memberSearch.forget();
        this.account.renew();
        this.voice.renew();
      },
      // what an earlier visit left goes out before anything newer
      onConnected: () => {
        this.uploads.resume();
        this.lists.catchUp();
        void takenUp.then(() => this.timelines.flush());
      },
      onEvent: (t, d) => {
        this.notifications.follow(t, d);
        this.voice.follow(t, d);
        if (t === 'GUILD_MEMBER_LIST_UPDATE') this.lists.told((d as { guild_id: Id }).guild_id);
        if (t === 'GUILD_MEMBERS_CHUNK') this.memberSearch.told(d as Events['GUILD_MEMBERS_CHUNK']);
      },
      onApplied: (names) => this.keeper.note(names),
      onForget: () => {
        void this.#loadInstance();
        this.places.clear();
        this.look.leave();
        this.updates.forget();
        this.lists.reset();
        this.memberSearch.forget();
        this.voice.forget();
        takenUp = this.keeper.forget();
      },
    });
  }

  /** Starts everything that listens; answers with the undo. */
  start(): () => void {
    const { look, layout, nav, session, typing, keeper, updates, uploads, account, notifications } = this;
    const { lists, voice } = this;
    const parts = [
      look,
      layout,
      nav,
      session,
      typing,
      keeper,
      updates,
      uploads,
      account,
      notifications,
      voice,
      lists,
    ];
    const undo = parts.map((part) => part.listen());
    this.session.start();
    if (this.session.phase === 'signed-out') void this.#loadInstance().then(() => this.updates.register());
    return () => undo.forEach((stop) => stop());
  }

  /** Whether something written has not arrived yet. */
  get #isSending(): boolean {
    for (const timeline of this.world.timelines.values()) if (timeline.pending.length > 0) return true;
    return false;
  }

  /** What no first view needs, once that stands: on a slow line it would come instead of the conversation. */
  async #loadRest(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, REST_AFTER_MS));
    if (this.session.phase !== 'ready') return;
    const prefs = this.#loadPrefs().catch(() => undefined); // the browser's own stand until the next session asks
    await Promise.all([prefs, this.#loadInstance()]);
    await this.updates.register();
  }

  async #loadInstance(): Promise<void> {
    this.instance ??= await this.api.instance().catch(() => null); // its defaults are good enough to go on
  }

  /** Reads what the account keeps of how the app looks, and tells the server the language, for what it writes itself. */
  async #loadPrefs(): Promise<void> {
    const prefs = await this.api.prefs();
    reduce(this.world, 'HEARTH_PREFS_UPDATE', prefs, Date.now());
    this.look.join(prefs.look, async (look) => {
      await this.api.editPrefs({ look });
      const locale = ACCOUNT_LOCALES[this.look.locale];
      if (locale !== this.world.settings.value?.locale) await this.api.editSettings({ locale });
    });
  }

  /** Remembers that something was gone to, for what offers the last places first. */
  visit(id: Id): void {
    if (this.visits[0] === id) return;
    this.visits = [id, ...this.visits.filter((one) => one !== id)].slice(0, MAX_VISITS);
    try {
      sessionStorage.setItem(VISITS_KEY, JSON.stringify(this.visits));
    } catch {
      // a browser that stores nothing: the order lasts until the page closes
    }
  }

  /** The channel on the screen. */
  get openChannelId(): Id | null {
    const route = this.nav.current;
    return route.page === 'guild' || route.page === 'direct' ? route.channelId : null;
  }

  /** The most one file may hold, in bytes. */
  get maxFileBytes(): number {
    return this.instance?.limits?.max_file_size ?? DEFAULT_MAX_FILE_BYTES;
  }

  get meId(): Id {
    return this.world.me.value?.id ?? '';
  }

  ownMember(guildId: Id): Member | undefined {
    return this.world.members.get(guildId)?.get(this.meId);
  }

  /** Whether we hold the bits in a guild. */
  mayInGuild(guild: Guild | undefined, needed: bigint): boolean {
    return (
      guild !== undefined &&
      allows(guildPermissions(guild, this.meId, this.ownMember(guild.id), Date.now()), needed)
    );
  }

  /** Whether we hold the bits in a channel. */
  may(channel: Channel | undefined, needed: bigint): boolean {
    if (!channel) return false;
    if (!channel.guild_id) return allows(DIRECT, needed);
    const guild = this.world.guilds.get(channel.guild_id);
    if (!guild) return false;
    return allows(
      channelPermissions(guild, channel, this.meId, this.ownMember(guild.id), Date.now()),
      needed,
    );
  }

  /** Whether nothing is heard from a channel. */
  isMuted(channel: Channel): boolean {
    return isChannelMuted(this.world, channel, this.notifications.nowMs);
  }

  /** Whether nothing is heard from a guild. */
  isGuildMuted(guildId: Id): boolean {
    return isGuildMuted(this.world, guildId, this.notifications.nowMs);
  }

  /** Who wrote, and where. */
  #titleOf(message: Message): string {
    const channel = this.world.channels.get(message.channel_id);
    const name = nameOf(this.world, message.author.id, channel?.guild_id, message.author);
    if (!channel || channel.type === ChannelType.dm) return name;
    return `${name} · ${channel.guild_id ? `#${channel.name ?? ''}` : directName(this.world, channel)}`;
  }

  nameOf(userId: Id, guildId: Id | null | undefined): string {
    return nameOf(this.world, userId, guildId);
  }

  /** The address of a picture kept by hash; null where there is none. */
  picture(
    kind: 'avatars' | 'icons' | 'app-icons',
    id: Id,
    hash: string | null | undefined,
    size: number,
  ): string | null {
    if (!hash) return null;
    return `${this.instance?.cdn_base ?? '/cdn'}/${kind}/${id}/${hash}.webp?size=${size}`;
  }

  get #cdn(): string {
    return this.instance?.cdn_base ?? '/cdn';
  }

  /** A custom emoji's addresses, to be drawn `px` CSS pixels large; null for one of Unicode's. */
  emojiPicture(emoji: Emoji, px: number): Moving | null {
    if (!emoji.id) return null;
    const base = `${this.#cdn}/emojis/${emoji.id}`;
    return { still: `${base}.webp?size=${sizeFor(px)}`, moving: emoji.animated ? `${base}.gif` : null };
  }

  /** Where a sound's file is. */
  soundUrl(id: Id): string {
    return `${this.#cdn}/soundboard-sounds/${id}`;
  }

  /** A sticker's addresses. */
  stickerPicture({ id, format_type: format }: StickerItem, px: number): Moving {
    const base = `${this.#cdn}/stickers/${id}`;
    const moving = { [StickerFormat.apng]: `${base}.png`, [StickerFormat.gif]: `${base}.gif` }[format];
    return { still: `${base}.png?size=${sizeFor(px)}`, moving: moving ?? null };
  }

  /** The guilds' emoji that may be written in a channel. */
  emojiIn(channel: Channel | undefined): Shelf<CustomEmoji>[] {
    return emojiShelves(this.world, channel?.guild_id, this.may(channel, Permission.useExternalEmoji));
  }

  /** The stickers that may be sent to a channel. */
  stickersIn(channel: Channel | undefined): Shelf<Sticker>[] {
    return stickerShelves(this.world, channel?.guild_id, this.may(channel, Permission.useExternalStickers));
  }

  /** A handful of emoji for one tap in a channel. */
  quickEmoji(channel: Channel | undefined): readonly string[] {
    const known = new Set(this.emojiIn(channel).flatMap(({ items }) => items.map(({ id }) => id)));
    return this.emoji.quick((text) => {
      const { id } = emojiOf(text);
      return id === null || known.has(id);
    });
  }

  /** Names written in a text to the form the wire has for them. */
  encode(text: string, channel: Channel): string {
    const people = channel.guild_id
      ? [...(this.world.members.get(channel.guild_id)?.values() ?? [])].map((member) => member.user)
      : (channel.recipients ?? []);
    const rooms = [...this.world.channels.values()].filter(
      (one) => one.guild_id && one.guild_id === channel.guild_id,
    );
    return encodeMentions(
      text,
      new Map(people.map((user) => [user.username.toLowerCase(), user.id])),
      new Map(rooms.map((room) => [(room.name ?? '').toLowerCase(), room.id])),
      new Map(this.#roles(channel).map((role) => [role.name, role.id])),
      new Map([...byName(this.emojiIn(channel))].map(([name, emoji]) => [name, wireOf(emoji)])),
    );
  }

  /** The other way round, for a text to be edited. */
  decode(text: string, channel: Channel | undefined): string {
    const named = byName(this.emojiIn(channel));
    return decodeMentions(
      text,
      (id) => this.world.users.get(id)?.username,
      (id) => this.world.channels.get(id)?.name ?? undefined,
      (id) => this.#roles(channel).find((role) => role.id === id)?.name,
      (wire, name) => {
        const emoji = named.get(name);
        return emoji && wireOf(emoji) === wire ? `:${name}:` : undefined;
      },
    );
  }

  /** Roles that can be named in a channel. */
  #roles(channel: Channel | undefined): Role[] {
    const guild = channel?.guild_id ? this.world.guilds.get(channel.guild_id) : undefined;
    return guild?.roles.filter((role) => role.id !== guild.id) ?? [];
  }

  /** The next message in its channel answers this one. */
  startReply(message: Message): void {
    this.drafts.reply(message.channel_id, message);
    this.ui.composing++;
  }

  /** Takes up a channel the server answered with, which its own event may not have brought yet. */
  learnChannel(channel: Channel): void {
    if (!this.world.channels.has(channel.id)) reduce(this.world, 'CHANNEL_CREATE', channel, Date.now());
  }

  /** Goes into a channel just made. */
  enterChannel(guildId: Id, channel: Channel, path: string): void {
    this.learnChannel({ ...channel, guild_id: guildId });
    this.nav.go(path);
  }

  /** Moves channels of a guild at once, and back when the server refuses; rejects with its reason. */
  async moveChannels(guildId: Id, moves: Move[]): Promise<void> {
    const back = inverse(moves, this.world.channels);
    const put = (list: readonly Move[]): void => {
      for (const move of list) {
        const held = this.world.channels.get(move.id);
        if (held) this.world.channels.set(move.id, { ...held, ...move });
      }
    };
    put(moves);
    try {
      await this.api.moveChannels(guildId, moves);
    } catch (error) {
      put(back);
      throw error;
    }
  }

  /** Blocks somebody: at once, unless a friendship or a request would end with it. */
  async block(userId: Id): Promise<void> {
    if (this.relations.typeOf(userId) !== 0) {
      this.ui.open({ kind: 'block', userId });
      return;
    }
    await this.ui.undoable(
      m.blocked_named({ name: this.nameOf(userId, null) }),
      () => this.relations.block(userId),
      { label: m.undo(), run: () => this.relations.end(userId) },
    );
  }

  async unblock(userId: Id): Promise<void> {
    await this.ui.undoable(
      m.unblocked_named({ name: this.nameOf(userId, null) }),
      () => this.relations.end(userId),
      { label: m.undo(), run: () => this.relations.block(userId) },
    );
  }

  /** Offers notifications once, when the person first says something: a button, never the browser's own question. */
  offerNotifications(): void {
    if (!this.notifications.mayOffer) return;
    this.notifications.change({ wasOffered: true });
    this.ui.tell(m.notify_offer(), false, {
      label: m.notify_turn_on(),
      run: async () => {
        const isOn = await this.notifications.turnOn();
        this.ui.tell(isOn ? m.notify_offered_on() : m.notify_refused(), !isOn);
      },
    });
  }

  /** Opens the conversation with one person. */
  async message(userId: Id): Promise<void> {
    const channel = await this.api.openDirect(userId);
    this.learnChannel(channel);
    this.nav.go(`/channels/@me/${channel.id}`);
  }
}

/** The addresses of a picture that may move. */
export interface Moving {
  still: string;
  /** Null for one that does not. */
  moving: string | null;
}

/** The size to ask the server for (API.md section 1.12): sharp on this screen, a power of two. */
function sizeFor(px: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(16, px * Math.min(2, devicePixelRatio))));
}

function voiceFaultText(fault: VoiceFault): string {
  switch (fault) {
    case 'full':
      return m.voice_full();
    case 'absent':
      return m.voice_absent();
    case 'elsewhere':
      return m.voice_elsewhere();
    case 'removed':
      return m.voice_removed();
    case 'refused':
      return m.voice_refused();
  }
}

export const [useClient, provideClient] = createContext<Client>();
