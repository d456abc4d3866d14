// Files: what is let in, how they travel, and how they are laid out.
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ApiError, type Sending } from '../../src/api/http';
import type { Attachment } from '../../src/api/types';
import { admit } from '../../src/composer/uploads';
import type { Staged } from '../../src/state/archive';
import { FileLinks, hasEnded, withQuery } from '../../src/state/fileLinks.svelte';
import { kindOf, LostFile, Uploads } from '../../src/state/uploads.svelte';
import { columnsFor, fit, pictureUrl, sortFiles } from '../../src/timeline/gallery';
import { blurOf } from '../../src/timeline/blur';
import { clamp, MAX_SCALE, pan, WHOLE, zoom } from '../../src/timeline/zoom';

const file = (name: string, size: number, type = 'text/plain') =>
  new File([new Uint8Array(size)], name, { type });
const attachment = (extra: Partial<Attachment>): Attachment => ({
  id: '1',
  filename: 'a.png',
  content_type: 'image/png',
  size: 10,
  url: 'https://h/cdn/a.png?ex=1',
  proxy_url: 'https://h/cdn/a.png?ex=1',
  ...extra,
});

describe('what a message takes', () => {
  test('files over the limit and files beyond the tenth stay out', () => {
    const files = [file('big', 101), ...Array.from({ length: 9 }, (_, n) => file(`f${n}`, 100))];
    const { taken, tooBig, tooMany } = admit(files, 3, 100);
    expect(taken.map(({ name }) => name)).toEqual(['f0', 'f1', 'f2', 'f3', 'f4', 'f5', 'f6']);
    expect(tooBig.map(({ name }) => name)).toEqual(['big']);
    expect(tooMany).toBe(2);
  });

  test('drawings with script are no pictures', () => {
    expect(['image/png', 'image/svg+xml', 'video/mp4', 'audio/ogg', '', undefined].map(kindOf)).toEqual([
      'picture',
      'other',
      'video',
      'audio',
      'other',
      'other',
    ]);
  });
});

/** A server's slots, which takes so many bytes before each cut. */
class Slots {
  held = new Map<string, number>();
  cancelled: string[] = [];
  starts: number[] = [];
  cuts: number[] = [];
  running = 0;
  most = 0;
  fault: ApiError | null = null;
  #next = 1;

  api = {
    createSlots: () => {
      if (this.fault) return Promise.reject(this.fault);
      const name = `slot${this.#next++}`;
      this.held.set(name, 0);
      return Promise.resolve({ attachments: [{ upload_url: `https://h/${name}`, upload_filename: name }] });
    },
    heldBytes: (url: string) => Promise.resolve(this.held.get(url.slice(10)) ?? 0),
    upload: async ({ url, file: sent, from, onProgress }: Sending) => {
      this.starts.push(from);
      this.most = Math.max(this.most, ++this.running);
      await Promise.resolve();
      this.running--;
      const cut = this.cuts.shift();
      this.held.set(url.slice(10), cut ?? sent.size);
      onProgress(cut ?? sent.size);
      if (cut !== undefined) throw new ApiError(0, 0, 'cut');
    },
    cancelSlot: (name: string) => {
      this.cancelled.push(name);
      return Promise.resolve(undefined);
    },
  };
}

describe('files on their way', () => {
  let slots: Slots;
  let settled: string[];
  let uploads: Uploads;
  const phases = () => uploads.tray('10').map(({ phase }) => phase);

  beforeEach(() => {
    slots = new Slots();
    settled = [];
    uploads = new Uploads(slots.api, (channelId) => settled.push(channelId));
  });

  test('three travel at a time, and all arrive', async () => {
    uploads.add(
      '10',
      Array.from({ length: 8 }, (_, n) => file(`f${n}`, 5)),
    );
    await vi.waitFor(() => expect(phases()).toEqual(Array.from({ length: 8 }, () => 'done')));
    expect(slots.most).toBe(3);
    expect(settled).toHaveLength(8);
  });

  test('one that was cut goes on where the server stopped hearing', async () => {
    slots.cuts = [40];
    uploads.add('10', [file('long', 100)]);
    await vi.waitFor(() => expect(phases()).toEqual(['paused']));
    uploads.resume();
    await vi.waitFor(() => expect(phases()).toEqual(['done']));
    expect(slots.starts).toEqual([0, 40]);
  });

  test('a message waits for its files, and learns of one that failed', async () => {
    uploads.add('10', [file('a', 5)]);
    const files = uploads.take('10');
    expect(uploads.arrived(files)).toBeNull();
    expect(uploads.tray('10')).toEqual([]);
    await vi.waitFor(() => expect(settled).toEqual(['10']));
    expect(uploads.arrived(files)?.map(({ uploadedName }) => uploadedName)).toEqual(['slot1']);

    slots.fault = new ApiError(413, 50045, 'File is too large');
    uploads.add('10', [file('b', 5)]);
    const refused = uploads.take('10');
    await vi.waitFor(() => expect(settled).toHaveLength(2));
    expect(() => uploads.arrived(refused)).toThrow('b: refused_large');
    uploads.remove(refused[0]?.uploadId ?? '');
    expect(() => uploads.arrived(refused)).toThrow(LostFile);
  });

  test('calling one off frees its slot on the server', async () => {
    uploads.add('10', [file('a', 5)]);
    await vi.waitFor(() => expect(phases()).toEqual(['done']));
    uploads.remove(uploads.tray('10')[0]?.id ?? '');
    expect(slots.cancelled).toEqual(['slot1']);
    expect(uploads.isBusy).toBe(false);
  });
});

