// What can be done to a message: the same for its bar, its menu and its keys, and only what is allowed.
import { Permission } from '../api/permissions';
import type { Message } from '../api/types';
import { m } from '../i18n';
import { channelPath } from '../router';
import type { Client } from '../state/client.svelte';
import { isSpokenType } from '../state/spoken';
import { faultText } from '../refusals';
import type { IconName } from '../ui/icons';

export interface MessageAction {
  id: 'react' | 'reply' | 'edit' | 'unread' | 'pin' | 'who' | 'text' | 'link' | 'delete';
  label: string;
  icon: IconName;
  /** The key that does it while the message has focus. */
  key?: string;
  isDanger?: boolean;
  /** `isSure`: without asking. */
  run: (isSure: boolean) => void;
}

/** What the message's own row does. */
interface Row {
  pickEmoji: () => void;
}

/** The actions on a message, in groups. */
export function actionsOn(client: Client, message: Message, row: Row): MessageAction[][] {
  const { channel_id: channelId, id } = message;
  const channel = client.world.channels.get(channelId);
  const isOwn = message.author.id === client.meId;
  const isSpoken = isSpokenType(message.type);
  const mayDelete = isOwn || client.may(channel, Permission.manageMessages);
  const link = location.origin + channelPath(channel?.guild_id, channelId, id);
  const orTell = (work: Promise<unknown>): void =>
    void work.catch((error: unknown) => client.ui.tell(faultText(error), true));
  const copy = (text: string): void =>
    orTell(navigator.clipboard.writeText(text).then(() => client.ui.tell(m.copied())));
  const unpin = (): void =>
    void client.ui.undoable(m.unpinned(), () => client.api.unpin(channelId, id), {
      label: m.undo(),
      run: () => client.api.pin(channelId, id),
    });
  const when = (isOffered: boolean, action: MessageAction): MessageAction[] => (isOffered ? [action] : []);
  return [
    [
      ...when(isSpoken && client.may(channel, Permission.addReactions), {
        id: 'react',
        label: m.add_reaction(),
        icon: 'smile',
        key: '+',
        run: row.pickEmoji,
      }),
      ...when(isSpoken && client.may(channel, Permission.sendMessages), {
        id: 'reply',
        label: m.reply(),
        icon: 'reply',
        key: 'r',
        run: () => client.startReply(message),
      }),
      ...when(isSpoken && isOwn, {
        id: 'edit',
        label: m.edit_message(),
        icon: 'pencil',
        key: 'e',
        run: () => (client.ui.editingId = id),
      }),
      ...when(isSpoken && client.may(channel, Permission.pinMessages), {
        id: 'pin',
        label: message.pinned ? m.unpin() : m.pin(),
        icon: 'pin',
        key: 'p',
        run: () => (message.pinned ? unpin() : orTell(client.api.pin(channelId, id))),
      }),
      {
        id: 'unread',
        label: m.mark_unread(),
        icon: 'inbox',
        key: 'u',
        run: () => orTell(client.reads.markUnread(channelId, id)),
      },
    ],
    [
      ...when((message.reactions?.length ?? 0) > 0, {
        id: 'who',
        label: m.who_reacted(),
        icon: 'eye',
        run: () => client.ui.open({ kind: 'reactors', message }),
      }),
      ...when(message.content !== '', {
        id: 'text',
        label: m.copy_text(),
        icon: 'board',
        run: () => copy(message.content),
      }),
      { id: 'link', label: m.copy_link(), icon: 'link', key: 'c', run: () => copy(link) },
    ],
    when(mayDelete, {
      id: 'delete',
      label: m.delete_message(),
      icon: 'trash',
      key: 'Delete',
      isDanger: true,
      run: (isSure) =>
        isSure
          ? orTell(client.timelines.remove(message))
          : client.ui.open({ kind: 'deleteMessage', message }),
    }),
  ];
}
