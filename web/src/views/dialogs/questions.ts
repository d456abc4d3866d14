// What is asked before something about people, groups, invites or expressions that can't be taken back. Each names the thing.
import type { Id } from '../../api/types';
import { m } from '../../i18n';
import type { Client } from '../../state/client.svelte';
import { directName } from '../../state/names';
import type { Dialog } from '../../state/ui.svelte';

export interface Question {
  title: string;
  text: string;
  quote?: string;
  button: string;
  act: () => Promise<unknown>;
}

/** The question a dialog stands for; null where it stands for none of these. */
export function peopleQuestion(client: Client, dialog: Dialog): Question | null {
  const { relations, api, world, nav, ui } = client;
  const nameOf = (id: Id): string => client.nameOf(id, 'guildId' in dialog ? dialog.guildId : null);
  const conversation = (id: Id): string => {
    const channel = world.channels.get(id);
    return channel ? directName(world, channel) || m.group_conversation() : '';
  };
  switch (dialog.kind) {
    case 'endFriendship': {
      const { userId } = dialog;
      return {
        title: m.friend_remove_named({ name: nameOf(userId) }),
        text: m.friend_remove_text(),
        button: m.friend_remove(),
        act: () => relations.end(userId),
      };
    }
    case 'declineFriend': {
      const { userId } = dialog;
      return {
        title: m.friend_decline_title({ name: nameOf(userId) }),
        text: m.friend_decline_text(),
        button: m.decline(),
        act: () => relations.end(userId),
      };
    }
    case 'block': {
      const { userId } = dialog;
      return {
        title: m.block_named({ name: nameOf(userId) }),
        text: m.block_text(),
        button: m.block(),
        act: () => relations.block(userId),
      };
    }
    case 'kick': {
      const { guildId, userId } = dialog;
      return {
        title: m.kick_named({ name: nameOf(userId) }),
        text: m.kick_text(),
        button: m.kick(),
        act: () => api.kick(guildId, userId),
      };
    }
    case 'ban': {
      const { guildId, userId } = dialog;
      const name = nameOf(userId);
      return {
        title: m.ban_named({ name }),
        text: m.ban_text(),
        button: m.ban(),
        act: async () => {
          await api.ban(guildId, userId);
          ui.tell(m.banned_named({ name }), false, {
            label: m.undo(),
            run: () => void ui.attempt(() => api.unban(guildId, userId)),
          });
        },
      };
    }
    case 'leaveGroup': {
      const { channelId } = dialog;
      const isOpen = client.openChannelId === channelId;
      return {
        title: m.leave_named({ name: conversation(channelId) }),
        text: m.group_leave_text(),
        button: m.group_leave(),
        act: async () => {
          await api.deleteChannel(channelId);
          if (isOpen) nav.go('/channels/@me', { replace: true });
        },
      };
    }
    case 'removeFromGroup': {
      const { channelId, userId } = dialog;
      return {
        title: m.group_remove_title({ name: nameOf(userId) }),
        text: m.group_remove_text(),
        button: m.remove(),
        act: () => api.removeRecipient(channelId, userId),
      };
    }
    case 'dropRequest': {
      const { channelId } = dialog;
      const isOpen = client.openChannelId === channelId;
      return {
        title: m.message_request_drop_title({ name: conversation(channelId) }),
        text: m.message_request_drop_text(),
        button: m.ignore(),
        act: async () => {
          await relations.drop(channelId);
          if (isOpen) nav.go('/channels/@me', { replace: true });
        },
      };
    }
    case 'deleteEmoji': {
      const { guildId, emoji } = dialog;
      return {
        title: m.delete_emoji_title({ name: emoji.name }),
        text: m.delete_emoji_text(),
        button: m.delete_label(),
        act: () => api.deleteEmoji(guildId, emoji.id),
      };
    }
    case 'deleteSticker': {
      const { guildId, sticker } = dialog;
      return {
        title: m.delete_named({ name: sticker.name }),
        text: m.delete_sticker_text(),
        button: m.delete_label(),
        act: () => api.deleteSticker(guildId, sticker.id),
      };
    }
    case 'deleteSound': {
      const { guildId, sound } = dialog;
      return {
        title: m.delete_named({ name: sound.name }),
        text: m.delete_sound_text(),
        button: m.delete_label(),
        act: () => api.deleteSound(guildId, sound.sound_id),
      };
    }
    case 'revokeInvite': {
      const { code } = dialog;
      return {
        title: m.invite_revoke_title({ code }),
        text: m.invite_revoke_text(),
        button: m.invite_revoke(),
        act: () => api.revokeInvite(code),
      };
    }
    default:
      return null;
  }
}
