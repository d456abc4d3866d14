// What stays in the browser between visits, one database per account: drafts, what waits to be sent, settings, the last
// guild and channel tree, and the newest messages of the channels last read. Losing it loses no more than convenience, except
// drafts with their files and the outbox, which are written as they change.
import {
  deleteDB,
  openDB,
  type DBSchema,
  type IDBPDatabase,
  type IDBPTransaction,
  type StoreNames,
} from 'idb';
import type {
  Channel,
  Guild,
  GuildSettings,
  Id,
  Member,
  Message,
  OwnUser,
  ReadState,
  Relationship,
  Slot,
  User,
  UserSettings,
} from '../api/types';
import { logFault } from '../log';
import type { Pending } from './segments';

const VERSION = 2;
/** Channels whose newest messages are kept, the most recently opened ones. */
export const MAX_PAGES = 20;
/** Messages kept of each. */
export const PAGE_MESSAGES = 50;

/** What stands in a channel's composer. */
export interface Draft {
  readonly channelId: Id;
  readonly text: string;
  /** The message it answers. */
  readonly replyTo: Message | null;
  readonly pingsReply: boolean;
}

/** A message of ours that the server has not confirmed. */
export interface Sent {
  readonly nonce: string;
  readonly channelId: Id;
  readonly pending: Pending;
}

/** A file that lies in a channel's composer, or that a message waits for. */
export interface Staged {
  readonly id: string;
  readonly channelId: Id;
  /** Rises with each file added on this device. */
  readonly order: number;
  readonly name: string;
  readonly description: string;
  readonly isSpoiler: boolean;
  /** It belongs to a message, and lies in no composer. */
  readonly isTaken: boolean;
  readonly slot: Slot | null;
  readonly posterSlot: Slot | null;
}

/** The newest messages of a channel. */
export interface SavedPage {
  readonly channelId: Id;
  readonly messages: readonly Message[];
  readonly hasOlder: boolean;
  /** When the channel was last opened, in Unix milliseconds. */
  readonly openedAtMs: number;
}

/** Where one is and what one sees there, as of the last visit. */
export interface Tree {
  readonly me: OwnUser;
  readonly settings: UserSettings | null;
  readonly users: readonly User[];
  readonly guilds: readonly Guild[];
  readonly channels: readonly Channel[];
  /** By guild: oneself, and the authors of the saved messages. */
  readonly members: readonly (readonly [Id, readonly Member[]])[];
  readonly latest: readonly (readonly [Id, Id])[];
  readonly reads: readonly ReadState[];
  readonly relations?: readonly Relationship[];
  readonly hearing?: readonly GuildSettings[];
}

/** Single values, by name. */
export interface Values {
  tree: Tree;
  recentEmoji: readonly string[];
  skinTone: number;
  lastChannels: readonly (readonly [Id, Id])[];
}

interface Schema extends DBSchema {
  drafts: { key: Id; value: Draft };
  outbox: { key: string; value: Sent };
  pages: { key: Id; value: SavedPage };
  values: { key: string; value: unknown };
  staged: { key: string; value: Staged };
  files: { key: string; value: File };
}

const databaseName = (userId: Id): string => `hearth.${userId}`;

/** One account's database. A browser that keeps nothing makes every read empty and every write a no-op. */
export class Archive {
  readonly #name: string;
  readonly #database: Promise<IDBPDatabase<Schema> | null>;
  #isClosed = false;

