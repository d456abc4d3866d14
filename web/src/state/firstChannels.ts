// The channels that a new guild begins with, as the server would make them (API.md section 2.3), named in its owner's language.
import { ChannelType } from '../api/enums';
import type { Body } from '../api/calls';
import { m } from '../i18n';

/** What stands for ids of channels that are not made yet. */
const [CATEGORY, TEXT] = ['1', '2'];

/** The body that makes a guild. */
export function firstGuild(name: string): Body<'POST /guilds'> {
  return {
    name,
    system_channel_id: TEXT,
    channels: [
      { id: CATEGORY, name: m.first_category(), type: ChannelType.category },
      { id: TEXT, name: m.first_channel(), type: ChannelType.text, parent_id: CATEGORY },
      { name: m.first_room(), type: ChannelType.voice, parent_id: CATEGORY },
    ],
  };
}
