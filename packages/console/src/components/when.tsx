// A time: how long ago, with the exact one on demand.

import { useSyncExternalStore } from 'react';
import { absolute, ago } from '../state/words';

const TICK_MS = 10_000;
const listeners = new Set<() => void>();
let ticks = 0;
let ticking: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  ticking ??= setInterval(() => {
    if (document.hidden) return;
    ticks += 1;
    for (const tell of listeners) tell();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

export function When({ at, never = '–' }: { readonly at: string | null; readonly never?: string }) {
  // Said anew every few seconds, while the page is looked at.
  useSyncExternalStore(subscribe, () => ticks);
  if (at === null) return <span className="hf-quiet">{never}</span>;
  return (
    <time dateTime={at} title={absolute(at)}>
      {ago(at, Date.now())}
    </time>
  );
}
