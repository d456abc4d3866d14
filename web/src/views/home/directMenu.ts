// What one can do to a conversation outside guilds.
import { ChannelType } from '../../api/enums';
import type { Channel } from '../../api/types';
import { m } from '../../i18n';
import type { Client } from '../../state/client.svelte';
import { directName } from '../../state/names';
import { isChannelMuted } from '../../state/notify';
import type { MenuItem } from '../../ui/Menu.svelte';
import { toggleMute } from '../guild/channelMenu';

/** Items in groups. */
export function directMenu(client: Client, channel: Channel): MenuItem[][] {
  const { ui, reads, world, notifications } = client;
  const isMuted = isChannelMuted(world, channel, notifications.nowMs);
  return [
    [
      { label: m.mark_read(), icon: 'check', run: () => reads.ack(channel.id) },
      {
        label: isMuted ? m.unmute() : m.mute(),
        icon: isMuted ? 'bell' : 'bellOff',
        run: () => toggleMute(client, { ...channel, name: directName(world, channel) }),
      },
      {
        label: m.notification_settings(),
        icon: 'gear',
        run: () => ui.open({ kind: 'hearing', guildId: null, channelId: channel.id }),
      },
    ],
    channel.type === ChannelType.group ? ofGroup(client, channel) : ofPerson(client, channel),
  ];
}

function ofGroup({ ui }: Client, channel: Channel): MenuItem[] {
  return [
    {
      label: m.group_add(),
      icon: 'userPlus',
      run: () => ui.open({ kind: 'newGroup', channelId: channel.id }),
    },
    {
      label: m.group_rename(),
      icon: 'pencil',
      run: () => ui.open({ kind: 'renameGroup', channelId: channel.id }),
    },
    {
      label: m.group_leave(),
      icon: 'leave',
      isDanger: true,
      run: () => ui.open({ kind: 'leaveGroup', channelId: channel.id }),
    },
  ];
}

function ofPerson(client: Client, channel: Channel): MenuItem[] {
  const { ui, api, nav } = client;
  const other = channel.recipients?.[0];
  if (!other) return [];
  const name = directName(client.world, channel);
  return [
    {
      label: m.about_person({ name }),
      icon: 'user',
      run: () => ui.open({ kind: 'person', userId: other.id, guildId: null }),
    },
    {
      label: m.group_with({ name }),
      icon: 'people',
      run: () => ui.open({ kind: 'newGroup', channelId: channel.id }),
    },
    {
      label: m.direct_close(),
      icon: 'close',
      run: () => {
        const wasOpen = client.openChannelId === channel.id;
        void ui.undoable(m.direct_closed({ name }), () => api.deleteChannel(channel.id), {
          label: m.undo(),
          run: () => client.message(other.id),
        });
        if (wasOpen) nav.go('/channels/@me', { replace: true });
      },
    },
  ];
}
