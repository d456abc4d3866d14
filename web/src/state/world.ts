// All the server has told us, as maps of plain objects. Reducers write it; in the app the maps are Svelte's, in tests native.
import type {
  Call,
  Channel,
  Guild,
  GuildSettings,
  Id,
  Member,
  OwnUser,
  Prefs,
  Presence,
  ReadState,
  Relationship,
  User,
  UserSettings,
  VoiceState,
} from '../api/types';
import type { MemberList } from './memberList';
import type { Timeline } from './segments';

/** Stands where a guild's id would, for what belongs to none. */
export const DIRECT_KEY = '@me';

/** A single value that may be watched. */
export interface Cell<T> {
  value: T;
}

/** What is said of a voice channel beside who is in it. */
export interface Talk {
  status: string | null;
  sinceS: number | null;
}

export interface World {
  me: Cell<OwnUser | null>;
  settings: Cell<UserSettings | null>;
  prefs: Cell<Prefs>;
  users: Map<Id, User>;
  guilds: Map<Id, Guild>;
  channels: Map<Id, Channel>;
  /** By guild, or `DIRECT_KEY`: its channels, in no order. */
  rooms: Map<Id, readonly Id[]>;
  /** By guild, then by user. */
  members: Map<Id, Map<Id, Member>>;
  /** By guild: the member list on the screen, where the guild is too big to be told whole. */
  lists: Map<Id, MemberList>;
  presences: Map<Id, Presence>;
  /** By the other person. */
  relations: Map<Id, Relationship>;
  /** By guild, or `DIRECT_KEY`: what the person wants to hear of. */
  hearing: Map<Id, GuildSettings>;
  /** By person: what one wrote down about them. */
  notes: Map<Id, string>;
  /** The newest message of each channel. */
  latest: Map<Id, Id>;
  reads: Map<Id, ReadState>;
  timelines: Map<Id, Timeline>;
  /** By channel: who is typing, until when (Unix milliseconds). */
  typing: Map<Id, Readonly<Record<Id, number>>>;
  /** By channel: who is in voice there, by person. */
  voices: Map<Id, ReadonlyMap<Id, VoiceState>>;
  /** By voice channel with somebody in it: what it says it is about, and since when (Unix seconds). */
  talks: Map<Id, Talk>;
  /** By conversation: the call in it. */
  calls: Map<Id, Call>;
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
    rooms: makeMap(),
    members: makeMap(),
    lists: makeMap(),
    presences: makeMap(),
    relations: makeMap(),
    hearing: makeMap(),
    notes: makeMap(),
    latest: makeMap(),
    reads: makeMap(),
    timelines: makeMap(),
    typing: makeMap(),
    voices: makeMap(),
    talks: makeMap(),
    calls: makeMap(),
    makeMap,
  };
}
