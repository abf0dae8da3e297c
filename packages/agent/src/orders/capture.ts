// From the bytes that a program writes to pieces: whole characters of UTF-8, no more of them than
// the order allows. Bytes that are no UTF-8 become U+FFFD, as in every browser, and all counting is
// done after that.

import { type OutputStream, PIECE_BYTES, type PieceWriter } from './output-file.js';

/** Between a program's first byte and the piece that holds it, unless it is full before. */
const FLUSH_MS = 200;

export interface OutputCounts {
  readonly outputBytes: number;
  readonly droppedBytes: number;
}

interface Waiting {
  readonly decoder: InstanceType<typeof TextDecoder>;
  bytes: Buffer;
}

/**
 * Takes both streams of a run. Once a byte had to be left out, all that follows is: what is kept
 * has no holes.
 */
export class Capture {
  readonly #writer: PieceWriter;
  readonly #streams: Readonly<Record<OutputStream, Waiting>> = { stdout: begin(), stderr: begin() };
  #roomBytes: number;
  #isFull = false;
  #outputBytes = 0;
  #droppedBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(writer: PieceWriter, limitBytes: number) {
    this.#writer = writer;
    this.#roomBytes = limitBytes;
  }

  add(stream: OutputStream, chunk: Buffer): void {
    this.#keep(stream, this.#streams[stream].decoder.decode(chunk, { stream: true }));
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  /** What is left becomes the last pieces. */
  end(): OutputCounts {
    for (const stream of ['stdout', 'stderr'] as const) {
      this.#keep(stream, this.#streams[stream].decoder.decode());
    }
    this.#flush();
    return { outputBytes: this.#outputBytes, droppedBytes: this.#droppedBytes };
  }

  #keep(stream: OutputStream, text: string): void {
    const all = Buffer.from(text, 'utf8');
    const kept = this.#isFull ? all.subarray(0, 0) : all.subarray(0, cutAt(all, this.#roomBytes));
    this.#isFull ||= kept.length < all.length;
    this.#roomBytes -= kept.length;
    this.#outputBytes += all.length;
    this.#droppedBytes += all.length - kept.length;
    const waiting = this.#streams[stream];
    waiting.bytes = Buffer.concat([waiting.bytes, kept]);
    while (waiting.bytes.length >= PIECE_BYTES) this.#write(stream);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const stream of ['stdout', 'stderr'] as const) {
      while (this.#streams[stream].bytes.length > 0) this.#write(stream);
    }
  }

  #write(stream: OutputStream): void {
    const waiting = this.#streams[stream];
    const size = cutAt(waiting.bytes, PIECE_BYTES);
    const piece = waiting.bytes.subarray(0, size);
    waiting.bytes = waiting.bytes.subarray(size);
    if (!this.#writer.append(stream, piece)) {
      this.#isFull = true;
      this.#droppedBytes += piece.length;
    }
  }
}

function begin(): Waiting {
  return { decoder: new TextDecoder('utf-8', { ignoreBOM: true }), bytes: Buffer.alloc(0) };
}

/** The most bytes, up to a limit, that end with a whole character. */
function cutAt(bytes: Buffer, limit: number): number {
  if (bytes.length <= limit) return bytes.length;
  let at = limit;
  while (at > 0 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at -= 1;
  return at;
}
