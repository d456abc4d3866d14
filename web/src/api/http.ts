// The one place that fetches: headers of the cookie session, rate limits, retries, and errors in one shape.

const BASE = '/api/v10';
const MAX_TRIES = 4;
/** A wait longer than this is told to the person instead of waited out. */
const MAX_WAIT_MS = 30_000;

/** Faults by field, as dotted paths of the request (`password`, `channels.0.name`). */
export type FieldFaults = Readonly<Record<string, string>>;

/** What the server, or the way to it, refused. `status` 0: it was not reached. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: number;
  readonly fields: FieldFaults;
  /** The server's codes for the same, to be said in the person's language. */
  readonly reasons: FieldFaults;
  /** Milliseconds until another try makes sense, where the server said so. */
  readonly retryAfterMs: number | null;

  constructor(
    status: number,
    code: number,
    message: string,
    fields: FieldFaults = {},
    retryAfterMs: number | null = null,
    reasons: FieldFaults = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.fields = fields;
    this.retryAfterMs = retryAfterMs;
    this.reasons = reasons;
  }
}

export interface HttpOptions {
  fetch: typeof fetch;
  sleep: (ms: number) => Promise<void>;
  /** Called when a call that should be signed in is not. */
  onSignedOut?: () => void;
}

/** A file, or the rest of one, on its way. */
export interface Sending {
  /** Absolute; where it is on the server is what counts, the server being the page's own. */
  url: string;
  file: Blob;
  /** Bytes the server holds already. */
  from: number;
  /** Bytes there by then, of the whole file. */
  onProgress: (sentBytes: number) => void;
  signal: AbortSignal;
}

export interface RequestOptions {
  /** What is undefined stays away; a list travels with commas between its items. */
  query?: object;
  /** Sent as JSON; a form with files as it is. */
  body?: unknown;
  /** May be sent twice without harm: unsafe calls only when the body carries a nonce. */
  isRepeatable?: boolean;
  /** A 401 is an answer here, not the end of the session. */
  isAnonymous?: boolean;
  signal?: AbortSignal;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** The HTTP side of the connection. */
export class Http {
  readonly #options: HttpOptions;
  /** When each emptied bucket fills again, by method and path. */
  readonly #blockedUntil = new Map<string, number>();
  /** Ends with the session that questions are asked for. */
  #session = new AbortController();

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /** The session is over: it asks nothing any more until `renew`. What it tells goes on, as nobody's words may be lost. */
  drop(): void {
    this.#session.abort();
  }

  /** Whoever comes next may ask. */
  renew(): void {
    this.#session = new AbortController();
  }

