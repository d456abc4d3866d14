// The pages of a guild's settings, and who may open which.
import { Permission } from '../../api/permissions';
import type { Guild } from '../../api/types';
import type { GuildSettingsPage } from '../../router';
import type { Client } from '../../state/client.svelte';

/** Any of these bits opens the page. */
const RIGHTS: Readonly<Record<GuildSettingsPage, readonly bigint[]>> = {
  overview: [Permission.manageGuild],
  emoji: [Permission.createExpressions, Permission.manageExpressions],
  stickers: [Permission.createExpressions, Permission.manageExpressions],
  sounds: [Permission.createExpressions, Permission.manageExpressions],
};

/** The pages open to us, in their order. */
export function guildSections(client: Client, guild: Guild): GuildSettingsPage[] {
  const pages = Object.keys(RIGHTS) as GuildSettingsPage[];
  return pages.filter((page) => RIGHTS[page].some((bits) => client.mayInGuild(guild, bits)));
}
