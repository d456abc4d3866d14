// Files for tests, made from nothing: pictures, one that moves, a tone, a film.
import { deflateSync, crc32 } from 'node:zlib';
import type { Page } from 'playwright-core';

export interface TestFile {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

function chunk(kind: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body) >>> 0, body.length + 4);
  return out;
}

/** A PNG in two colours that run into each other; `seed` makes it another one. */
export function png(name: string, width: number, height: number, seed = 1): TestFile {
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y++) {
    const row = y * (width * 3 + 1);
    for (let x = 0; x < width; x++) {
      rows[row + 1 + x * 3] = (40 * seed + (200 * x) / width) & 255;
      rows[row + 2 + x * 3] = (90 + (120 * y) / height) & 255;
      rows[row + 3 + x * 3] = (200 - 30 * seed + (x ^ y) / 8) & 255;
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const buffer = Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
  return { name, mimeType: 'image/png', buffer };
}

/** A GIF that blinks between two colours, four times a second. */
export function gif(name: string, side: number): TestFile {
  const size = Buffer.alloc(4);
  size.writeUInt16LE(side, 0);
  size.writeUInt16LE(side, 2);
  const frame = (colour: number): Buffer => {
    // codes of three bits and no compression: a clear code before the table could grow (GIF89a, appendix F)
    const codes: number[] = [];
    for (let n = 0; n < side * side; n++) {
      if (n % 2 === 0) codes.push(4);
      codes.push(colour);
    }
    codes.push(5);
    const bytes: number[] = [];
    let held = 0;
    let bits = 0;
    for (const code of codes) {
      held |= code << bits;
      for (bits += 3; bits >= 8; bits -= 8) {
        bytes.push(held & 255);
        held >>= 8;
      }
    }
    bytes.push(held & 255);
    const blocks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 255) {
      const part = bytes.slice(at, at + 255);
      blocks.push(Buffer.from([part.length, ...part]));
    }
    return Buffer.concat([
      Buffer.from([0x21, 0xf9, 4, 0, 25, 0, 0, 0, 0x2c, 0, 0, 0, 0]),
      size,
      Buffer.from([0, 2]),
      ...blocks,
      Buffer.from([0]),
    ]);
  };
  const buffer = Buffer.concat([
    Buffer.from('GIF89a', 'latin1'),
    size,
    Buffer.from([0x81, 0, 0, 240, 120, 60, 60, 120, 240, 0, 0, 0, 255, 255, 255]),
    Buffer.from([0x21, 0xff, 11]),
    Buffer.from('NETSCAPE2.0', 'latin1'),
    Buffer.from([3, 1, 0, 0, 0]),
    frame(0),
    frame(1),
    Buffer.from([0x3b]),
  ]);
  return { name, mimeType: 'image/gif', buffer };
}

/** A tone, 8000 samples a second. */
export function wav(name: string, seconds: number): TestFile {
  const samples = Math.round(8000 * seconds);
  const buffer = Buffer.alloc(44 + samples * 2);
  buffer.write('RIFF', 0);
  buffer.writeUInt32LE(36 + samples * 2, 4);
  buffer.write('WAVEfmt ', 8);
  buffer.writeUInt32LE(16, 16);
  buffer.writeUInt16LE(1, 20);
  buffer.writeUInt16LE(1, 22);
  buffer.writeUInt32LE(8000, 24);
  buffer.writeUInt32LE(16_000, 28);
  buffer.writeUInt16LE(2, 32);
  buffer.writeUInt16LE(16, 34);
  buffer.write('data', 36);
  buffer.writeUInt32LE(samples * 2, 40);
  for (let n = 0; n < samples; n++)
    buffer.writeInt16LE(Math.round(9000 * Math.sin((n * 2 * Math.PI * 330) / 8000)), 44 + n * 2);
  return { name, mimeType: 'audio/wav', buffer };
}

/** Bytes that are no kind of file, the same each time. */
export function noise(name: string, bytes: number, mimeType = 'application/octet-stream'): TestFile {
  const buffer = Buffer.alloc(bytes);
  for (let n = 0, state = 7; n < bytes; n++) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
    buffer[n] = state >> 16;
  }
  return { name, mimeType, buffer };
}

/** A film of a second, recorded by the browser itself. */
export async function film(page: Page, name: string, width = 320, height = 180): Promise<TestFile> {
  const bytes = await page.evaluate(
    async ([wide, high]) => {
      const canvas = document.createElement('canvas');
      canvas.width = wide;
      canvas.height = high;
      const paint = canvas.getContext('2d');
      const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: 'video/webm;codecs=vp8' });
      const parts: Blob[] = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      const ended = new Promise((resolve) => (recorder.onstop = resolve));
      recorder.start();
      for (let n = 0; n < 30; n++) {
        if (paint) {
          paint.fillStyle = `hsl(${n * 8} 60% 50%)`;
          paint.fillRect(0, 0, wide, high);
          paint.fillStyle = '#fff';
          paint.fillRect(n * 8, high / 2 - 20, 40, 40);
        }
        await new Promise((resolve) => setTimeout(resolve, 35));
      }
      recorder.stop();
      await ended;
      return [...new Uint8Array(await new Blob(parts).arrayBuffer())];
    },
    [width, height] as const,
  );
  return { name, mimeType: 'video/webm', buffer: Buffer.from(bytes) };
}
