// The keys of the microphone as people read them, for what explains its buttons.
import { isAppleSystem, shownKeys } from '../../keys/scopes';
import { TABLE, type Action } from '../../keys/table';

export function voiceKeys(): { mute: string; deafen: string } {
  const isApple = isAppleSystem(navigator.platform);
  const read = (action: Action): string => {
    const chord = TABLE.find((bound) => bound.action === action)?.chords[0];
    return chord ? shownKeys(chord, isApple).join(isApple ? '' : '+') : '';
  };
  return { mute: read('mute'), deafen: read('deafen') };
}
