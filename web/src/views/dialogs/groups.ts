// Taking people out of a group of one's own.
import { Relation } from '../../api/enums';
import type { Channel, Id } from '../../api/types';
import { m } from '../../i18n';
import type { Client } from '../../state/client.svelte';

/** Removes somebody: at once where one could bring them back, which takes being friends; else after a question. */
export function removeFromGroup(client: Client, channel: Channel, userId: Id): void {
  const { api, relations, ui } = client;
  if (relations.typeOf(userId) !== Relation.friend) {
    ui.open({ kind: 'removeFromGroup', channelId: channel.id, userId });
    return;
  }
  void ui.undoable(
    m.group_removed_named({ name: client.nameOf(userId, null) }),
    () => api.removeRecipient(channel.id, userId),
    { label: m.undo(), run: () => api.addRecipient(channel.id, userId) },
  );
}
