// The bundle of this server's release, as far as the client reads it: the session lens. Believed
// only when its hash is that of its contents, and when it leads to the release that was opened.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BUNDLE_FORMAT, hashedText, type LensBundle } from '@halflap/protocol';
import { messageOf } from './failure.js';
import { wrong } from './given.js';

/** The file that `halflap build` wrote, or what it holds. */
export type GivenBundle = string | URL | object;

/** @throws CLIENT_OPTIONS when it cannot be read, is damaged, or is another release's. */
export function lensBundleOf(
  given: GivenBundle,
  { app, release }: { readonly app: string; readonly release: string },
): LensBundle {
  const found = typeof given === 'object' && !(given instanceof URL) ? given : read(given);
  if (!('format' in found)) throw unfit('JSON of another kind', 'what halflap build writes');
  const bundle = found as LensBundle;
  if (bundle.format !== BUNDLE_FORMAT) {
    throw unfit(`format ${String(bundle.format)}`, `format ${BUNDLE_FORMAT}`);
  }
  const hash = createHash('sha256').update(hashedText(bundle)).digest('hex');
  if (hash !== bundle.hash) throw unfit('other contents than its hash says', 'the whole file');
  if (bundle.app !== app || bundle.to.version !== release) {
    throw unfit(`one that leads to ${bundle.app} ${bundle.to.version}`, `one to ${app} ${release}`);
  }
  if (bundle.sessionLens === undefined) {
    throw unfit('one without a session lens', 'one that this version of halflap build wrote');
  }
  return bundle;
}

function read(file: string | URL): object {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof value === 'object' && value !== null ? value : {};
  } catch (error) {
    throw unfit(`unreadable: ${messageOf(error)}`, 'the file that halflap build wrote');
  }
}

function unfit(found: string, expected: string) {
  return wrong('open: bundle', found, expected);
}
