// Puts a stream into a video element, and tells how tall it is drawn.
import type { Attachment } from 'svelte/attachments';

/** The element plays the stream, always without sound: that is heard in its own slot. */
export function plays(stream: MediaStream | null): Attachment<HTMLVideoElement> {
  return (video) => {
    video.muted = true;
    video.playsInline = true;
    if (video.srcObject !== stream) video.srcObject = stream;
    if (stream) video.play().catch(() => undefined); // taken out again before it began
    return () => (video.srcObject = null);
  };
}

/** Follows the height of a tile in the device's own pixels. */
export function measured(onheight: (pixels: number) => void): Attachment<HTMLElement> {
  return (tile) => {
    const observer = new ResizeObserver(() => onheight(Math.round(tile.clientHeight * devicePixelRatio)));
    observer.observe(tile);
    return () => observer.disconnect();
  };
}
