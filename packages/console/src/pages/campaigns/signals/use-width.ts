// How wide an element is, so that a drawing in it has texts of their usual size.

import { type RefObject, useEffect, useRef, useState } from 'react';

/** @returns null until it is known */
export function useWidth(): readonly [RefObject<HTMLDivElement | null>, number | null] {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState<number | null>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const sizes = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.floor(entry.contentRect.width));
    });
    sizes.observe(element);
    return () => sizes.disconnect();
  }, []);
  return [place, width];
}
