// What several buttons do alike.
import type { Client } from '../state/client.svelte';
import { callOf } from './call.svelte';
import { cameraFaultText } from './words';

/** Turns the camera on or off, and says why it does not come on. */
export async function toggleCamera(client: Client): Promise<void> {
  const call = callOf(client);
  const fault = await call?.showCamera(!call.camera);
  if (fault) client.ui.tell(cameraFaultText(fault), true);
}

/** Shares a screen, or stops to. */
export async function shareScreen(client: Client): Promise<void> {
  const call = callOf(client);
  await call?.shareScreen(!call.screen);
}
