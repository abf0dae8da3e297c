// By what name a server's sessions are seen in pg_stat_activity: `<server>/<app>@<release>`.

import { MAX_IDENTIFIER_BYTES } from './binding.js';

/** A program that works with a shard by a release of an application. */
export interface SessionOwner {
  readonly server: string;
  readonly app: string;
  readonly release: string;
}

/**
 * `<server>/<app>@<release>`, by which operators find a release's sessions in pg_stat_activity. A
 * name that PostgreSQL would cut is cut at the server instead, so that the release stays legible.
 */
export function applicationName(who: SessionOwner): string {
  const tail = `/${who.app}@${who.release}`;
  // PostgreSQL shows every byte outside of printable ASCII as a question mark.
  const ascii = who.server.replace(/[^\x21-\x7e]/gu, '_');
  return ascii.slice(0, Math.max(0, MAX_IDENTIFIER_BYTES - Buffer.byteLength(tail))) + tail;
}

/** Whose session it is; undefined for a name of another form, or of another application. */
export function sessionOwner(name: string, app: string): SessionOwner | undefined {
  const middle = `/${app}@`;
  const at = name.indexOf(middle);
  const release = name.slice(at + middle.length);
  return at < 1 || release === '' ? undefined : { server: name.slice(0, at), app, release };
}
