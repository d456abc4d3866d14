// Files on their way to the server, ahead of the messages they belong to: a few at a time, paused while the server is out
// of reach, and taken up where they stopped, also by the next visit.
import { SvelteMap } from 'svelte/reactivity';
import { ApiError } from '../api/http';
import type { Routes } from '../api/routes';
import type { Id, Slot } from '../api/types';
import { m } from '../i18n';
import { logFault } from '../log';
import { faultText } from '../refusals';
import type { Archive } from './archive';
import { posterOf } from './poster';
import type { SentFile, Voice } from './segments';

/** Files sent at the same time. */
const MAX_RUNNING = 3;
/** Waits between tries while the connection itself seems well, in milliseconds; past the last, the person decides. */
const RETRY_MS = [1000, 2000, 5000, 10_000, 30_000, 60_000] as const;
/** The server's code for a slot it does not know (API.md section 1.5). */
const UNKNOWN_SLOT = 50146;

/** A larger file is not kept over a reload: it has to be added again. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** All files that are kept have at most this many bytes. */
const MAX_ALL_KEPT_BYTES = 4 * MAX_KEPT_BYTES;

export type FileKind = 'picture' | 'video' | 'audio' | 'other';
export type UploadPhase = 'waiting' | 'sending' | 'paused' | 'done' | 'failed';

/** What a file is, by what the browser or the server says of it. */
export function kindOf(mediaType: string | null | undefined): FileKind {
  const type = mediaType ?? '';
  if (type.startsWith('image/') && !type.startsWith('image/svg')) return 'picture';
  if (type.startsWith('video/')) return 'video';
  return type.startsWith('audio/') ? 'audio' : 'other';
}

type FileArchive = Pick<Archive, 'staged' | 'putStaged' | 'removeStaged'>;

/** Stands for a file that did not outlive its page. */
const NO_FILE = new File([], '');

/** One file. */
export class Upload {
  readonly id: string;
  readonly channelId: Id;
  readonly file: File;
  readonly kind: FileKind;
  /** The file as a picture for this page, of a film its poster; null for other kinds, and until that is there. */
  previewUrl: string | null = $state.raw(null);
  /** A frame of a film; null for other files. */
  readonly poster: Promise<Blob | null>;
  posterSlot: Slot | null = null;
  name: string = $state.raw('');
  /** What it shows, for those who do not see it. */
  description = $state.raw('');
  isSpoiler = $state.raw(false);
  phase: UploadPhase = $state.raw('waiting');
  sentBytes = $state.raw(0);
  /** Why it failed, in the person's language. */
  fault: string | null = $state.raw(null);
  slot: Slot | null = null;
  tries = 0;
  abort: AbortController | null = null;
  timer: ReturnType<typeof setTimeout> | undefined;
  isForgotten = false;
  /** It belongs to a message, and lies in no composer. */
  isTaken = false;
  /** The archive holds the file. */
  isKept = false;
  order = 0;

  constructor(channelId: Id, file: File, id: string = crypto.randomUUID()) {
    this.id = id;
    this.channelId = channelId;
    this.file = file;
    this.name = file.name;
    this.kind = kindOf(file.type);
    if (this.kind === 'picture') this.previewUrl = URL.createObjectURL(file);
    this.poster = this.kind === 'video' ? posterOf(file).catch(() => null) : Promise.resolve(null); // goes without
    if (this.kind === 'video') void this.poster.then((frame) => this.#show(frame));
  }

  /** The page was closed on it, and the file was too large to be kept. */
  get isLost(): boolean {
    return this.file === NO_FILE;
  }

  #show(frame: Blob | null): void {
    if (frame && !this.isForgotten) this.previewUrl = URL.createObjectURL(frame);
  }

  /** Between 0 and 1. */
  get share(): number {
    return this.file.size === 0 ? 1 : Math.min(1, this.sentBytes / this.file.size);
  }
}

/** Every file on its way. */
export class Uploads {
  readonly #api: Pick<Routes, 'createSlots' | 'upload' | 'heldBytes' | 'cancelSlot'>;
  readonly #held = new SvelteMap<string, Upload>();
  /** By channel: what lies in the composer, unsent. */
  readonly #trays = new SvelteMap<Id, readonly Upload[]>();
  readonly #onSettled: (channelId: Id) => void;
  #archive: FileArchive | null = null;
  /** The archive whose files are taken up. */
  #taking: FileArchive | null = null;

  /** `onSettled`: a file of that channel arrived, or failed. */
  constructor(
    api: Pick<Routes, 'createSlots' | 'upload' | 'heldBytes' | 'cancelSlot'>,
    onSettled: (channelId: Id) => void,
  ) {
    this.#api = api;
    this.#onSettled = onSettled;
  }

  /** What lies in a channel's composer. */
  tray(channelId: Id): readonly Upload[] {
    return this.#trays.get(channelId) ?? [];
  }

  get(id: string): Upload | undefined {
    return this.#held.get(id);
  }

  /** Whether closing the page would lose something. */
  get isBusy(): boolean {
    return this.#held.size > 0;
  }

