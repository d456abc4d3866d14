// The gateway's zlib stream through the browser's own inflater: one stream per connection, messages cut out of its text.

/** Cuts a stream of text into the JSON objects it holds back to back, wherever the chunks end. */
export class ObjectSplitter {
  #held = '';
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  /** Takes the next piece of text; answers with every object completed by it. */
  push(text: string): string[] {
    const whole: string[] = [];
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (unit === 0x5c) this.#isEscaped = true;
        else if (unit === 0x22) this.#isInString = false;
      } else if (unit === 0x22) {
        this.#isInString = true;
      } else if (unit === 0x7b) {
        this.#depth++;
      } else if (unit === 0x7d && --this.#depth === 0) {
        whole.push(this.#held + text.slice(start, at + 1));
        this.#held = '';
        start = at + 1;
      }
    }
    this.#held += text.slice(start);
    return whole;
  }
}

/** Whether this browser can inflate the stream. */
export const canInflate = typeof DecompressionStream === 'function';

/** One connection's inflater: feed it binary frames, it calls back with whole JSON texts. */
export class Inflater {
  readonly #writer: WritableStreamDefaultWriter<BufferSource>;

  constructor(onText: (json: string) => void, onError: (error: unknown) => void) {
    const stream = new DecompressionStream('deflate');
    this.#writer = stream.writable.getWriter();
    const reader = stream.readable.getReader();
    const decoder = new TextDecoder();
    const splitter = new ObjectSplitter();
    const pump = async (): Promise<void> => {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        for (const json of splitter.push(decoder.decode(value, { stream: true }))) onText(json);
      }
    };
    pump().catch(onError);
  }

  push(bytes: BufferSource): void {
    this.#writer.write(bytes).catch(() => undefined); // the reader's side reports the fault
  }

  /** Ends the stream; nothing more is called back but a possible fault of the cut stream. */
  close(): void {
    this.#writer.abort().catch(() => undefined);
  }
}
