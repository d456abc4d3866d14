// How a message's files are laid out, and which size of a picture is asked for.
import { AttachmentFlag } from '../api/enums';
import type { Attachment } from '../api/types';
import { withQuery } from '../state/fileLinks.svelte';
import { kindOf } from '../state/uploads.svelte';

/** The box one picture or video alone may fill, in CSS pixels. */
const MAX_WIDTH = 420;
const MAX_HEIGHT = 320;
/** Sizes the server makes (API.md section 1.12). */
const SIZES = [128, 256, 512, 1024, 2048, 4096] as const;

export interface Sorted {
  pictures: Attachment[];
  videos: Attachment[];
  others: Attachment[];
}

/** What is shown as a picture, as a video, and as a card. */
export function sortFiles(files: readonly Attachment[]): Sorted {
  const sorted: Sorted = { pictures: [], videos: [], others: [] };
  for (const file of files) {
    const kind = kindOf(file.content_type);
    const isSized = !!file.width && !!file.height;
    if (kind === 'picture' && isSized) sorted.pictures.push(file);
    else if (kind === 'video') sorted.videos.push(file);
    else sorted.others.push(file);
  }
  return sorted;
}

/** The size something is drawn at when it stands alone, never larger than it is. */
export function fit(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, MAX_WIDTH / width, MAX_HEIGHT / height);
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Columns of the grid that many pictures make. */
export function columnsFor(count: number): 1 | 2 | 3 {
  if (count === 1) return 1;
  return count === 2 || count === 4 ? 2 : 3;
}

/** Whether the picture moves by itself. */
export function isMoving(file: Attachment): boolean {
  return ((file.flags ?? 0) & AttachmentFlag.isAnimated) !== 0 || file.content_type === 'image/gif';
}

/** Whether it is to be covered until asked for. */
export function isSpoiler(file: Attachment): boolean {
  return ((file.flags ?? 0) & AttachmentFlag.isSpoiler) !== 0 || file.filename.startsWith('SPOILER_');
}

/** The name people gave it. */
export function nameOfFile(file: Attachment): string {
  return file.title ?? file.filename;
}

/**
 * The address of a picture drawn `widthPx` wide: the original where that is no larger, or moves and may; else the next
 * size up that the server makes.
 */
export function pictureUrl(file: Attachment, url: string, widthPx: number, mayMove: boolean): string {
  if (isMoving(file)) return mayMove ? url : withQuery(url, { format: 'png', size: 1024 });
  const width = file.width ?? 0;
  const longest = Math.max(width, file.height ?? 0);
  // the server's size bounds the longer side
  const wanted = Math.min(1, widthPx / Math.max(1, width)) * longest;
  const size = SIZES.find((one) => one >= wanted);
  return size === undefined || size >= longest ? url : withQuery(url, { size });
}
