// The time until one may post again, in figures.

/** 0:07, 1:30, 2:05:00 */
export function waitText(waitMs: number): string {
  const seconds = Math.ceil(waitMs / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, at) => (at === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}
