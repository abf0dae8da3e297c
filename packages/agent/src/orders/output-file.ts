// Output on the disk: pieces one after the other, each with its stream and its length before it, so
// that a reader in another process sees only whole ones. A piece's number is its place in the file.

import { ftruncateSync, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { OUTPUT_STREAMS } from '@halflap/protocol/agent';

export type OutputStream = (typeof OUTPUT_STREAMS)[number];

/**
 * Bytes of UTF-8 in a piece at most. JSON writes a byte as up to six (`\u0000`), and a message with
 * a piece must stay below MAX_FRAME_BYTES.
 */
export const PIECE_BYTES = 32 * 1024;

export interface Piece {
  readonly stream: OutputStream;
  readonly text: string;
  /** Where the next one begins. */
  readonly end: number;
}

const MARKS = { stdout: 1, stderr: 2 } as const satisfies Record<OutputStream, number>;
const HEADER_BYTES = 5;

/** Appends pieces. A disk that is full loses pieces, and never leaves half of one. */
export class PieceWriter {
  readonly #file: number;
  #end = 0;
  #isBroken = false;

  /** @param file open for writing, empty. */
  constructor(file: number) {
    this.#file = file;
  }

  /** @returns whether the piece is in the file. */
  append(stream: OutputStream, text: Buffer): boolean {
    if (this.#isBroken) return false;
    const record = Buffer.alloc(HEADER_BYTES + text.length);
    record.writeUInt8(MARKS[stream]);
    record.writeUInt32BE(text.length, 1);
    text.copy(record, HEADER_BYTES);
    try {
      for (let at = 0; at < record.length; ) {
        at += writeSync(this.#file, record, at, record.length - at, this.#end + at);
      }
      this.#end += record.length;
      return true;
    } catch {
      this.#cutBack();
      return false;
    }
  }

  #cutBack(): void {
    try {
      ftruncateSync(this.#file, this.#end);
    } catch {
      this.#isBroken = true;
    }
  }
}

/**
 * The piece that begins at a place, or null when there is none, or not yet wholly, or when what is
 * there was torn by a power failure.
 */
export async function readPiece(file: FileHandle, start: number): Promise<Piece | null> {
  const header = await readWhole(file, start, HEADER_BYTES);
  if (header === null) return null;
  const stream = header.readUInt8() === MARKS.stdout ? 'stdout' : 'stderr';
  const length = header.readUInt32BE(1);
  const isPiece = header.readUInt8() === MARKS[stream] && length > 0 && length <= PIECE_BYTES;
  const text = isPiece ? await readWhole(file, start + HEADER_BYTES, length) : null;
  if (text === null) return null;
  return { stream, text: text.toString('utf8'), end: start + HEADER_BYTES + length };
}

async function readWhole(file: FileHandle, start: number, length: number): Promise<Buffer | null> {
  const bytes = Buffer.alloc(length);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, length - at, start + at);
    if (bytesRead === 0) return null;
    at += bytesRead;
  }
  return bytes;
}
