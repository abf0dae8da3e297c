// Tells that something may have changed in a directory: at once by the system where it has watches
// to give (inotify(7); their number is limited), and every second in any case.

import { type FSWatcher, watch } from 'node:fs';

const LOOK_EVERY_MS = 1000;

/** Calls back from the next change on, until it is closed. */
export function watchDirectory(directory: string, onChange: () => void): { close(): void } {
  const timer = setInterval(onChange, LOOK_EVERY_MS);
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(directory, onChange);
    watcher.on('error', () => watcher?.close());
  } catch {
    // The timer is left.
  }
  return {
    close: () => {
      clearInterval(timer);
      watcher?.close();
    },
  };
}
