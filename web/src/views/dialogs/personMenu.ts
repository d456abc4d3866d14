// What one can do about a person: as friend or stranger, and as somebody who keeps order.
import { guildPermissions, Permission } from '../../api/permissions';
import { Relation } from '../../api/enums';
import type { Guild, Id } from '../../api/types';
import { m } from '../../i18n';
import type { Client } from '../../state/client.svelte';
import type { MenuItem } from '../../ui/Menu.svelte';

const MINUTE = 60_000;
/** How long a time-out from the menu lasts. */
const TIME_OUTS: readonly { ms: number; name: () => string }[] = [
  { ms: 10 * MINUTE, name: m.time_out_minutes },
  { ms: 60 * MINUTE, name: m.time_out_hour },
  { ms: 1440 * MINUTE, name: m.time_out_day },
];

/** Friendship, ignoring, blocking. */
export function friendshipItems(client: Client, userId: Id): MenuItem[] {
  const { relations, ui, world } = client;
  const name = client.nameOf(userId, null);
  const type = relations.typeOf(userId);
  const items: MenuItem[] = [];
  if (!world.users.get(userId)?.bot) {
    if (type === 0)
      items.push({
        label: m.friend_send_request(),
        icon: 'userPlus',
        run: () =>
          void ui.undoable(m.friend_request_sent({ name }), () => relations.befriend(userId), {
            label: m.undo(),
            run: () => relations.end(userId),
          }),
      });
    else if (type === Relation.incoming)
      items.push({
        label: m.friend_accept_request(),
        icon: 'userPlus',
        run: () => void ui.attempt(() => relations.befriend(userId)),
      });
    else if (type === Relation.outgoing)
      items.push({
        label: m.friend_cancel_request(),
        icon: 'close',
        run: () =>
          void ui.undoable(m.friend_cancelled({ name }), () => relations.end(userId), {
            label: m.undo(),
            run: () => relations.befriend(userId),
          }),
      });
    else if (type === Relation.friend)
      items.push({
        label: m.friend_remove(),
        icon: 'user',
        isDanger: true,
        run: () => ui.open({ kind: 'endFriendship', userId }),
      });
  }
  const isIgnored = relations.isIgnored(userId);
  items.push({
    label: isIgnored ? m.unignore() : m.ignore(),
    icon: isIgnored ? 'bell' : 'bellOff',
    run: () =>
      void ui.undoable(
        isIgnored ? m.unignored_named({ name }) : m.ignored_named({ name }),
        () => relations.ignore(userId, !isIgnored),
        { label: m.undo(), run: () => relations.ignore(userId, isIgnored) },
      ),
  });
  if (type === Relation.blocked)
    items.push({
      label: m.unblock(),
      icon: 'block',
      run: () => void client.unblock(userId),
    });
  else
    items.push({
      label: m.block(),
      icon: 'block',
      isDanger: true,
      run: () => void client.block(userId),
    });
  return items;
}

/** The place of a member's highest role: one keeps order among those below. */
function rankOf(guild: Guild, roles: readonly Id[]): number {
  return Math.max(0, ...guild.roles.filter((role) => roles.includes(role.id)).map((role) => role.position));
}

/** Time-outs, removing, banning: as far as one may. */
export function moderationItems(client: Client, guild: Guild, userId: Id): MenuItem[] {
  const { ui, api, world, meId } = client;
  const members = world.members.get(guild.id);
  const member = members?.get(userId);
  if (!member || userId === meId || userId === guild.owner_id) return [];
  const own = members?.get(meId);
  const isOwner = guild.owner_id === meId;
  if (!isOwner && rankOf(guild, own?.roles ?? []) <= rankOf(guild, member.roles)) return [];
  const name = client.nameOf(userId, guild.id);
  const nowMs = Date.now();
  const isAdmin = (guildPermissions(guild, userId, member, nowMs) & Permission.administrator) !== 0n;
  const until = member.communication_disabled_until;
  const isTimedOut = until != null && Date.parse(until) > nowMs;
  const setTimeOut = (end: string | null): Promise<unknown> =>
    api.editMember(guild.id, userId, { communication_disabled_until: end });
  const items: MenuItem[] = [];
  if (client.mayInGuild(guild, Permission.moderateMembers) && !isAdmin) {
    if (isTimedOut)
      items.push({
        label: m.time_out_end(),
        icon: 'clock',
        run: () =>
          void ui.undoable(m.time_out_ended({ name }), () => setTimeOut(null), {
            label: m.undo(),
            run: () => setTimeOut(until),
          }),
      });
    else
      for (const { ms, name: label } of TIME_OUTS)
        items.push({
          label: label(),
          icon: 'clock',
          run: () =>
            void ui.undoable(
              m.timed_out_named({ name }),
              () => setTimeOut(new Date(Date.now() + ms).toISOString()),
              { label: m.undo(), run: () => setTimeOut(null) },
            ),
        });
  }
  if (client.mayInGuild(guild, Permission.kickMembers))
    items.push({
      label: m.kick(),
      icon: 'leave',
      isDanger: true,
      run: () => ui.open({ kind: 'kick', guildId: guild.id, userId }),
    });
  if (client.mayInGuild(guild, Permission.banMembers))
    items.push({
      label: m.ban(),
      icon: 'hammer',
      isDanger: true,
      run: () => ui.open({ kind: 'ban', guildId: guild.id, userId }),
    });
  return items;
}
