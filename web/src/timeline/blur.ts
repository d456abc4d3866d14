// The blur a picture has while it loads, from the few bytes that came with the message.
import { thumbHashToDataURL } from 'thumbhash';

const MAX_BYTES = 64;

/** A picture of a few pixels as a data address; null for what is no thumbhash. */
export function blurOf(placeholder: string | null | undefined): string | null {
  if (!placeholder) return null;
  try {
    const bytes = Uint8Array.from(atob(placeholder), (char) => char.charCodeAt(0));
    return bytes.length < 5 || bytes.length > MAX_BYTES ? null : thumbHashToDataURL(bytes);
  } catch {
    return null; // a text that is no base64: the picture comes without a blur
  }
}
