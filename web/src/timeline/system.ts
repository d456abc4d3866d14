// What the server's own messages say.
import { MessageType } from '../api/enums';
import type { Message } from '../api/types';
import { m } from '../i18n';

/** The sentence of a system message; `name` is who caused it. */
export function systemText(message: Message, name: string): string {
  const other = message.mentions[0]?.global_name ?? message.mentions[0]?.username ?? '';
  switch (message.type) {
    case MessageType.recipientAdd:
      return m.system_recipient_add({ name, other });
    case MessageType.recipientRemove:
      return m.system_recipient_remove({ name, other });
    case MessageType.call:
      return m.system_call({ name });
    case MessageType.channelName:
      return m.system_channel_name({ name, title: message.content });
    case MessageType.channelIcon:
      return m.system_channel_icon({ name });
    case MessageType.pinned:
      return m.system_pinned({ name });
    case MessageType.join:
      return m.system_join({ name });
    case MessageType.followAdded:
      return m.system_follow({ name, title: message.content });
    default:
      return message.content || m.system_other();
  }
}
