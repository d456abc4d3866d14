// What one can do to a guild from the rail or its own header.
import { Permission } from '../../api/permissions';
import type { Guild } from '../../api/types';
import { m } from '../../i18n';
import type { Client } from '../../state/client.svelte';
import { dissolve, folderOf, group, putInto, step, takeOut } from '../../state/folders';
import { guildSettingsPath } from '../../router';
import type { MenuItem } from '../../ui/Menu.svelte';
import { guildSections } from '../guild-settings/sections';

/** Reading and hearing, making, arranging, leaving: in groups. */
export function guildMenu(client: Client, guild: Guild): MenuItem[][] {
  return [reading(client, guild), making(client, guild), arranging(client, guild), leaving(client, guild)];
}

function reading(client: Client, guild: Guild): MenuItem[] {
  const { ui, account } = client;
  const isMuted = client.isGuildMuted(guild.id);
  return [
    { label: m.mark_all_read(), icon: 'check', run: () => readAll(client, guild) },
    {
      label: isMuted ? m.unmute() : m.mute(),
      icon: isMuted ? 'bell' : 'bellOff',
      run: () =>
        void ui.undoable(
          isMuted ? m.unmuted_named({ name: guild.name }) : m.muted_named({ name: guild.name }),
          () => account.hear(guild.id, { muted: !isMuted, mute_config: null }),
          { label: m.undo(), run: () => account.hear(guild.id, { muted: isMuted, mute_config: null }) },
        ),
    },
    {
      label: m.notification_settings(),
      icon: 'gear',
      run: () => ui.open({ kind: 'hearing', guildId: guild.id, channelId: null }),
    },
  ];
}

/** Marks a guild read, with the way back. */
export function readAll(client: Client, guild: Guild): void {
  const back = client.reads.ackGuild(guild.id);
  client.ui.tell(m.all_read_named({ name: guild.name }), false, {
    label: m.undo(),
    run: () => void client.ui.attempt(back),
  });
}

function making(client: Client, guild: Guild): MenuItem[] {
  const { ui, nav } = client;
  const may = (bits: bigint): boolean => client.mayInGuild(guild, bits);
  const items: (MenuItem | false)[] = [
    may(Permission.createInvite) && {
      label: m.invite_people(),
      icon: 'people',
      run: () => ui.open({ kind: 'invite', guildId: guild.id }),
    },
    may(Permission.manageGuild) && {
      label: m.invites(),
      icon: 'link',
      run: () => ui.open({ kind: 'invites', guildId: guild.id }),
    },
    may(Permission.manageChannels) && {
      label: m.create_channel(),
      icon: 'plus',
      run: () => ui.open({ kind: 'createChannel', guildId: guild.id, parentId: null }),
    },
    may(Permission.manageChannels) && {
      label: m.create_category(),
      icon: 'board',
      run: () => ui.open({ kind: 'createCategory', guildId: guild.id }),
    },
    guildSections(client, guild).length > 0 && {
      label: m.server_settings(),
      icon: 'gear',
      run: () => nav.go(guildSettingsPath(guild.id)),
    },
  ];
  return items.filter((item) => item !== false);
}

/** A new folder's id: any number not in use. */
export function newFolderId(): number {
  return Math.floor(Math.random() * 2 ** 31);
}

function arranging(client: Client, guild: Guild): MenuItem[] {
  const { account, ui } = client;
  const { folders } = account;
  const home = folderOf(folders, guild.id);
  const set = (next: typeof folders): void => void ui.attempt(() => account.setFolders(next));
  const items: MenuItem[] = [
    { label: m.move_up(), icon: 'up', run: () => set(step(folders, { kind: 'guild', id: guild.id }, -1)) },
    { label: m.move_down(), icon: 'down', run: () => set(step(folders, { kind: 'guild', id: guild.id }, 1)) },
  ];
  if (home) {
    items.push({ label: m.folder_take_out(), icon: 'folder', run: () => set(takeOut(folders, guild.id)) });
    return items;
  }
  for (const folder of folders) {
    const { id } = folder;
    if (id === null) continue;
    const name = folder.name || m.folder_unnamed();
    items.push({
      label: m.folder_put_into({ name }),
      icon: 'folder',
      run: () => set(putInto(folders, guild.id, id)),
    });
  }
  items.push({
    label: m.folder_new(),
    icon: 'folder',
    run: () => {
      const folderId = newFolderId();
      set(group(folders, guild.id, null, folderId));
      ui.open({ kind: 'folder', folderId });
    },
  });
  return items;
}

function leaving(client: Client, guild: Guild): MenuItem[] {
  if (guild.owner_id === client.meId) return [];
  return [
    {
      label: m.leave_server(),
      icon: 'leave',
      isDanger: true,
      run: () => client.ui.open({ kind: 'leaveGuild', guildId: guild.id }),
    },
  ];
}

/** What one can do to a folder. */
export function folderMenu(client: Client, folderId: number): MenuItem[][] {
  const { account, ui, reads, world } = client;
  const { folders } = account;
  const set = (next: typeof folders): void => void ui.attempt(() => account.setFolders(next));
  const ids = folders.find((folder) => folder.id === folderId)?.guild_ids ?? [];
  return [
    [
      {
        label: m.mark_all_read(),
        icon: 'check',
        run: () => ids.filter((id) => world.guilds.has(id)).forEach((id) => reads.ackGuild(id)),
      },
    ],
    [
      { label: m.folder_settings(), icon: 'pencil', run: () => ui.open({ kind: 'folder', folderId }) },
      { label: m.move_up(), icon: 'up', run: () => set(step(folders, { kind: 'folder', id: folderId }, -1)) },
      {
        label: m.move_down(),
        icon: 'down',
        run: () => set(step(folders, { kind: 'folder', id: folderId }, 1)),
      },
      {
        label: m.folder_dissolve(),
        icon: 'folder',
        run: () => {
          const before = folders;
          set(dissolve(folders, folderId));
          ui.tell(m.folder_dissolved(), false, { label: m.undo(), run: () => set(before) });
        },
      },
    ],
  ];
}
