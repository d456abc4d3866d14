// Conversations outside guilds, in the order people see them.
import { compareIds } from '../api/snowflake';
import type { Channel, Id } from '../api/types';
import { DIRECT_KEY, type World } from './world';

const newest = (world: World, channel: Channel): Id => world.latest.get(channel.id) ?? channel.id;

/** The liveliest first; requests of strangers stand elsewhere. */
export function directsInOrder(world: World): Channel[] {
  return (world.rooms.get(DIRECT_KEY) ?? [])
    .flatMap((id) => world.channels.get(id) ?? [])
    .filter((channel) => !channel.is_message_request)
    .sort((a, b) => compareIds(newest(world, b), newest(world, a)));
}
