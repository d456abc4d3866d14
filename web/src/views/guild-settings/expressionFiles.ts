// What comes as a file and is to become an emoji or a sticker.
import { MAX_EMOJI_BYTES, MAX_STICKER_BYTES, MAX_STICKER_PX } from '../../api/limits';
import { byteSize, m } from '../../i18n';
import { PictureFault, type Bounds } from '../../ui/shrink';

/** The server draws larger ones anew itself, whatever their sides; only bytes count. */
export const EMOJI_BOUNDS: Bounds = {
  maxBytes: MAX_EMOJI_BYTES,
  maxSidePx: 4096,
  types: ['image/png', 'image/jpeg', 'image/gif', 'image/webp'],
};
/** What a still picture that is too big is drawn anew at. */
export const EMOJI_SIDE_PX = 128;
export const STICKER_BOUNDS: Bounds = {
  maxBytes: MAX_STICKER_BYTES,
  maxSidePx: MAX_STICKER_PX,
  types: ['image/png', 'image/gif'],
};

const MAX_NAME_CHARS = 32;
export const EMOJI_NAME = /^[A-Za-z0-9_]{2,32}$/;

/** A name for an emoji, from its file's. */
export function emojiNameOf(fileName: string): string {
  const stem = fileName.replace(/\.[^.]*$/, '').normalize('NFKD');
  const name = stem
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, MAX_NAME_CHARS);
  return name.length < 2 ? `emoji_${name}`.replace(/_$/, '') : name;
}

/** Why a file was not taken, in words. */
export function pictureFaultText(error: PictureFault, name: string, bounds: Bounds): string {
  return error.kind === 'no-picture'
    ? m.emoji_not_picture({ name })
    : m.moving_too_big({ name, limit: byteSize(bounds.maxBytes), side: bounds.maxSidePx });
}
