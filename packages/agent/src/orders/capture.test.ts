// Output as programs write it, in any pieces: what comes out is what a decoder makes of the whole.

import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Capture } from './capture.js';
import { PIECE_BYTES, PieceWriter, readPiece } from './output-file.js';

const SEED = Number(process.env.HALFLAP_TEST_SEED ?? Date.now() % 2 ** 31);

/** Numbers below a limit, the same for the same seed (mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const LETTERS = ['a', 'ä', '€', '😀', '\0', '\ufeff'].map((letter) => Buffer.from(letter));
const BROKEN = [[0xff], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98]].map((bytes) =>
  Buffer.from(bytes),
);

async function captured(chunks: readonly Buffer[], limit: number) {
  const path = join(await fs.mkdtemp(join(tmpdir(), 'halflap-capture-')), 'output');
  const file = await fs.open(path, 'w+');
  const capture = new Capture(new PieceWriter(file.fd), limit);
  for (const chunk of chunks) capture.add('stdout', chunk);
  const counts = capture.end();
  const texts: string[] = [];
  for (let at = 0; ; ) {
    const piece = await readPiece(file, at);
    if (piece === null) break;
    texts.push(piece.text);
    at = piece.end;
  }
  await file.close();
  await fs.rm(join(path, '..'), { recursive: true });
  return { ...counts, texts };
}

describe('captured output', () => {
  it(`is that of the whole, cut where a character ends (seed ${SEED})`, async () => {
    const random = numbers(SEED);
    for (let round = 0; round < 30; round += 1) {
      const from = round % 3 === 0 ? [...LETTERS, ...BROKEN] : LETTERS;
      const parts = Array.from({ length: random(60_000) }, () => from[random(from.length)]);
      const whole = Buffer.concat(parts as Buffer[]);
      const chunks: Buffer[] = [];
      for (let at = 0; at < whole.length; ) {
        const size = 1 + random(random(2) === 0 ? 8 : 70_000);
        chunks.push(whole.subarray(at, at + size));
        at += size;
      }
      const limit = random(200_000);
      const { texts, outputBytes, droppedBytes } = await captured(chunks, limit);
      const decoded = new TextDecoder('utf-8', { ignoreBOM: true }).decode(whole);
      const kept = texts.join('');
      expect(decoded.startsWith(kept)).toBe(true);
      expect(outputBytes).toBe(Buffer.byteLength(decoded));
      expect(droppedBytes).toBe(outputBytes - Buffer.byteLength(kept));
      if (droppedBytes > 0) expect(limit - Buffer.byteLength(kept)).toBeLessThan(4);
      for (const text of texts) {
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(PIECE_BYTES);
        expect(text.length).toBeGreaterThan(0);
      }
    }
  });

  it('counts what a full disk does not take as left out, like everything after it', async () => {
    const full = await fs.open('/dev/full', 'w');
    const capture = new Capture(new PieceWriter(full.fd), 100_000);
    for (const size of [40_000, 7]) capture.add('stdout', Buffer.alloc(size, 'a'));
    expect(capture.end()).toEqual({ outputBytes: 40_007, droppedBytes: 40_007 });
    await full.close();
  });

  it('ends before a piece that a power failure has torn', async () => {
    const path = join(await fs.mkdtemp(join(tmpdir(), 'halflap-capture-')), 'output');
    const file = await fs.open(path, 'w+');
    expect(new PieceWriter(file.fd).append('stderr', Buffer.from('whole'))).toBe(true);
    const whole = await readPiece(file, 0);
    expect(whole).toMatchObject({ stream: 'stderr', text: 'whole' });
    for (const torn of [Buffer.alloc(64), Buffer.from([1, 0, 0, 0, 9, 65]), Buffer.from([1, 0])]) {
      await file.truncate(whole?.end);
      await file.write(torn, 0, torn.length, whole?.end);
      expect(await readPiece(file, whole?.end ?? 0)).toBeNull();
    }
    await file.close();
    await fs.rm(join(path, '..'), { recursive: true });
  });
});