  /** Lays files into a channel's composer and begins to send them. */
  add(channelId: Id, files: readonly File[]): void {
    const added = files.map((file) => new Upload(channelId, file));
    for (const upload of added) this.#hold(upload);
    this.#trays.set(channelId, [...this.tray(channelId), ...added]);
    this.#pump();
  }

  /** Takes all from a channel's composer: they belong to a message from here on. */
  take(channelId: Id): SentFile[] {
    const taken = this.tray(channelId);
    this.#trays.delete(channelId);
    for (const upload of taken) {
      upload.isTaken = true;
      this.#keep(upload);
    }
    return taken.map(sentFile);
  }

  /** Begins to send a recording, which belongs to a message of its own. */
  speak(channelId: Id, file: File, voice: Voice): SentFile {
    const upload = new Upload(channelId, file);
    upload.isTaken = true;
    this.#hold(upload);
    this.#pump();
    return { ...sentFile(upload), voice };
  }

  /** A message's files with their names on the server; null while one is on its way. Throws what one failed with. */
  arrived(files: readonly SentFile[]): SentFile[] | null {
    let isWhole = true;
    const found = files.map((file): SentFile => {
      if (file.uploadedName !== null) return file;
      const upload = this.#held.get(file.uploadId);
      if (!upload || upload.isLost) throw new LostFile(file.name);
      if (upload.phase === 'failed') throw new ApiError(400, 0, `${file.name}: ${upload.fault ?? ''}`);
      isWhole &&= upload.phase === 'done' && upload.slot !== null;
      return {
        ...file,
        uploadedName: upload.slot?.upload_filename ?? null,
        posterName: upload.posterSlot?.upload_filename ?? null,
      };
    });
    return isWhole ? found : null;
  }

  /** Calls a file off, wherever it is. Answers with the way to send it all the same, to a message that has it again. */
  remove(id: string): ((file: SentFile) => SentFile) | undefined {
    const upload = this.#held.get(id);
    if (!upload) return undefined;
    this.forgetOne(id);
    upload.abort?.abort();
    // what the server holds already goes by itself in a day, should this not reach it
    for (const slot of [upload.slot, upload.posterSlot])
      if (slot) void this.#api.cancelSlot(slot.upload_filename).catch(() => undefined);
    this.#pump();
    return (file) => {
      const again = new Upload(upload.channelId, upload.file);
      this.#held.set(again.id, again);
      this.#pump();
      return { ...file, uploadId: again.id, uploadedName: null, posterName: null };
    };
  }

  /** The message is there, and its files with it. */
  forgetOne(id: string): void {
    const upload = this.#held.get(id);
    if (!upload) return;
    clearTimeout(upload.timer);
    this.#held.delete(id);
    void this.#archive?.removeStaged(id);
    upload.isForgotten = true;
    if (upload.previewUrl) URL.revokeObjectURL(upload.previewUrl);
    const left = this.tray(upload.channelId).filter((one) => one !== upload);
    if (left.length > 0) this.#trays.set(upload.channelId, left);
    else this.#trays.delete(upload.channelId);
  }

  /** Tries a failed file again. */
  retry(id: string): void {
    const upload = this.#held.get(id);
    if (upload?.phase !== 'failed' || upload.isLost) return;
    upload.tries = 0;
    upload.fault = null;
    upload.phase = 'waiting';
    this.#pump();
  }

  /** The connection is back: what was paused goes on. */
  resume(): void {
    for (const upload of this.#held.values()) {
      if (upload.phase !== 'paused') continue;
      clearTimeout(upload.timer);
      upload.tries = 0;
      upload.phase = 'waiting';
    }
    this.#pump();
  }

  /** Asks before the page is closed on a file; answers with the undo. */
  listen(): () => void {
    const ask = (event: BeforeUnloadEvent): void => {
      if (this.isBusy) event.preventDefault();
    };
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }

