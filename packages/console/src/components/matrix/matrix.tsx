// The matrix of servers × shards. A grid for the keyboard, too: arrows, Home, End, page keys move,
// Enter on a head opens its page, and what is said of the place stands below.
//
// Invariant: the DOM holds what is in sight, however many cells there are.

import { type KeyboardEvent, useId, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { numberText } from '../../state/words';
import { Detail } from './detail';
import { StateMark } from './looks';
import { CELL_STATES, countsOf, type MatrixData, type Place, placeAfter } from './model';
import { HeadRow, Row } from './rows';
import { type Part, SIZES, useVisiblePart } from './visible-part';

interface Props {
  /** What it is of: `Cluster shop`. */
  readonly label: string;
  readonly data: MatrixData;
}

export function Matrix({ label, data }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  const { servers, shards } = data;
  const [chosen, setChosen] = useState<Place>({ row: 0, column: 0 });
  const part = useVisiblePart(box, { rows: servers.length, columns: shards.length });
  // Of data that have become smaller meanwhile.
  const place = placeAfter('', chosen, data);
  const [, navigate] = useLocation();
  const onKeyDown = (event: KeyboardEvent) => {
    const head = headAt(data, place);
    if (event.key === 'Enter' && head?.path !== undefined) navigate(head.path);
    const next = placeAfter(event.key, place, data);
    if (next.row === place.row && next.column === place.column) return;
    event.preventDefault();
    setChosen(next);
    if (box.current !== null) bringIntoSight(box.current, next);
  };
  const isInPart = isWithin(part, place);
  const grid = { id, data, part, place };
  return (
    <section aria-label={label} className="hf-matrix">
      <Legend data={data} />
      {/* A keyboard goes through the grid by what it says is active. */}
      <div
        ref={box}
        className="hf-matrix-box"
        role="grid"
        aria-label={`${label}: servers and shards`}
        aria-rowcount={servers.length + 1}
        aria-colcount={shards.length + 1}
        {...(isInPart ? { 'aria-activedescendant': `${id}-${place.row}-${place.column}` } : {})}
        tabIndex={0}
        style={sizeOf(data)}
        onKeyDown={onKeyDown}
        onClick={({ target }) => setChosen((before) => placeOf(target) ?? before)}
      >
        <div
          role="presentation"
          className="hf-matrix-all"
          style={{
            width: SIZES.headColumn + shards.length * SIZES.column,
            height: SIZES.headRow + servers.length * SIZES.row,
          }}
        >
          <HeadRow {...grid} />
          {servers.slice(part.firstRow, part.endRow).map((server, at) => (
            <Row key={server.id} {...grid} server={server} row={part.firstRow + at} />
          ))}
        </div>
      </div>
      <div aria-live="polite" className="hf-matrix-detail">
        <Detail data={data} place={place} />
      </div>
    </section>
  );
}

/** Undefined for a cell. */
function headAt({ servers, shards }: MatrixData, { row, column }: Place) {
  return row === -1 ? shards[column] : column === -1 ? servers[row] : undefined;
}

/** As large as what is in it and a scroll bar, and never more than what a window shows. */
function sizeOf({ servers, shards }: MatrixData): { height: string; maxWidth: string } {
  const height = SIZES.headRow + servers.length * SIZES.row + SCROLL_BAR;
  const width = SIZES.headColumn + shards.length * SIZES.column + SCROLL_BAR;
  return { height: `min(70vh, 36rem, ${height}px)`, maxWidth: `${width}px` };
}

/** In px, with the borders. */
const SCROLL_BAR = 18;

function Legend({ data }: { readonly data: MatrixData }) {
  const counts = useMemo(() => countsOf(data), [data]);
  return (
    <ul className="hf-matrix-legend" aria-label="How many cells are in which state">
      {CELL_STATES.map((state) => (
        <li key={state}>
          <StateMark state={state} /> {numberText(counts[state])}
        </li>
      ))}
    </ul>
  );
}

/** Cells say which they are: one listener for all of them. */
function placeOf(target: EventTarget): Place | undefined {
  const found = target instanceof Element ? target.closest('[data-place]') : null;
  const [row, column] = found?.getAttribute('data-place')?.split(' ').map(Number) ?? [];
  return row === undefined || column === undefined ? undefined : { row, column };
}

function isWithin({ firstRow, endRow, firstColumn, endColumn }: Part, { row, column }: Place) {
  const hasRow = row === -1 || (row >= firstRow && row < endRow);
  return hasRow && (column === -1 || (column >= firstColumn && column < endColumn));
}

/** Beside the heads, which stay where they are. */
function bringIntoSight(box: HTMLElement, { row, column }: Place): void {
  const [top, left] = [row * SIZES.row, column * SIZES.column];
  const height = box.clientHeight - SIZES.headRow;
  const width = box.clientWidth - SIZES.headColumn;
  const within = (from: number, size: number, start: number, length: number) =>
    Math.max(0, Math.min(from, Math.max(start, from + size - length)));
  box.scrollTo({
    top: row === -1 ? box.scrollTop : within(top, SIZES.row, box.scrollTop, height),
    left: column === -1 ? box.scrollLeft : within(left, SIZES.column, box.scrollLeft, width),
  });
}
