// What of a page is in its address: filters, order, place in a list. So a view can be linked to,
// kept, and gone back to.

import { useCallback, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';

export type Patch = Readonly<Record<string, string | null | undefined>>;

export interface Address {
  readonly params: URLSearchParams;
  get(name: string): string;
  has(name: string): boolean;
  /** Changes filters or order; the list then begins anew. Empty and null take a name away. */
  change(patch: Patch): void;
  /** Goes to another page of a list. */
  turn(patch: Patch): void;
}

/** What is of one page of a list, and of no other with other filters. */
const PLACE = { cursor: null, page: null };

export function useAddress(): Address {
  const [path, navigate] = useLocation();
  const search = useSearch();
  const params = useMemo(() => new URLSearchParams(search), [search]);
  const go = useCallback(
    (patch: Patch, replace: boolean) => {
      const next = new URLSearchParams(search);
      for (const [name, value] of Object.entries(patch)) {
        if (value === undefined || value === null || value === '') next.delete(name);
        else next.set(name, value);
      }
      navigate(next.size === 0 ? path : `${path}?${next}`, { replace });
    },
    [search, path, navigate],
  );
  return {
    params,
    get: (name) => params.get(name) ?? '',
    has: (name) => params.has(name),
    change: (patch) => go({ ...PLACE, ...patch }, true),
    turn: (patch) => go(patch, false),
  };
}
