// All keys, in one table: the dispatcher, the help page and the settings read it.
import { m } from '../i18n';
import type { Bound, Chord, Scope } from './scopes';

export type Action =
  | 'switcher'
  | 'help'
  | 'settings'
  | 'previousChannel'
  | 'nextChannel'
  | 'previousUnread'
  | 'nextUnread'
  | 'previousGuild'
  | 'nextGuild'
  | 'nextRegion'
  | 'previousRegion'
  | 'escape'
  | 'pins'
  | 'readGuild'
  | 'moveRow'
  | 'rowMenu'
  | 'editLast'
  | 'intoMessages'
  | 'emoji'
  | 'upload'
  | 'walkMessages'
  | 'replyMessage'
  | 'editMessage'
  | 'pinMessage'
  | 'reactMessage'
  | 'deleteMessage'
  | 'unreadMessage'
  | 'linkMessage'
  | 'mute'
  | 'deafen';

export type Group = 'go' | 'read' | 'write' | 'message' | 'talk' | 'lists' | 'app';

export interface Binding extends Bound<Action> {
  group: Group;
  label: () => string;
}

const bind = (
  group: Group,
  action: Action,
  scope: Scope,
  label: () => string,
  ...chords: Chord[]
): Binding => ({ group, action, scope, label, chords });

export const TABLE: readonly Binding[] = [
  bind('go', 'switcher', 'everywhere', m.key_switcher, 'Mod+K'),
  bind('go', 'previousChannel', 'everywhere', m.key_previous_channel, 'Alt+ArrowUp'),
  bind('go', 'nextChannel', 'everywhere', m.key_next_channel, 'Alt+ArrowDown'),
  bind('go', 'previousUnread', 'everywhere', m.key_previous_unread, 'Alt+Shift+ArrowUp'),
  bind('go', 'nextUnread', 'everywhere', m.key_next_unread, 'Alt+Shift+ArrowDown'),
  bind('go', 'previousGuild', 'everywhere', m.key_previous_guild, 'Mod+Alt+ArrowUp'),
  bind('go', 'nextGuild', 'everywhere', m.key_next_guild, 'Mod+Alt+ArrowDown'),
  bind('go', 'nextRegion', 'everywhere', m.key_next_region, 'F6'),
  bind('go', 'previousRegion', 'everywhere', m.key_previous_region, 'Shift+F6'),
  bind('read', 'escape', 'everywhere', m.key_escape, 'Escape'),
  bind('read', 'readGuild', 'everywhere', m.key_read_guild, 'Shift+Escape'),
  bind('read', 'pins', 'everywhere', m.pins, 'Mod+P'),
  bind('write', 'editLast', 'composer', m.key_edit_last, 'ArrowUp'),
  bind('write', 'intoMessages', 'composer', m.key_into_messages, 'Shift+Tab'),
  bind('write', 'emoji', 'everywhere', m.emoji_and_stickers, 'Mod+E'),
  bind('write', 'upload', 'everywhere', m.attach_files, 'Mod+Shift+U'),
  bind('message', 'walkMessages', 'message', m.key_walk, 'ArrowUp', 'ArrowDown', 'Home', 'End'),
  bind('message', 'replyMessage', 'message', m.reply, 'R'),
  bind('message', 'editMessage', 'message', m.edit_message, 'E'),
  bind('message', 'pinMessage', 'message', m.pin, 'P'),
  bind('message', 'reactMessage', 'message', m.add_reaction, '+'),
  bind('message', 'deleteMessage', 'message', m.delete_message, 'Delete'),
  bind('message', 'unreadMessage', 'message', m.mark_unread, 'U'),
  bind('message', 'linkMessage', 'message', m.copy_link, 'C'),
  bind('talk', 'mute', 'everywhere', m.mic_mute, 'Mod+Shift+M'),
  bind('talk', 'deafen', 'everywhere', m.deafen, 'Mod+Shift+D'),
  bind('lists', 'moveRow', 'row', m.key_move, 'Mod+Shift+ArrowUp', 'Mod+Shift+ArrowDown'),
  bind('lists', 'rowMenu', 'row', m.key_menu, 'Shift+F10'),
  bind('app', 'settings', 'everywhere', m.settings, 'Mod+,'),
  bind('app', 'help', 'everywhere', m.key_help, 'Mod+/'),
  bind('app', 'help', 'page', m.key_help, '?'),
];

export const GROUPS: readonly { group: Group; title: () => string }[] = [
  { group: 'go', title: m.keys_go },
  { group: 'read', title: m.keys_read },
  { group: 'write', title: m.keys_write },
  { group: 'message', title: m.keys_message },
  { group: 'talk', title: m.keys_talk },
  { group: 'lists', title: m.keys_lists },
  { group: 'app', title: m.keys_app },
];

/** The table by group, each action once with all its chords: as people read it. */
export function sections(): { group: Group; title: string; lines: { label: string; chords: Chord[] }[] }[] {
  return GROUPS.map(({ group, title }) => {
    const lines = new Map<Action, { label: string; chords: Chord[] }>();
    for (const { action, label, chords } of TABLE.filter((one) => one.group === group)) {
      const line = lines.get(action) ?? { label: label(), chords: [] };
      line.chords.push(...chords);
      lines.set(action, line);
    }
    return { group, title: title(), lines: [...lines.values()] };
  });
}
