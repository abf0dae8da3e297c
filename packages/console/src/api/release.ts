// Which release the server has that answered last, against that of this page.
//
// A page of release N goes on with servers of N+1: it needs no further file of them, and the API
// takes nothing away between adjacent releases. But what is new is not on it, so it says when to
// reload.

import { useSyncExternalStore } from 'react';

/** `same`, or what the server that answered last is, seen from this page. */
export type Skew =
  | { readonly kind: 'same' }
  | { readonly kind: 'newer' | 'older'; readonly server: string };

const SAME: Skew = { kind: 'same' };
let skew: Skew = SAME;
const listeners = new Set<() => void>();

export function noteRelease(server: string | null, page: string = HALFLAP_RELEASE): void {
  const next = skewOf(page, server);
  // Once a newer server has been seen, reloading gives its page, whoever answers meanwhile.
  if (skew.kind === 'newer' || JSON.stringify(next) === JSON.stringify(skew)) return;
  skew = next;
  for (const tell of listeners) tell();
}

export function useSkew(): Skew {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => skew,
  );
}

/** @param server null: an answer that says nothing of it, as of a proxy. */
export function skewOf(page: string, server: string | null): Skew {
  if (server === null || server === page) return SAME;
  const [ours, theirs] = [page, server].map((release) => release.split(/[.-]/).map(Number));
  const at = (theirs ?? []).findIndex((part, place) => part !== ours?.[place]);
  const isNewer = (theirs?.[at] ?? 0) > (ours?.[at] ?? 0);
  return { kind: isNewer ? 'newer' : 'older', server };
}
