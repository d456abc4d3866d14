// RNNoise in the page: takes the noise of the room away before anything is sent. Comes only for those who chose it.
import { loadRnnoise, RnnoiseWorkletNode } from '@sapphi-red/web-noise-suppressor';
import workletUrl from '@sapphi-red/web-noise-suppressor/rnnoiseWorklet.js?url';
import wasmUrl from '@sapphi-red/web-noise-suppressor/rnnoise.wasm?url';
import simdUrl from '@sapphi-red/web-noise-suppressor/rnnoise_simd.wasm?url';

/** A node that suppresses noise, at 48 kHz. */
export async function denoiser(context: AudioContext): Promise<AudioNode> {
  const [wasmBinary] = await Promise.all([
    loadRnnoise({ url: wasmUrl, simdUrl }),
    context.audioWorklet.addModule(workletUrl),
  ]);
  return new RnnoiseWorkletNode(context, { wasmBinary, maxChannels: 1 });
}
