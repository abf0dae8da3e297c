// The rows of the matrix: the one of heads, and one for each server.

import { memo } from 'react';
import { Link } from 'wouter';
import { headText } from './detail';
import { BlockedMark, StateMark } from './looks';
import { type MatrixCell, type MatrixData, type MatrixHead, type Place, UNTOLD } from './model';
import { type Part, SIZES } from './visible-part';

interface Grid {
  /** What ids of cells begin with. */
  readonly id: string;
  readonly data: MatrixData;
  readonly part: Part;
  readonly place: Place;
}

export function HeadRow({ id, data, part, place }: Grid) {
  const shards = data.shards.slice(part.firstColumn, part.endColumn);
  return (
    <div role="row" aria-rowindex={1} className="hf-matrix-heads">
      <div role="columnheader" aria-colindex={1} className="hf-matrix-corner">
        servers ↓ shards →
      </div>
      {shards.map((shard, at) => {
        const column = part.firstColumn + at;
        return (
          <Head
            key={shard.id}
            kind="columnheader"
            cellId={`${id}--1-${column}`}
            head={shard}
            place={{ row: -1, column }}
            isChosen={place.row === -1 && place.column === column}
          />
        );
      })}
    </div>
  );
}

export function Row({
  id,
  data,
  part,
  place,
  server,
  row,
}: Grid & { readonly server: MatrixHead; readonly row: number }) {
  const shards = data.shards.slice(part.firstColumn, part.endColumn);
  const isHere = place.row === row;
  return (
    <div
      role="row"
      aria-rowindex={row + 2}
      className="hf-matrix-row"
      style={{ top: SIZES.headRow + row * SIZES.row }}
    >
      <Head
        kind="rowheader"
        cellId={`${id}-${row}--1`}
        head={server}
        place={{ row, column: -1 }}
        isChosen={isHere && place.column === -1}
      />
      {shards.map((shard, at) => (
        <Cell
          key={shard.id}
          id={id}
          cell={data.cellOf(server.id, shard.id) ?? UNTOLD}
          row={row}
          column={part.firstColumn + at}
          isChosen={isHere && place.column === part.firstColumn + at}
        />
      ))}
    </div>
  );
}

interface HeadProps {
  readonly kind: 'rowheader' | 'columnheader';
  readonly cellId: string;
  readonly head: MatrixHead;
  readonly place: Place;
  readonly isChosen: boolean;
}

function Head({ kind, cellId, head, place, isChosen }: HeadProps) {
  const left = SIZES.headColumn + place.column * SIZES.column;
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: both roles of it have that
    <div
      id={cellId}
      data-place={`${place.row} ${place.column}`}
      role={kind}
      aria-colindex={place.column + 2}
      aria-selected={isChosen}
      className={`hf-matrix-${kind} ${isChosen ? 'hf-chosen' : ''}`}
      {...(kind === 'columnheader' ? { style: { left } } : {})}
    >
      <span className="hf-matrix-name">
        {head.path === undefined ? (
          <span>{head.name}</span>
        ) : (
          // A keyboard goes there by Enter, from the cell that is active.
          <Link href={head.path} tabIndex={-1}>
            {head.name}
          </Link>
        )}
        {head.blocked !== undefined && <BlockedMark />}
      </span>
      <span className="hf-quiet">{headText(head)}</span>
    </div>
  );
}

interface CellProps {
  readonly id: string;
  readonly cell: MatrixCell;
  readonly row: number;
  readonly column: number;
  readonly isChosen: boolean;
}

/** Drawn again only when it has changed. */
const Cell = memo(function Cell({ id, cell, row, column, isChosen }: CellProps) {
  return (
    <div
      id={`${id}-${row}-${column}`}
      data-place={`${row} ${column}`}
      role="gridcell"
      aria-colindex={column + 2}
      aria-selected={isChosen}
      className={`hf-matrix-cell ${isChosen ? 'hf-chosen' : ''}`}
      style={{ left: SIZES.headColumn + column * SIZES.column }}
    >
      <StateMark state={cell.state} />
      {cell.blocked !== undefined && <BlockedMark />}
    </div>
  );
});
