// A message as a line of plain words: for its name, its menu, and what answers it.
import { MessageFlag } from '../api/enums';
import type { Id, Message } from '../api/types';
import { m } from '../i18n';
import { parse, plainText } from '../markdown/scan';
import type { Client } from '../state/client.svelte';

/** Its words with the names of whom and what they call; what it is, where it has none. */
export function previewOf(client: Client, message: Message, guildId: Id | null): string {
  const roles = guildId ? client.world.guilds.get(guildId)?.roles : undefined;
  const nameFor = (kind: 'user' | 'role' | 'channel', id: string): string =>
    kind === 'user'
      ? client.nameOf(id, guildId)
      : ((kind === 'channel'
          ? client.world.channels.get(id)?.name
          : roles?.find((role) => role.id === id)?.name) ?? id);
  return plainText(parse(message.content), nameFor) || wordless(message) || m.message_without_text();
}

/** What a message without words is. */
function wordless({ flags = 0, sticker_items: [sticker] = [] }: Message): string {
  if (flags & MessageFlag.isVoice) return m.spoken_message();
  return sticker ? m.sticker_named({ name: sticker.name }) : '';
}
