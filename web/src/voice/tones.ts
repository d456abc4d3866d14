// The few sounds of voice, made here: a bell for a call, and soft notes for coming and going.

let context: AudioContext | null = null;

function ready(): AudioContext {
  context ??= new AudioContext();
  if (context.state === 'suspended') void context.resume();
  return context;
}

/** One struck note: `at` seconds from now, as long, as loud. */
function strike(into: AudioContext, hz: number, at: number, seconds: number, loudness: number): void {
  const start = into.currentTime + at;
  for (const [partial, share] of [
    [1, 1],
    [2, 0.28],
    [3.01, 0.1],
  ] as const) {
    const tone = into.createOscillator();
    const gain = into.createGain();
    tone.frequency.value = hz * partial;
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(loudness * share, start + 0.012);
    gain.gain.exponentialRampToValueAtTime(0.0001, start + seconds / partial);
    tone.connect(gain).connect(into.destination);
    tone.start(start);
    tone.stop(start + seconds);
  }
}

const NOTES = { join: [523.25, 659.25], leave: [659.25, 493.88], otherJoin: [659.25], otherLeave: [493.88] };

/** A note or two for coming or going. */
export function chime(kind: keyof typeof NOTES): void {
  const into = ready();
  NOTES[kind].forEach((hz, at) => strike(into, hz, at * 0.11, 0.5, 0.07));
}

const RING_EVERY_MS = 3200;

/** Rings until stopped; answers with the way to stop. */
export function ring(): () => void {
  const once = (): void => {
    const into = ready();
    [587.33, 739.99, 880, 739.99].forEach((hz, at) => strike(into, hz, at * 0.19, 1.1, 0.11));
  };
  once();
  const timer = setInterval(once, RING_EVERY_MS);
  return () => clearInterval(timer);
}