  /** Sends one call and answers with its JSON body (undefined for none); throws `ApiError`. */
  async request<T>(method: Method, path: string, options: RequestOptions = {}): Promise<T> {
    const url = BASE + path + queryOf(options.query);
    const isRepeatable = options.isRepeatable ?? method !== 'POST';
    const headers: Record<string, string> = { 'X-Hearth-Client': 'web' };
    const { body: given } = options;
    const isForm = given instanceof FormData; // its type has a boundary that the browser makes
    if (given !== undefined && !isForm) headers['Content-Type'] = 'application/json';
    const bucket = `${method} ${path}`;
    const ends = [
      options.signal,
      method === 'GET' && !options.isAnonymous ? this.#session.signal : undefined,
    ];
    const signal = AbortSignal.any(ends.filter((end) => end !== undefined));
    for (let attempt = 1; ; attempt++) {
      await this.#waitFor(bucket);
      let response: Response;
      let body: unknown;
      try {
        response = await this.#options.fetch(url, {
          method,
          headers,
          credentials: 'same-origin',
          ...(given === undefined ? {} : { body: isForm ? given : JSON.stringify(given) }),
          signal,
        });
        body = await readBody(response);
      } catch (error) {
        if (signal.aborted || !isRepeatable || attempt >= MAX_TRIES) {
          throw new ApiError(0, 0, error instanceof Error ? error.message : 'unreachable');
        }
        await this.#options.sleep(250 * 2 ** attempt * (0.5 + Math.random()));
        continue;
      }
      this.#noteBucket(bucket, response);
      if (response.ok) return body as T;
      const error = errorOf(response.status, body);
      const waitMs = error.retryAfterMs;
      if (
        error.status === 429 &&
        error.code !== 20016 &&
        waitMs !== null &&
        waitMs <= MAX_WAIT_MS &&
        attempt < MAX_TRIES
      ) {
        await this.#options.sleep(waitMs + 50);
        continue;
      }
      if (error.status >= 502 && error.status <= 504 && isRepeatable && attempt < MAX_TRIES) {
        await this.#options.sleep(500 * 2 ** attempt * (0.5 + Math.random()));
        continue;
      }
      // 60003 asks who one is once more; the session lives.
      if (error.status === 401 && error.code !== 60003 && !options.isAnonymous) this.#options.onSignedOut?.();
      throw error;
    }
  }

  /** Sends a file's bytes to its slot; rejects with `ApiError`, of status 0 also when it was called off. */
  upload({ url, file, from, onProgress, signal }: Sending): Promise<void> {
    return new Promise((resolve, reject) => {
      const call = new XMLHttpRequest(); // fetch tells nothing of how far it is
      const give = (status: number, body: unknown): void => reject(errorOf(status, body));
      call.open('PUT', pathOf(url));
      call.responseType = 'text';
      call.setRequestHeader('X-Hearth-Client', 'web');
      call.setRequestHeader('Content-Type', 'application/octet-stream');
      if (from > 0) call.setRequestHeader('Content-Range', `bytes ${from}-${file.size - 1}/${file.size}`);
      call.upload.onprogress = (event) => onProgress(from + event.loaded);
      call.onload = () => (call.status < 300 ? resolve() : give(call.status, parseJson(call.responseText)));
      call.onerror = call.onabort = call.ontimeout = () => give(0, undefined);
      if (signal.aborted) return give(0, undefined);
      signal.addEventListener('abort', () => call.abort(), { once: true });
      call.send(from > 0 ? file.slice(from) : file);
    });
  }

  /** How many bytes of a slot's file the server holds; throws `ApiError`. */
  async heldBytes(url: string, signal: AbortSignal): Promise<number> {
    const options: RequestInit = { method: 'HEAD', headers: { 'X-Hearth-Client': 'web' }, signal };
    const response = await this.#options.fetch(pathOf(url), options).catch(() => null);
    if (!response?.ok) throw errorOf(response?.status ?? 0, undefined);
    return Number(response.headers.get('Upload-Offset') ?? 0);
  }

  async #waitFor(bucket: string): Promise<void> {
    const until = this.#blockedUntil.get(bucket);
    if (until === undefined) return;
    const waitMs = until - Date.now();
    if (waitMs > 0 && waitMs <= MAX_WAIT_MS) await this.#options.sleep(waitMs);
    this.#blockedUntil.delete(bucket);
  }

  #noteBucket(bucket: string, response: Response): void {
    const after = Number(response.headers.get('X-RateLimit-Reset-After') ?? Number.NaN);
    if (response.headers.get('X-RateLimit-Remaining') === '0' && after > 0) {
      this.#blockedUntil.set(bucket, Date.now() + after * 1000);
    }
  }
}

function queryOf(query: RequestOptions['query']): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {}))
    if (value !== undefined) search.set(key, String(value));
  const text = search.toString();
  return text && `?${text}`;
}

async function readBody(response: Response): Promise<unknown> {
  return parseJson(await response.text());
}

function parseJson(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An address on the page's own server, whatever name the server goes by. */
function pathOf(url: string): string {
  const { pathname, search } = new URL(url, location.origin);
  return pathname + search;
}

/** Turns an error body into `ApiError`; the tree of field faults becomes a flat record. */
export function errorOf(status: number, body: unknown): ApiError {
  const shape = (body ?? {}) as {
    message?: unknown;
    code?: unknown;
    errors?: unknown;
    retry_after?: unknown;
  };
  const fields: Record<string, string> = {};
  const reasons: Record<string, string> = {};
  collectFaults(shape.errors, '', fields, reasons);
  return new ApiError(
    status,
    typeof shape.code === 'number' ? shape.code : 0,
    typeof shape.message === 'string' ? shape.message : `HTTP ${status}`,
    fields,
    typeof shape.retry_after === 'number' ? shape.retry_after * 1000 : null,
    reasons,
  );
}

type Leaf = { message?: string; code?: string };

function collectFaults(
  tree: unknown,
  path: string,
  words: Record<string, string>,
  codes: Record<string, string>,
): void {
  if (typeof tree !== 'object' || tree === null) return;
  for (const [key, value] of Object.entries(tree)) {
    if (key === '_errors' && Array.isArray(value)) {
      words[path] = value.map((fault: Leaf) => fault.message ?? '').join(' ');
      codes[path] = (value as Leaf[])[0]?.code ?? '';
    } else {
      collectFaults(value, path ? `${path}.${key}` : key, words, codes);
    }
  }
}
