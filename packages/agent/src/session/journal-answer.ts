// What a server gets that asks for the last lines of a service's journal: the last ones that one
// message has room for, or why there are none.

import { type Journal, type JournalAsked, MAX_FRAME_BYTES } from '@halflap/protocol/agent';
import type { ReadJournal } from './duties.js';

/** What the message has beside its lines. */
const AROUND_BYTES = 4096;
/** Bounds of the message's shape. */
const MAX_LINE = 8192;
const MAX_ERROR = 1000;
/** Asked for at the same time. */
const MAX_AT_ONCE = 4;

/** Answers requests of one session; more than a few at a time are refused. */
export function journalAnswers(read: ReadJournal, signal: AbortSignal) {
  let open = 0;
  return async (asked: JournalAsked): Promise<Journal> => {
    if (open >= MAX_AT_ONCE)
      return refusal(asked, `${MAX_AT_ONCE} journals are being read already`);
    open += 1;
    try {
      const lines = lastThatFit(await read(asked, signal), asked.lines);
      return { type: 'journal', id: asked.id, lines, error: null };
    } catch (error) {
      return refusal(asked, (error as Error).message);
    } finally {
      open -= 1;
    }
  };
}

function refusal({ id }: JournalAsked, why: string): Journal {
  return { type: 'journal', id, lines: [], error: why.slice(0, MAX_ERROR) };
}

function lastThatFit(lines: readonly string[], most: number): string[] {
  const fitting: string[] = [];
  let bytes = AROUND_BYTES;
  for (const line of lines.slice(-most).reverse()) {
    const shown = line.slice(0, MAX_LINE);
    bytes += Buffer.byteLength(JSON.stringify(shown)) + 1;
    if (bytes > MAX_FRAME_BYTES) break;
    fitting.push(shown);
  }
  return fitting.reverse();
}
