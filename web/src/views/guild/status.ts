// Presence as shape and word.
import type { Presence, Status } from '../../api/types';
import { m } from '../../i18n';

export type Shown = 'online' | 'idle' | 'dnd' | 'offline';

/** What others see of a status. */
export function shown(status: Status | undefined): Shown {
  return status === 'online' || status === 'idle' || status === 'dnd' ? status : 'offline';
}

/** The status in words. */
export function statusText(status: Status | undefined): string {
  switch (status) {
    case 'online':
      return m.status_online();
    case 'idle':
      return m.status_idle();
    case 'dnd':
      return m.status_dnd();
    case 'invisible':
      return m.status_invisible();
    default:
      return m.status_offline();
  }
}

/** The line under a name: what the person says they do. */
export function activityText(presence: Presence | undefined): string | null {
  const custom = presence?.activities.find((activity) => activity.type === 4);
  return custom?.state ?? presence?.activities[0]?.name ?? null;
}
