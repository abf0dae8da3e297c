// Live views: server-sent events, which the browser opens again by itself when a server goes away.

import { useEffect, useRef } from 'react';
import { useVisible } from '../state/visible';

/** Before a view is opened again that the server has refused, in ms. */
const REFUSED_MS = 5000;

interface LiveOptions {
  /** Null: nothing is to be watched. */
  readonly address: string | null;
  readonly events: readonly string[];
  /** @returns false when this was the last. */
  onEvent(event: string, data: unknown): boolean;
}

export function useLive({ address, events, onEvent }: LiveOptions): void {
  const isVisible = useVisible();
  const told = useRef(onEvent);
  told.current = onEvent;
  const names = events.join(' ');
  useEffect(() => {
    if (address === null || !isVisible) return;
    let source: EventSource | undefined;
    let late: ReturnType<typeof setTimeout> | undefined;
    const close = () => {
      clearTimeout(late);
      source?.close();
    };
    const open = () => {
      const opened = new EventSource(address);
      source = opened;
      for (const name of names.split(' ')) {
        opened.addEventListener(name, (event) => {
          if (!told.current(name, JSON.parse((event as MessageEvent<string>).data))) close();
        });
      }
      // It is closed when the answer was an error, which browsers do not ask again.
      opened.onerror = () => {
        if (opened.readyState === EventSource.CLOSED) late = setTimeout(open, REFUSED_MS);
      };
    };
    open();
    return close;
  }, [address, names, isVisible]);
}
