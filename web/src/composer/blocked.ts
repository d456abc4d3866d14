// Whom one has blocked of a conversation of two.
import { ChannelType } from '../api/enums';
import type { Channel, Id } from '../api/types';
import type { Client } from '../state/client.svelte';

/** The other one, where nothing can be written because they are blocked; null elsewhere. */
export function blockedIn(client: Client, channel: Channel): Id | null {
  const other = channel.type === ChannelType.dm ? channel.recipients?.[0] : undefined;
  return other && client.relations.isBlocked(other.id) ? other.id : null;
}
