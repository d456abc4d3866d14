// The icon of each kind of file.
import type { IconName } from './icons';

export const KIND_ICONS = {
  picture: 'picture',
  video: 'film',
  audio: 'music',
  other: 'file',
} as const satisfies Record<string, IconName>;