  /** Takes up the files that an earlier visit left, and keeps all files from here on: for one open tab at a time. */
  async restore(archive: FileArchive): Promise<void> {
    this.#taking = archive;
    const left = await archive.staged();
    if (this.#taking !== archive) return; // the account was left meanwhile
    for (const { staged, file } of left) {
      if (this.#held.has(staged.id)) continue;
      const { channelId, id, ...said } = staged;
      const upload = Object.assign(new Upload(channelId, file ?? NO_FILE, id), said);
      upload.isKept = file !== undefined;
      if (upload.isLost) {
        upload.phase = 'failed';
        upload.fault = m.file_lost({ name: upload.name });
      }
      this.#held.set(id, upload);
      if (!upload.isTaken) this.#trays.set(channelId, [...this.tray(channelId), upload]);
    }
    this.#archive = archive;
    this.flush();
    this.#pump();
  }

  /** Keeps what is known of every file. */
  flush(): void {
    for (const upload of this.#held.values()) this.#keep(upload);
  }

  /** Someone else may sit down here. */
  forget(): void {
    this.#archive = this.#taking = null; // which goes as a whole
    for (const upload of [...this.#held.values()]) {
      upload.abort?.abort();
      this.forgetOne(upload.id);
    }
  }

  #hold(upload: Upload): void {
    upload.order = Math.max(Date.now(), ...[...this.#held.values()].map(({ order }) => order + 1));
    this.#held.set(upload.id, upload);
    this.#keep(upload);
  }

  #keep(upload: Upload): void {
    if (!this.#archive || upload.isForgotten) return;
    const { id, channelId, order, name, description, isSpoiler, isTaken, slot, posterSlot } = upload;
    const staged = { id, channelId, order, name, description, isSpoiler, isTaken, slot, posterSlot };
    const { size } = upload.file;
    let keptBytes = size;
    for (const one of this.#held.values()) if (one.isKept) keptBytes += one.file.size;
    const isNew =
      !upload.isKept && size <= MAX_KEPT_BYTES && keptBytes <= MAX_ALL_KEPT_BYTES && !upload.isLost;
    upload.isKept ||= isNew;
    void this.#archive.putStaged(staged, isNew ? upload.file : null);
  }

  #pump(): void {
    const all = [...this.#held.values()];
    const free = MAX_RUNNING - all.filter((upload) => upload.phase === 'sending').length;
    for (const upload of all.filter((one) => one.phase === 'waiting').slice(0, Math.max(0, free)))
      void this.#run(upload);
  }

  async #run(upload: Upload): Promise<void> {
    upload.phase = 'sending';
    const { signal } = (upload.abort = new AbortController());
    let isSettled = true;
    try {
      await this.#send(upload, signal);
      await this.#sendPoster(upload, signal);
      if (signal.aborted) return;
      upload.sentBytes = upload.file.size;
      upload.phase = 'done';
    } catch (error) {
      if (signal.aborted) return;
      isSettled = !this.#pause(
        upload,
        error instanceof ApiError ? error : new ApiError(400, 0, String(error)),
      );
    }
    this.#pump();
    if (isSettled) this.#onSettled(upload.channelId);
  }

  async #send(upload: Upload, signal: AbortSignal): Promise<void> {
    const { file, channelId } = upload;
    let from = 0;
    if (upload.slot) from = await this.#api.heldBytes(upload.slot.upload_url, signal);
    else {
      const wanted = [{ filename: file.name, file_size: file.size }];
      const { attachments } = await this.#api.createSlots(channelId, wanted);
      upload.slot = attachments[0] ?? null;
      this.#keep(upload); // from here on the next visit goes on with it
      if (signal.aborted && upload.slot)
        void this.#api.cancelSlot(upload.slot.upload_filename).catch(() => undefined);
    }
    if (!upload.slot || signal.aborted) throw new ApiError(0, 0, 'called off');
    upload.sentBytes = from;
    // also where all of it is held: then nothing is sent, and the server keeps it now if it could not before
    await this.#api.upload({
      url: upload.slot.upload_url,
      file,
      from,
      onProgress: (sentBytes) => {
        if (sentBytes > upload.sentBytes) upload.tries = 0; // it moves: patience begins anew
        upload.sentBytes = sentBytes;
      },
      signal,
    });
  }

  /** A film goes without its poster where that does not arrive. */
  async #sendPoster(upload: Upload, signal: AbortSignal): Promise<void> {
    const frame = await upload.poster;
    if (!frame || upload.posterSlot) return;
    try {
      const wanted = [{ filename: 'poster.jpg', file_size: frame.size }];
      const slot = (await this.#api.createSlots(upload.channelId, wanted)).attachments[0];
      if (!slot) return;
      await this.#api.upload({
        url: slot.upload_url,
        file: frame,
        from: 0,
        onProgress: () => undefined,
        signal,
      });
      upload.posterSlot = slot;
      this.#keep(upload);
    } catch (error) {
      if (!signal.aborted) logFault('sending a poster', error);
    }
  }

  /** What went wrong: true where it may pass, and the file waits for that; else it failed. */
  #pause(upload: Upload, error: ApiError): boolean {
    const isGone = upload.slot !== null && (error.status === 404 || error.code === UNKNOWN_SLOT);
    if (isGone) {
      upload.slot = upload.posterSlot = null;
      upload.sentBytes = 0;
    }
    const mayPass = error.status === 0 || error.status === 409 || error.status === 429 || error.status >= 502;
    const waitMs = RETRY_MS[upload.tries];
    if ((!mayPass && !isGone) || waitMs === undefined) {
      upload.fault = faultText(error);
      upload.phase = 'failed';
      return false;
    }
    upload.tries++;
    upload.phase = 'paused';
    const wake = (): void => {
      upload.phase = 'waiting';
      this.#pump();
    };
    upload.timer = setTimeout(wake, Math.max(waitMs, error.retryAfterMs ?? 0));
    return true;
  }
}

function sentFile(upload: Upload): SentFile {
  return {
    uploadId: upload.id,
    name: upload.name,
    sizeBytes: upload.file.size,
    description: upload.description,
    isSpoiler: upload.isSpoiler,
    uploadedName: null,
  };
}

/** The page was closed before a file was whole. */
export class LostFile extends Error {
  override readonly name = 'LostFile';
  readonly file: string;

  constructor(file: string) {
    super(file);
    this.file = file;
  }
}
