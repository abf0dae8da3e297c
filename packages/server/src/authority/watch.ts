// Looks for new keys every few seconds, for as long as a server runs.

import type { Log } from '../store/store.js';
import type { Authority } from './authority.js';

/** Far less than a server that is silent counts as running. */
const LOOK_MS = 10_000;

/** @returns what ends it; nobody waits for this server's looks then. */
export function watchKeys(authority: Authority, log: Log): () => Promise<void> {
  const look = () =>
    authority.refresh().catch((error) => log.warn({ error }, 'the keys were not looked at'));
  const timer = setInterval(() => void look(), LOOK_MS);
  return async () => {
    clearInterval(timer);
    await authority.leave().catch((error) => log.warn({ error }, 'others wait for this server'));
  };
}
