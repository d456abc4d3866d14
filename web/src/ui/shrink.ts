// Pictures made small enough in the browser, before they are sent.

/** Why a file can't be taken: it is no picture, or it moves and is too big as it is. */
export class PictureFault extends Error {
  override readonly name = 'PictureFault';
  readonly kind: 'no-picture' | 'too-big';

  constructor(kind: 'no-picture' | 'too-big') {
    super(kind);
    this.kind = kind;
  }
}

export interface Bounds {
  maxBytes: number;
  /** The longer side, in pixels. */
  maxSidePx: number;
  /** Kinds taken as they are. */
  types: readonly string[];
}

/** Enough of a file to find where a PNG or WebP says that it moves: both say so before their picture. */
const LOOKED_AT_BYTES = 64 * 1024;

/** Whether a picture may move: drawn anew it would stand still. */
export async function mayMove(file: Blob): Promise<boolean> {
  if (file.type === 'image/gif') return true;
  const start = new Uint8Array(await file.slice(0, LOOKED_AT_BYTES).arrayBuffer());
  const text = new TextDecoder('latin1').decode(start);
  return file.type === 'image/png' ? text.includes('acTL') : text.includes('ANIM');
}

/** The picture within bounds: itself where it fits, else drawn anew as a PNG. Rejects with a `PictureFault`. */
export async function shrink(file: Blob, { maxBytes, maxSidePx, types }: Bounds): Promise<Blob> {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) throw new PictureFault('no-picture');
  const { width, height } = bitmap;
  const scale = Math.min(1, maxSidePx / Math.max(width, height));
  if (scale === 1 && file.size <= maxBytes && types.includes(file.type)) {
    bitmap.close();
    return file;
  }
  if (await mayMove(file)) throw new PictureFault('too-big');
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const made = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (!made || made.size > maxBytes) throw new PictureFault('too-big');
  return made;
}

/** A file as a `data:` address. */
export function dataUrl(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new PictureFault('no-picture'));
    reader.readAsDataURL(file);
  });
}