  constructor(userId: Id) {
    this.#name = databaseName(userId);
    this.#database = openDB<Schema>(this.#name, VERSION, {
      upgrade(database, from) {
        if (from < 1) {
          database.createObjectStore('drafts', { keyPath: 'channelId' });
          database.createObjectStore('outbox', { keyPath: 'nonce' });
          database.createObjectStore('pages', { keyPath: 'channelId' });
          database.createObjectStore('values');
        }
        database.createObjectStore('staged', { keyPath: 'id' });
        database.createObjectStore('files');
      },
      // another tab logs out, or brings a newer version: it must not wait for this one
      blocking: () => void this.close(),
    }).catch((error: unknown) => {
      logFault('opening the local database', error);
      return null;
    });
  }

  async drafts(): Promise<Draft[]> {
    return (await this.#use((database) => database.getAll('drafts'))) ?? [];
  }

  /** Keeps a draft; an empty one is forgotten. */
  async putDraft(draft: Draft): Promise<void> {
    const isEmpty = draft.text === '' && draft.replyTo === null;
    await this.#write(['drafts'], (at) => [
      isEmpty ? at.objectStore('drafts').delete(draft.channelId) : at.objectStore('drafts').put(draft),
    ]);
  }

  /** What waits to be sent, in the order it was written. */
  async outbox(): Promise<Sent[]> {
    const all = (await this.#use((database) => database.getAll('outbox'))) ?? [];
    return all.sort((a, b) => a.pending.order - b.pending.order);
  }

  async putSent(sent: Sent): Promise<void> {
    await this.#write(['outbox'], (at) => [at.objectStore('outbox').put(sent)]);
  }

  async removeSent(nonce: string): Promise<void> {
    await this.#write(['outbox'], (at) => [at.objectStore('outbox').delete(nonce)]);
  }

  /** Files of composers and of messages that wait, in the order they were added; those too large to be kept come without themselves. */
  async staged(): Promise<{ staged: Staged; file: File | undefined }[]> {
    const all = await this.#use(async (database) => {
      const held = await database.getAll('staged');
      return Promise.all(
        held.map(async (staged) => ({ staged, file: await database.get('files', staged.id) })),
      );
    });
    return (all ?? []).sort((a, b) => a.staged.order - b.staged.order);
  }

  /** Keeps what is known of a file; and the file, where it is given. Both or neither. */
  async putStaged(staged: Staged, file: File | null): Promise<void> {
    await this.#write(['staged', 'files'], (at) => [
      at.objectStore('staged').put(staged),
      file && at.objectStore('files').put(file, staged.id),
    ]);
  }

  async removeStaged(id: string): Promise<void> {
    await this.#write(['staged', 'files'], (at) => [
      at.objectStore('staged').delete(id),
      at.objectStore('files').delete(id),
    ]);
  }

  async pages(): Promise<SavedPage[]> {
    return (await this.#use((database) => database.getAll('pages'))) ?? [];
  }

  /** Keeps pages, and of all that are kept only those last opened. */
  async putPages(pages: readonly SavedPage[]): Promise<void> {
    await this.#write(['pages'], (at) => pages.map((page) => at.objectStore('pages').put(page)));
    // in a second transaction: what came may not wait for what goes, since the page may be closing
    const held = await this.pages();
    held.sort((a, b) => b.openedAtMs - a.openedAtMs);
    const old = held.slice(MAX_PAGES);
    if (old.length > 0)
      await this.#write(['pages'], (at) => old.map((page) => at.objectStore('pages').delete(page.channelId)));
  }

  async get<K extends keyof Values>(key: K): Promise<Values[K] | undefined> {
    return (await this.#use((database) => database.get('values', key))) as Values[K] | undefined;
  }

  async put<K extends keyof Values>(key: K, value: Values[K]): Promise<void> {
    await this.#write(['values'], (at) => [at.objectStore('values').put(value, key)]);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    (await this.#database)?.close();
  }

  /** Closes it and takes everything in it away. */
  async wipe(): Promise<void> {
    await this.close();
    await deleteDB(this.#name).catch((error: unknown) => logFault('clearing the local database', error));
  }

  /** One transaction, committed as it is made: one that waited to be asked for more would be lost with a page that closes now. */
  async #write<Names extends StoreNames<Schema>[]>(
    stores: Names,
    act: (transaction: IDBPTransaction<Schema, Names, 'readwrite'>) => (Promise<unknown> | null)[],
  ): Promise<void> {
    await this.#use(async (database) => {
      const transaction = database.transaction(stores, 'readwrite');
      const asked = act(transaction);
      transaction.commit();
      await Promise.all([...asked, transaction.done]);
    });
  }

  async #use<T>(act: (database: IDBPDatabase<Schema>) => Promise<T>): Promise<T | undefined> {
    const database = await this.#database;
    if (!database || this.#isClosed) return undefined;
    try {
      return await act(database);
    } catch (error) {
      if (!this.#isClosed) logFault('the local database', error);
      return undefined;
    }
  }
}
