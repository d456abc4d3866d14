// Permissions in words, for someone asked to grant them. Bits without a line here are granted with their set.
import { m } from '../../i18n';

export const PERMISSION_NAMES: readonly { bit: bigint; name: () => string }[] = [
  { bit: 1n << 3n, name: m.permission_administrator },
  { bit: 1n << 5n, name: m.permission_manage_guild },
  { bit: 1n << 28n, name: m.permission_manage_roles },
  { bit: 1n << 4n, name: m.permission_manage_channels },
  { bit: 1n << 1n, name: m.permission_kick },
  { bit: 1n << 2n, name: m.permission_ban },
  { bit: 1n << 40n, name: m.permission_moderate },
  { bit: 1n << 13n, name: m.permission_manage_messages },
  { bit: 1n << 29n, name: m.permission_manage_webhooks },
  { bit: 1n << 0n, name: m.permission_invite },
  { bit: 1n << 10n, name: m.permission_view },
  { bit: 1n << 11n, name: m.permission_send },
  { bit: 1n << 16n, name: m.permission_history },
  { bit: 1n << 14n, name: m.permission_embed },
  { bit: 1n << 15n, name: m.permission_attach },
  { bit: 1n << 6n, name: m.permission_react },
  { bit: 1n << 17n, name: m.permission_mention_everyone },
  { bit: 1n << 20n, name: m.permission_connect },
  { bit: 1n << 21n, name: m.permission_speak },
];
