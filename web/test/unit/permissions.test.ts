// The same cases the server's own computation is held to.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { channelPermissions, guildPermissions } from '../../src/api/permissions';
import type { Channel, Overwrite } from '../../src/api/types';
import { channel, guild, member, role, user } from '../support/things';

interface Vector {
  name: string;
  guild_id: string;
  everyone: string;
  roles: { id: string; permissions: string }[];
  member: { id: string; roles: string[] };
  owner: boolean;
  timed_out: boolean;
  pending: boolean;
  channel_type: Channel['type'];
  overwrites: Overwrite[];
  base: string;
  effective: string;
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../tests/vectors/permissions.json', import.meta.url), 'utf8'),
) as Vector[];

test.each(vectors)('$name', (vector) => {
  const place = guild({
    id: vector.guild_id,
    owner_id: vector.owner ? vector.member.id : '1',
    roles: [
      role(vector.guild_id, { permissions: vector.everyone }),
      ...vector.roles.map((one) => role(one.id, one)),
    ],
  });
  const someone = {
    ...member(user(vector.member.id), vector.member.roles),
    pending: vector.pending,
    communication_disabled_until: vector.timed_out ? '2026-01-01T00:00:00+00:00' : null,
  };
  const nowMs = Date.UTC(2025, 0);
  const where = channel('10', {
    guild_id: vector.guild_id,
    type: vector.channel_type,
    permission_overwrites: vector.overwrites,
  });
  expect(guildPermissions(place, vector.member.id, someone, nowMs).toString()).toBe(vector.base);
  expect(channelPermissions(place, where, vector.member.id, someone, nowMs).toString()).toBe(
    vector.effective,
  );
});
