// What a running verb does, on one line of a given width: name, bar, per cent, rows, rate, time
// left, and what is waited for. Pure.
//
// Invariant: no line is longer than the width. What does not fit is left out, from the least
// important on; the reason for a wait, which nothing else on the screen says, is cut visibly
// before it is left out.

import type { Progress } from '@halflap/engine';
import stringWidth from 'string-width';
import { count, duration } from './print.js';

/** The parts of a line, the most important one first. */
const IMPORTANCE = ['shard', 'percent', 'reason', 'rows', 'left', 'rate', 'bar', 'step'] as const;
type Part = (typeof IMPORTANCE)[number];

interface Piece {
  readonly part: Part;
  readonly text: string;
  /** What stands between this piece and the one before it. */
  readonly before: string;
}

const BAR_LEAST = 8;
const BAR_MOST = 24;
/** A reason of fewer columns says nothing. */
const REASON_LEAST = 20;

/** `eu1 expand/fill ████░░░░ 40% 12 000 of about 30 000 rows, 4 500 rows/s, 4.0s left`. */
export function progressLine(progress: Progress, width: number): string {
  const { kept, room } = keep(piecesOf(progress, width), width);
  return kept
    .map(({ part, text, before }) => {
      if (part !== 'bar') return before + text;
      return before + drawBar(partDone(progress), Math.min(BAR_MOST, text.length + room));
    })
    .join('');
}

/** `12 000 of about 30 000 rows, 4 500 rows/s, 4s left`; empty for a step that walks no rows. */
export function rowsText(progress: Progress): string {
  return rowPieces(progress)
    .map((piece) => piece.text)
    .join(', ');
}

/** `waiting for replication: …`; empty while the step works. */
export function waitingText({ waitingFor }: Progress): string {
  return waitingFor === null ? '' : `waiting for ${waitingFor}`;
}

/** Statistics may be older than the rows: what was done is the least that there is. */
export function estimateOf(progress: Progress): number {
  return Math.max(progress.rowsEstimated, progress.rowsDone, 1);
}

function piecesOf(progress: Progress, width: number): Piece[] {
  const percent = `${Math.floor(100 * partDone(progress))}%`;
  const hasRows = progress.relation !== null;
  const rows: Piece[] = [
    { part: 'bar', text: ' '.repeat(BAR_LEAST), before: ' ' },
    { part: 'percent', text: percent, before: ' ' },
    ...rowPieces(progress),
  ];
  const pieces: Piece[] = [
    { part: 'shard', text: cut(progress.shard, Math.floor(width / 3)), before: '' },
    { part: 'step', text: progress.step, before: ' ' },
    ...(hasRows ? rows : []),
    { part: 'reason', text: waitingText(progress), before: hasRows ? '; ' : ': ' },
  ];
  return pieces.filter((piece) => piece.text !== '');
}

function rowPieces(progress: Progress): Piece[] {
  if (progress.relation === null) return [];
  const { rowsDone, rowsPerSecond, secondsLeft } = progress;
  const done = `${count(rowsDone)} of about ${count(estimateOf(progress))} rows`;
  const pieces: Piece[] = [{ part: 'rows', text: done, before: ' ' }];
  if (rowsPerSecond > 0) {
    pieces.push({ part: 'rate', text: `${count(rowsPerSecond)} rows/s`, before: ', ' });
  }
  if (secondsLeft !== null) {
    pieces.push({ part: 'left', text: `${duration(secondsLeft)} left`, before: ', ' });
  }
  return pieces;
}

/** The most important pieces that fit, in the order of the line, and the columns left over. */
function keep(pieces: readonly Piece[], width: number) {
  const kept = new Map<Part, Piece>();
  let room = width;
  for (const part of IMPORTANCE) {
    const piece = pieces.find((one) => one.part === part);
    if (piece === undefined) continue;
    const free = room - piece.before.length;
    const isCuttable = part === 'reason' && free >= REASON_LEAST;
    if (stringWidth(piece.text) > free && !isCuttable) break;
    const text = cut(piece.text, free);
    kept.set(part, { ...piece, text });
    room = free - stringWidth(text);
  }
  return { kept: pieces.flatMap(({ part }) => kept.get(part) ?? []), room };
}

function partDone(progress: Progress): number {
  return progress.rowsDone / estimateOf(progress);
}

function drawBar(part: number, size: number): string {
  const filled = Math.round(part * size);
  return '█'.repeat(filled) + '░'.repeat(size - filled);
}

function cut(text: string, most: number): string {
  return stringWidth(text) <= most
    ? text
    : `${[...text].slice(0, Math.max(0, most - 1)).join('')}…`;
}
