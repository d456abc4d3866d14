// What one can do to a channel or category from the tree.
import { Permission } from '../../api/permissions';
import { ChannelType } from '../../api/enums';
import type { Channel } from '../../api/types';
import { m } from '../../i18n';
import { channelPath } from '../../router';
import type { Client } from '../../state/client.svelte';
import { overrideOf, hearingOf, isMuteOn } from '../../state/notify';
import { inverse, moveBy, type Move } from '../../state/order';
import { channelTree, isConversation } from '../../state/tree';
import type { MenuItem } from '../../ui/Menu.svelte';

/** Moves channels, and offers the way back. */
export function move(client: Client, channel: Channel, moves: Move[]): Promise<void> {
  const guildId = channel.guild_id;
  if (!guildId || moves.length === 0) return Promise.resolve();
  const back = inverse(moves, client.world.channels);
  return client.ui.undoable(
    m.moved_named({ name: channel.name ?? '' }),
    () => client.moveChannels(guildId, moves),
    { label: m.undo(), run: () => client.moveChannels(guildId, back) },
  );
}

/** One step up (-1) or down (1). */
export function moveStep(client: Client, channel: Channel, by: -1 | 1): Promise<void> {
  const branches = channelTree(client.world.channels.values(), channel.guild_id ?? '', true);
  return move(client, channel, moveBy(branches, channel, by));
}

/** Items in groups; nobody's channel is without. */
export function channelMenu(client: Client, channel: Channel): MenuItem[][] {
  const isCategory = channel.type === ChannelType.category;
  return [hearing(client, channel), isCategory ? [] : linking(client, channel), managing(client, channel)];
}

/** Mutes or hears a channel again, with the way back. */
export function toggleMute(client: Client, channel: Channel): void {
  const name = channel.name ?? '';
  const own = overrideOf(hearingOf(client.world, channel.guild_id), channel.id);
  const isMuted = isMuteOn(own, client.notifications.nowMs);
  const set = (muted: boolean): Promise<void> =>
    client.account.hearChannel(channel, { muted, mute_config: null });
  void client.ui.undoable(
    isMuted ? m.unmuted_named({ name }) : m.muted_named({ name }),
    () => set(!isMuted),
    {
      label: m.undo(),
      run: () => set(isMuted),
    },
  );
}

function hearing(client: Client, channel: Channel): MenuItem[] {
  const { ui, reads, world } = client;
  const own = overrideOf(hearingOf(world, channel.guild_id), channel.id);
  const isMuted = isMuteOn(own, client.notifications.nowMs);
  const items: MenuItem[] = [];
  if (isConversation(channel))
    items.push({ label: m.mark_read(), icon: 'check', run: () => reads.ack(channel.id) });
  items.push(
    {
      label: isMuted ? m.unmute() : m.mute(),
      icon: isMuted ? 'bell' : 'bellOff',
      run: () => toggleMute(client, channel),
    },
    {
      label: m.notification_settings(),
      icon: 'gear',
      run: () => ui.open({ kind: 'hearing', guildId: channel.guild_id ?? null, channelId: channel.id }),
    },
  );
  return items;
}

function linking(client: Client, channel: Channel): MenuItem[] {
  const items: MenuItem[] = [
    {
      label: m.copy_link(),
      icon: 'link',
      run: () =>
        void navigator.clipboard
          .writeText(location.origin + channelPath(channel.guild_id, channel.id))
          .then(() => client.ui.tell(m.copied())),
    },
  ];
  return items;
}

function managing(client: Client, channel: Channel): MenuItem[] {
  if (!client.may(channel, Permission.manageChannels)) return [];
  const { ui } = client;
  const isCategory = channel.type === ChannelType.category;
  return [
    { label: m.move_up(), icon: 'up', run: () => void moveStep(client, channel, -1) },
    { label: m.move_down(), icon: 'down', run: () => void moveStep(client, channel, 1) },
    {
      label: isCategory ? m.edit_category() : m.edit_channel(),
      icon: 'pencil',
      run: () => ui.open({ kind: 'editChannel', channelId: channel.id }),
    },
    {
      label: isCategory ? m.delete_category() : m.delete_channel(),
      icon: 'trash',
      isDanger: true,
      run: () => ui.open({ kind: 'deleteChannel', channelId: channel.id }),
    },
  ];
}
