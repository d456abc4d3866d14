// What is said of a connection and of devices.
import { count, m, percent } from '../i18n';
import type { VoicePhase } from '../state/voice.svelte';
import type { MicFault } from './microphone';
import type { Word } from './quality';

const WORDS: Record<Word, () => string> = {
  clear: m.quality_clear,
  uneven: m.quality_uneven,
  broken: m.quality_broken,
};

export const wordText = (word: Word): string => WORDS[word]();

export const milliseconds = (ms: number): string => m.milliseconds({ count: count(Math.round(ms)) });

/** A small share, as people read it: whole from one percent on. */
export const lossText = (share: number): string => percent(Math.round(share * 1000) / 1000);

/** Where one is on the way into a room. */
export function phaseText(phase: VoicePhase, name: string, isCall: boolean): string {
  if (phase === 'live') return isCall ? m.talking_with({ name }) : m.in_room({ name });
  if (phase === 'joining') return m.voice_joining();
  return phase === 'back' ? m.voice_returning() : m.voice_connecting();
}

/** How long something lasts, as clocks show it. */
export function lasting(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (part: number): string => String(part).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** Why nothing of us is heard. */
export function micFaultText(fault: MicFault): string {
  if (fault === 'refused') return m.mic_refused();
  return fault === 'missing' ? m.mic_missing() : m.mic_busy();
}

export function cameraFaultText(fault: MicFault): string {
  if (fault === 'refused') return m.camera_refused();
  return fault === 'missing' ? m.camera_missing() : m.camera_busy();
}