describe('files that outlive the page', () => {
  class Shelf {
    readonly held = new Map<string, { staged: Staged; file: File | undefined }>();
    staged = () => Promise.resolve([...this.held.values()]);
    putStaged = (staged: Staged, given: File | null) => {
      const file = given ?? this.held.get(staged.id)?.file;
      this.held.set(staged.id, { staged, file });
      return Promise.resolve();
    };
    removeStaged = (id: string) => {
      this.held.delete(id);
      return Promise.resolve();
    };
  }

  test('lie where they lay, with what was said of them, and go on', async () => {
    const [slots, shelf] = [new Slots(), new Shelf()];
    slots.cuts = [40];
    const before = new Uploads(slots.api, () => undefined);
    before.add('10', [file('long', 100), file('b', 5)]);
    await before.restore(shelf);
    await vi.waitFor(() => expect(before.tray('10').map(({ phase }) => phase)).toEqual(['paused', 'done']));
    const [long] = before.tray('10');
    if (long) long.description = 'a day';
    before.flush();

    const after = new Uploads(slots.api, () => undefined);
    await after.restore(shelf);
    expect(after.tray('10').map(({ name, description }) => [name, description])).toEqual([
      ['long', 'a day'],
      ['b', ''],
    ]);
    await vi.waitFor(() => expect(after.tray('10').map(({ phase }) => phase)).toEqual(['done', 'done']));
    expect(slots.starts).toContain(40);
    for (const sent of after.take('10')) after.forgetOne(sent.uploadId);
    expect(shelf.held.size).toBe(0);
  });

  test('wait for their message, and say so where they were too large to be kept', async () => {
    const [slots, shelf] = [new Slots(), new Shelf()];
    const before = new Uploads(slots.api, () => undefined);
    await before.restore(shelf);
    const large = Object.defineProperty(file('film', 5), 'size', { value: 65 * 1024 * 1024 });
    before.add('10', [large]);
    before.add('20', [file('small', 5)]);
    const waiting = before.take('20');

    const after = new Uploads(slots.api, () => undefined);
    await after.restore(shelf);
    expect(after.tray('20')).toEqual([]);
    await vi.waitFor(() => expect(after.arrived(waiting)).not.toBeNull());
    const [lost] = after.tray('10');
    expect([lost?.phase, lost?.isLost]).toEqual(['failed', true]);
    expect(() => after.arrived(after.take('10'))).toThrow(LostFile);
  });

  test('are forgotten with the account', async () => {
    const shelf = new Shelf();
    const uploads = new Uploads(new Slots().api, () => undefined);
    await uploads.restore(shelf);
    uploads.add('10', [file('a', 5)]);
    expect(shelf.held.size).toBe(1);
    uploads.forget();
    expect(uploads.tray('10')).toEqual([]);
    uploads.add('10', [file('b', 5)]);
    expect([...shelf.held.values()].map(({ staged }) => staged.name)).toEqual(['a']);
  });

  test('stay where they are when the account is left before they were found', async () => {
    const [slots, shelf] = [new Slots(), new Shelf()];
    const before = new Uploads(slots.api, () => undefined);
    await before.restore(shelf);
    before.add('10', [file('a', 5)]);

    const after = new Uploads(slots.api, () => undefined);
    const restored = after.restore(shelf);
    after.forget();
    await restored;
    expect(after.tray('10')).toEqual([]);
    after.add('10', [file('of another', 5)]);
    expect([...shelf.held.values()].map(({ staged }) => staged.name)).toEqual(['a']);
  });
});

