// A tone as music bots send it, Opus packets of 20 ms, and what is left of it in packets that came in.
import { once } from 'node:events';
import { Readable } from 'node:stream';
import OpusScript from 'opusscript';

/** Samples per second, and in one packet of one channel. */
const RATE = 48_000;
const FRAME = 960;
/** How loud the tone is, of 32767. */
const AMPLITUDE = 9_000;

/** One packet after the other, without end; says `taken` for each that somebody takes. */
export class Tone extends Readable {
  encoder = new OpusScript(RATE, 2, OpusScript.Application.AUDIO);
  at = 0;

  constructor(hertz) {
    super({ objectMode: true, highWaterMark: 1 });
    this.hertz = hertz;
  }

  _read() {
    const samples = new Int16Array(FRAME * 2);
    for (let n = 0; n < FRAME; n++, this.at++) {
      samples.fill(AMPLITUDE * Math.sin((2 * Math.PI * this.hertz * this.at) / RATE), n * 2, n * 2 + 2);
    }
    this.push(this.encoder.encode(Buffer.from(samples.buffer), FRAME));
    this.emit('taken');
  }

  /** Until so many more packets were taken. */
  async more(packets) {
    for (let n = 0; n < packets; n++) await once(this, 'taken');
  }
}

/** Decodes packets, and tells how much of their power lies at one pitch (Goertzel), 0 to 1. */
export class Listener {
  decoder = new OpusScript(RATE, 2, OpusScript.Application.AUDIO);
  packets = 0;
  samples = [];

  take(packet) {
    const pcm = this.decoder.decode(packet);
    const frame = new Int16Array(pcm.buffer, pcm.byteOffset, pcm.length / 2);
    this.packets += 1;
    for (let n = 0; n < frame.length; n += 2) this.samples.push(frame[n]);
    // The last half second is heard.
    if (this.samples.length > RATE / 2) this.samples.splice(0, this.samples.length - RATE / 2);
  }

  loudness() {
    if (this.samples.length === 0) return 0;
    return Math.sqrt(this.samples.reduce((sum, sample) => sum + sample * sample, 0) / this.samples.length);
  }

  shareAt(hertz) {
    const turn = 2 * Math.cos((2 * Math.PI * hertz) / RATE);
    let [last, before, power] = [0, 0, 0];
    for (const sample of this.samples) {
      [before, last] = [last, sample + turn * last - before];
      power += sample * sample;
    }
    const found = last * last + before * before - turn * last * before;
    return (2 * found) / (power * this.samples.length);
  }
}
