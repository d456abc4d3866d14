// Whether what is drawn can be reached by Tab: a list of messages is one tab stop, so only the message one stands on
// offers its links and buttons.
import { createContext } from 'svelte';

export type Reach = () => boolean;

const [read, provideReach] = createContext<Reach>();
export { provideReach };

/** The reach around here; outside of lists everything is in reach. */
export function useReach(): Reach {
  try {
    return read();
  } catch {
    return () => true;
  }
}