describe('addresses that end', () => {
  test('tell when', () => {
    expect(hasEnded('https://h/a?ex=64&is=0&hm=f', 99_000)).toBe(false);
    expect(hasEnded('https://h/a?ex=64&is=0&hm=f', 100_000)).toBe(true);
    expect(hasEnded('https://h/a', 100_000)).toBe(false);
    expect(withQuery('https://h/a?ex=1', { size: 64 })).toBe('https://h/a?ex=1&size=64');
  });

  test('are signed anew together, and no more than once a minute', async () => {
    const calls: (readonly string[])[] = [];
    const links = new FileLinks((urls) => {
      calls.push(urls);
      const refreshed_urls = urls.map((original) => ({
        original,
        refreshed: original.includes('/gone') ? null : original.replace('ex=1', 'ex=2'),
      }));
      return Promise.resolve({ refreshed_urls });
    });
    const [a, gone] = await Promise.all([
      links.renew('https://h/a?ex=1'),
      links.renew('https://h/gone?ex=1'),
    ]);
    expect([a, gone]).toEqual(['https://h/a?ex=2', 'https://h/gone?ex=1']);
    expect(links.of('https://h/a?ex=1')).toBe('https://h/a?ex=2');
    await links.renew('https://h/gone?ex=1');
    expect(calls).toEqual([['https://h/a?ex=1', 'https://h/gone?ex=1']]);
  });
});

describe('the gallery', () => {
  test('a picture whose size is unknown, or a drawing, is a card', () => {
    const of = (content_type: string, width?: number) =>
      attachment({ id: content_type, content_type, ...(width && { width, height: width }) });
    const sorted = sortFiles([of('image/png', 5), of('image/png'), of('image/svg+xml', 5), of('video/mp4')]);
    expect(sorted.pictures).toHaveLength(1);
    expect(sorted.videos).toHaveLength(1);
    expect(sorted.others).toHaveLength(2);
  });

  test('shapes are kept, and small pictures are not blown up', () => {
    expect(fit(4200, 3200)).toEqual({ width: 420, height: 320 });
    expect(fit(10, 4000)).toEqual({ width: 1, height: 320 });
    expect(fit(40, 30)).toEqual({ width: 40, height: 30 });
    expect([1, 2, 3, 4, 5, 10].map(columnsFor)).toEqual([1, 2, 3, 2, 3, 3]);
  });

  test('the size asked for covers what is drawn, also of upright pictures', () => {
    const large = attachment({ content_type: 'image/jpeg', width: 3000, height: 6000 });
    expect(pictureUrl(large, 'u?ex=1', 320, true)).toBe('u?ex=1&size=1024');
    expect(pictureUrl({ ...large, width: 300, height: 200 }, 'u', 840, true)).toBe('u');
    const moving = { ...large, flags: 1 << 5 };
    expect(pictureUrl(moving, 'u', 320, true)).toBe('u');
    expect(pictureUrl(moving, 'u', 320, false)).toBe('u?format=png&size=1024');
  });

  test('a broken placeholder is none', () => {
    expect(blurOf('3OcRJYB4d3h/iIeHeEh3eIhw+j2w')).toMatch(/^data:image\/png;base64,/);
    expect(blurOf('***')).toBeNull();
    expect(blurOf(null)).toBeNull();
  });
});

describe('looking closer', () => {
  const picture = { width: 400, height: 300 };
  const room = { width: 800, height: 600 };

  test('what lies under the pointer stays there', () => {
    const view = zoom({ scale: 3, x: 0, y: 0 }, 2, { x: 100, y: 50 }, picture, room);
    expect(view).toEqual({ scale: 6, x: -100, y: -50 });
  });

  test('it never shrinks below whole, grows past the limit or leaves the screen', () => {
    expect(zoom({ scale: 2, x: 10, y: 10 }, 0.1, { x: 0, y: 0 }, picture, room)).toEqual(WHOLE);
    expect(zoom(WHOLE, 100, { x: 0, y: 0 }, picture, room).scale).toBe(MAX_SCALE);
    expect(pan({ scale: 3, x: 0, y: 0 }, 5000, -5000, picture, room)).toEqual({ scale: 3, x: 200, y: -150 });
    expect(clamp({ scale: 1, x: 50, y: 50 }, picture, room)).toEqual(WHOLE);
  });
});
