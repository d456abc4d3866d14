// Addresses to pages and back. The same addresses bots link to.
import type { Id } from './api/types';

export type SettingsPage =
  | 'profile'
  | 'sessions'
  | 'password'
  | 'appearance'
  | 'accessibility'
  | 'language'
  | 'notifications'
  | 'voice'
  | 'keys'
  | 'data'
  | 'applications';
export const SETTINGS_PAGES: readonly SettingsPage[] = [
  'profile',
  'appearance',
  'accessibility',
  'language',
  'notifications',
  'voice',
  'keys',
  'sessions',
  'password',
  'data',
  'applications',
];

export type GuildSettingsPage = 'overview' | 'emoji' | 'stickers' | 'sounds';
export const GUILD_SETTINGS_PAGES: readonly GuildSettingsPage[] = ['overview', 'emoji', 'stickers', 'sounds'];

export type FriendsTab = 'online' | 'all' | 'pending' | 'blocked' | 'add' | 'requests';
export const FRIENDS_TABS: readonly FriendsTab[] = ['online', 'all', 'pending', 'blocked', 'add', 'requests'];

export type Route =
  | { page: 'home' }
  | { page: 'login' }
  | { page: 'register' }
  | { page: 'setup'; token: string }
  | { page: 'reset'; token: string }
  | { page: 'invite'; code: string }
  | { page: 'direct'; channelId: Id | null; messageId: Id | null }
  | { page: 'friends'; tab: FriendsTab }
  | { page: 'guild'; guildId: Id; channelId: Id | null; messageId: Id | null }
  | { page: 'settings'; section: SettingsPage | null }
  | { page: 'guildSettings'; guildId: Id; section: GuildSettingsPage | null }
  | { page: 'authorize'; query: Record<string, string> }
  | { page: 'authorized' }
  | { page: 'missing' };

/** Reads an address (path, query and fragment). */
export function parse(url: URL): Route {
  const [first = '', second = '', third = '', fourth = ''] = url.pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const messageId = asId(fourth);
  switch (first) {
    case '':
      return { page: 'home' };
    case 'login':
    case 'register':
      return { page: first };
    case 'setup':
    case 'reset':
      return { page: first, token: url.hash.slice(1) };
    case 'invite':
      return second ? { page: 'invite', code: second } : { page: 'missing' };
    case 'channels': {
      if (second === '@me' && third === 'friends')
        return { page: 'friends', tab: FRIENDS_TABS.find((tab) => tab === fourth) ?? 'online' };
      if (second === '' || second === '@me') return { page: 'direct', channelId: asId(third), messageId };
      const guildId = asId(second);
      return guildId ? { page: 'guild', guildId, channelId: asId(third), messageId } : { page: 'missing' };
    }
    case 'settings':
      return { page: 'settings', section: SETTINGS_PAGES.find((page) => page === second) ?? null };
    case 'guilds': {
      const guildId = asId(second);
      if (!guildId || third !== 'settings') return { page: 'missing' };
      const section = GUILD_SETTINGS_PAGES.find((page) => page === fourth) ?? null;
      return { page: 'guildSettings', guildId, section };
    }
    case 'oauth2':
      if (second === 'authorized') return { page: 'authorized' };
      return second === 'authorize'
        ? { page: 'authorize', query: Object.fromEntries(url.searchParams) }
        : { page: 'missing' };
    default:
      return { page: 'missing' };
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function asId(text: string): Id | null {
  return /^\d{1,20}$/.test(text) ? text : null;
}

/** The address of a conversation, a guild, or one message. */
export function channelPath(
  guildId: Id | null | undefined,
  channelId?: Id | null,
  messageId?: Id | null,
): string {
  return ['/channels', guildId ?? '@me', channelId, messageId].filter((part) => part != null).join('/');
}

/** The address of the friends, or of one of their lists. */
export function friendsPath(tab?: FriendsTab): string {
  return ['/channels/@me/friends', tab].filter((part) => part !== undefined).join('/');
}

/** The address of a settings page, or of their list. */
export function settingsPath(section?: SettingsPage): string {
  return section ? `/settings/${section}` : '/settings';
}

/** The address of a page of a guild's settings, or of their list. */
export function guildSettingsPath(guildId: Id, section?: GuildSettingsPage): string {
  return ['/guilds', guildId, 'settings', section].filter((part) => part !== undefined).join('/');
}

/** An address inside the app to come back to after signing in; anything else becomes the start page. */
export function returnPath(text: string | null): string {
  if (!text || !/^\/(?:invite|channels|oauth2|settings)\b/.test(text)) return '/channels/@me';
  return text;
}
