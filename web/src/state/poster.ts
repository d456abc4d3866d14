// The picture a film shows before it plays, made by the browser that sends it: the server draws no films (API.md section 1.10).

/** The longer side, in pixels. */
const MAX_SIDE_PX = 1280;
const MAX_BYTES = 1024 * 1024;
const QUALITY = 0.82;
/** Beginnings are often black. */
const AT_SECS = 1;
/** A film this browser takes longer to open goes without. */
const PATIENCE_MS = 8000;

/** A frame near the beginning as a JPEG; null where this browser can't play the file. */
export async function posterOf(file: Blob): Promise<Blob | null> {
  const video = document.createElement('video');
  const url = URL.createObjectURL(file);
  const happens = (event: string): Promise<boolean> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), PATIENCE_MS);
      const settle = (isThere: boolean) => (): void => {
        clearTimeout(timer);
        resolve(isThere);
      };
      video.addEventListener(event, settle(true), { once: true });
      video.addEventListener('error', settle(false), { once: true });
    });
  try {
    video.muted = true;
    video.preload = 'auto';
    video.playsInline = true;
    video.src = url;
    if (!(await happens('loadeddata')) || video.videoWidth === 0) return null;
    const { duration, videoWidth: width, videoHeight: height } = video;
    if (Number.isFinite(duration) && duration > 0) {
      video.currentTime = Math.min(AT_SECS, duration / 3);
      if (!(await happens('seeked'))) return null;
    }
    const scale = Math.min(1, MAX_SIDE_PX / Math.max(width, height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
    const made = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg', QUALITY));
    return made && made.size <= MAX_BYTES ? made : null;
  } finally {
    video.removeAttribute('src');
    video.load(); // lets go of the decoder
    URL.revokeObjectURL(url);
  }
}
