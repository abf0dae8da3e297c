// Whether somebody looks: a tab in the background needs nothing live, and browsers share few
// connections to one server among all of its tabs.

import { useSyncExternalStore } from 'react';

export function useVisible(): boolean {
  return useSyncExternalStore(
    (listener) => {
      document.addEventListener('visibilitychange', listener);
      return () => document.removeEventListener('visibilitychange', listener);
    },
    () => !document.hidden,
  );
}
