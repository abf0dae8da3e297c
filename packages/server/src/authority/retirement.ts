// Giving up what was replaced: only once nothing depends on it any more, unless somebody says in so
// many words what is lost.

import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import type { Store } from '../store/store.js';
import { pinOf } from './certificates.js';
import { type KeyKind, retireKey, retiring } from './cluster-keys.js';
import { type Dependants, dependants } from './dependants.js';
import { behind, readReaders } from './readers.js';

/** What was given up; null when nothing was left to be. */
export type Retired = { readonly retired: string | null };

export interface Dropping {
  readonly store: Store;
  readonly now: Date;
  /** What `wordsFor` gives; undefined: nobody may be lost. */
  readonly words?: string | undefined;
}

/**
 * The old key of orders, within a transaction of the home shard. Hosts that were away get the keys
 * that follow, each vouched for by the one before.
 * @throws API_CONFLICT while a server that runs has not read the new one.
 */
export async function retireOrders(client: ClientBase, now: Date): Promise<Retired> {
  const found = await retiring(client, 'orders');
  if (found === null) return { retired: null };
  await assertRead(client, 'orders', found.next.id);
  await retireKey(client, found.old.id, now);
  return { retired: found.old.id };
}

/**
 * The old authority, within a transaction of the home shard.
 * @throws API_CONFLICT while a server that runs has not read the new one, and when hosts would be
 * lost of which the words do not tell.
 */
export async function dropAuthority(
  client: ClientBase,
  { store, now, words }: Dropping,
): Promise<Retired> {
  const found = await retiring(client, 'authority');
  if (found === null) return { retired: null };
  await assertRead(client, 'authority', found.next.id);
  const lost = await dependants(store, await pinOf(found.next.public_part));
  const needed = wordsFor(lost);
  if (needed !== null && words !== needed) throw stillNeeded(lost, needed, words);
  await retireKey(client, found.old.id, now);
  return { retired: await pinOf(found.old.public_part) };
}

/** What has to be said to lose them; null when nobody is lost. */
export function wordsFor({ count, silent }: Dependants): string | null {
  const unseen = silent.length === 0 ? '' : ` and all hosts of ${silent.join(', ')}`;
  if (count === 0 && unseen === '') return null;
  return `lose ${count} ${count === 1 ? 'host' : 'hosts'}${unseen}`;
}

function stillNeeded(lost: Dependants, needed: string, words: string | undefined): HalflapError {
  const { count, names, silent } = lost;
  const more = count > names.length ? ` and ${count - names.length} more` : '';
  const parts = [
    count === 0 ? '' : `${count} ${count === 1 ? 'host depends' : 'hosts depend'} on the old one`,
    names.length === 0 ? '' : `: ${names.join(', ')}${more}`,
    silent.length === 0 ? '' : `; shards do not answer: ${silent.join(', ')}`,
  ];
  const said = words === undefined ? '' : ` (said was ${JSON.stringify(words)})`;
  return new HalflapError('API_CONFLICT', parts.join('').replace(/^; /, ''), {
    detail: { evidence: [...names] },
    hint: `wait for them, or say that they have to enrol again: --force "${needed}"${said}`,
  });
}

/** @throws API_CONFLICT that names the servers. */
async function assertRead(client: ClientBase, kind: KeyKind, key: string): Promise<void> {
  const late = behind(await readReaders(client), key);
  if (late.length === 0) return;
  const what = kind === 'orders' ? 'key of orders' : 'authority';
  throw new HalflapError(
    'API_CONFLICT',
    `servers have not read the new ${what}: ${late.join(', ')}`,
    {
      hint: 'repeat this in a minute: those that run read it by then, others are not waited for',
    },
  );
}
