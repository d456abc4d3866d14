// All the server has told us, as maps of plain objects. Reducers write it; in the app the maps are Svelte's, in tests native.
import type {
  Channel,
  Guild,
  Id,
  Member,
  OwnUser,
  Prefs,
  Presence,
  ReadState,
  User,
  UserSettings,
} from '../api/types';
import type { Timeline } from './segments';

/** A single value that may be watched. */
export interface Cell<T> {
  value: T;
}

export interface World {
  me: Cell<OwnUser | null>;
  settings: Cell<UserSettings | null>;
  prefs: Cell<Prefs>;
  users: Map<Id, User>;
  guilds: Map<Id, Guild>;
  channels: Map<Id, Channel>;
  /** By guild, then by user. */
  members: Map<Id, Map<Id, Member>>;
  presences: Map<Id, Presence>;
  /** The newest message of each channel. */
  latest: Map<Id, Id>;
  reads: Map<Id, ReadState>;
  timelines: Map<Id, Timeline>;
  /** By channel: who is typing, until when (Unix milliseconds). */
  typing: Map<Id, Readonly<Record<Id, number>>>;
  /** Makes an inner map of the same kind as the outer ones. */
  makeMap: <K, V>() => Map<K, V>;
}

/** A world of native maps. */
export function plainWorld(): World {
  return buildWorld(
    () => new Map(),
    (value) => ({ value }),
  );
}

/** A world of the caller's maps and cells. */
export function buildWorld(makeMap: <K, V>() => Map<K, V>, makeCell: <T>(value: T) => Cell<T>): World {
  return {
    me: makeCell<OwnUser | null>(null),
    settings: makeCell<UserSettings | null>(null),
    prefs: makeCell<Prefs>({}),
    users: makeMap(),
    guilds: makeMap(),
    channels: makeMap(),
    members: makeMap(),
    presences: makeMap(),
    latest: makeMap(),
    reads: makeMap(),
    timelines: makeMap(),
    typing: makeMap(),
    makeMap,
  };
}
