// Which rows and columns of a large table are in sight. The rest is two empty rows and columns as
// large as what is left out, so that 20,000 cells cost as much as those that are seen.

import { type RefObject, useLayoutEffect, useState } from 'react';

/** In px; the style sheet has the same. */
export const SIZES = { row: 44, column: 132, headRow: 64, headColumn: 152 } as const;

/** Rows and columns that are there before they are in sight. */
const MARGIN = 3;

export interface Part {
  readonly firstRow: number;
  /** The one after the last. */
  readonly endRow: number;
  readonly firstColumn: number;
  readonly endColumn: number;
}

interface Size {
  readonly rows: number;
  readonly columns: number;
}

const START = { top: 0, left: 0, height: 900, width: 1400 };

export function useVisiblePart(box: RefObject<HTMLElement | null>, size: Size): Part {
  const [seen, setSeen] = useState(START);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const look = () =>
      setSeen((before) => {
        const { scrollTop, scrollLeft, clientHeight, clientWidth } = element;
        const now = { top: scrollTop, left: scrollLeft, height: clientHeight, width: clientWidth };
        return JSON.stringify(before) === JSON.stringify(now) ? before : now;
      });
    look();
    element.addEventListener('scroll', look, { passive: true });
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    return () => {
      element.removeEventListener('scroll', look);
      sizes.disconnect();
    };
  }, [box]);
  const [firstRow, endRow] = range(seen.top, seen.height, SIZES.row, size.rows);
  const [firstColumn, endColumn] = range(seen.left, seen.width, SIZES.column, size.columns);
  return { firstRow, endRow, firstColumn, endColumn };
}

function range(from: number, length: number, each: number, all: number): [number, number] {
  const first = Math.max(0, Math.min(all, Math.floor(from / each)) - MARGIN);
  return [first, Math.min(all, Math.ceil((from + length) / each) + MARGIN)];
}
