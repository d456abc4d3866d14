// What one can do about somebody in voice: look them up, and keep order as far as one may.
import { Permission } from '../api/permissions';
import type { Channel, Id } from '../api/types';
import { m } from '../i18n';
import type { Client } from '../state/client.svelte';
import { isVoice } from '../state/tree';
import { voicesIn } from '../state/voices';
import type { MenuItem } from '../ui/Menu.svelte';

/** Items in groups. */
export function personItems(client: Client, channel: Channel, userId: Id): MenuItem[][] {
  const name = client.nameOf(userId, channel.guild_id);
  return [
    [
      {
        label: m.about_person({ name }),
        icon: 'user',
        run: () => client.ui.open({ kind: 'person', userId, guildId: channel.guild_id ?? null }),
      },
    ],
    orderItems(client, channel, userId),
  ];
}

/** Muting, deafening, moving and taking out, for whoever may. */
export function orderItems(client: Client, channel: Channel, userId: Id): MenuItem[] {
  const { api, ui, world } = client;
  const guildId = channel.guild_id;
  const state = voicesIn(world, channel.id).get(userId);
  if (!guildId || !state) return [];
  const name = client.nameOf(userId, guildId);
  const items: MenuItem[] = [];
  const edit = (body: Readonly<Record<string, unknown>>): Promise<unknown> =>
    api.editMember(guildId, userId, body);
  const change = (text: string, body: Record<string, unknown>, back: Record<string, unknown>): void =>
    void ui.undoable(text, () => edit(body), { label: m.undo(), run: () => edit(back) });
  if (client.may(channel, Permission.muteMembers))
    items.push({
      label: state.mute ? m.host_unmute() : m.host_mute(),
      icon: state.mute ? 'mic' : 'micOff',
      run: () =>
        change(
          state.mute ? m.host_unmuted({ name }) : m.host_muted({ name }),
          { mute: !state.mute },
          { mute: state.mute },
        ),
    });
  if (client.may(channel, Permission.deafenMembers))
    items.push({
      label: state.deaf ? m.host_undeafen() : m.host_deafen(),
      icon: state.deaf ? 'head' : 'headOff',
      run: () =>
        change(
          state.deaf ? m.host_undeafened({ name }) : m.host_deafened({ name }),
          { deaf: !state.deaf },
          { deaf: state.deaf },
        ),
    });
  if (userId === client.meId || !client.may(channel, Permission.moveMembers)) return items;
  for (const id of world.rooms.get(guildId) ?? []) {
    const room = world.channels.get(id);
    if (!room || !isVoice(room) || room.id === channel.id || !client.may(room, Permission.connect)) continue;
    const to = room.name ?? '';
    items.push({
      label: m.move_to({ name: to }),
      icon: 'right',
      run: () => change(m.moved_to({ name, room: to }), { channel_id: room.id }, { channel_id: channel.id }),
    });
  }
  items.push({
    label: m.take_out(),
    icon: 'leave',
    isDanger: true,
    run: () => void ui.attempt(() => edit({ channel_id: null })),
  });
  return items;
}
