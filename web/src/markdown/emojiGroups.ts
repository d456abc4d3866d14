// Guilds' emoji as the picker lists them.
import type { Channel } from '../api/types';
import type { Client } from '../state/client.svelte';
import { wireOf } from '../state/expressions';
import type { EmojiCategory } from '../ui/emoji';

/** Drawn no larger than this in the picker, in CSS pixels. */
const PICKER_PX = 32;

/** A category for each guild whose emoji may be used in a channel. */
export function emojiGroups(client: Client, channel: Channel | undefined): EmojiCategory[] {
  return client.emojiIn(channel).map(({ guild, items }) => ({
    key: `guild-${guild.id}`,
    name: guild.name,
    picture: client.picture('icons', guild.id, guild.icon, PICKER_PX),
    emoji: items.map((emoji) => {
      const picture = client.emojiPicture(emoji, PICKER_PX);
      return {
        text: wireOf(emoji),
        name: `:${emoji.name}:`,
        code: emoji.name.toLowerCase(),
        words: [emoji.name.toLowerCase(), ...emoji.name.toLowerCase().split('_')],
        hasTones: false,
        ...(picture && { picture }),
      };
    }),
  }));
}
