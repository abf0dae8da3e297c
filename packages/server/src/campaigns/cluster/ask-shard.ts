// One shard of a cluster is asked, for whoever looks at it. It has its time; when it does not
// answer, that is the answer, without a word of its address.

import { HalflapError } from '@halflap/protocol';
import type { Queryable } from '../../store/leases.js';
import { within } from '../../within.js';
import {
  type Addressing,
  isKnown,
  type KnownAddress,
  readAddresses,
  readCluster,
  type ShardAddress,
} from './clusters.js';
import { UNKNOWN_HERE, withoutSecrets } from './observe.js';

/** How long it is waited for. */
export const ASK_MS = 5000;

/** What it has answered, or why it has not. */
export type Told<Value> =
  | { readonly value: Value; readonly away: null }
  | { readonly value: null; readonly away: string };

export interface KnownShard {
  readonly cluster: { readonly id: string; readonly name: string };
  readonly address: ShardAddress;
}

/** @throws API_NOT_FOUND */
export async function findShard(
  on: Queryable,
  addressing: Addressing,
  { id, shard }: { readonly id: string; readonly shard: string },
): Promise<KnownShard> {
  const cluster = await readCluster(on, id);
  const { declared } = cluster;
  const addresses = await readAddresses(on, addressing, cluster);
  const address = addresses.find(({ name }) => name === shard);
  if (address !== undefined) return { cluster: { id, name: declared.name }, address };
  throw new HalflapError('API_NOT_FOUND', `cluster ${declared.name} has no shard ${shard}`, {
    hint: `its shards: halflap clusters matrix ${declared.name}`,
  });
}

/** Never throws for what the shard is or is not. */
export async function askShard<Value>(
  { url }: Pick<ShardAddress, 'url'>,
  work: (url: string) => Promise<Value>,
): Promise<Told<Value>> {
  if (url === null) return { value: null, away: UNKNOWN_HERE };
  const late = () => new Error(`no answer in ${ASK_MS / 1000} s`);
  try {
    return { value: await within(ASK_MS, work(url), late), away: null };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { value: null, away: withoutSecrets(text, url) };
  }
}

/** @throws as the API tells it; the shards of the store are others */
export function shardAway(shard: string, why: string, hint: string): HalflapError {
  return new HalflapError('SHARD_AWAY', `shard ${shard} does not answer: ${why}`, {
    ...{ detail: { shard }, hint },
  });
}

/** @throws SHARD_AWAY where this server has no address of it */
export function assertKnown(address: ShardAddress): asserts address is KnownAddress {
  if (!isKnown(address))
    throw shardAway(address.name, UNKNOWN_HERE, 'give every server its shards');
}

/** The error, as far as it may be told. */
export function discreetError(error: unknown, { name, url }: ShardAddress): unknown {
  if (!(error instanceof HalflapError)) return error;
  const clean = (text: string) => withoutSecrets(text, url);
  const { code, message, detail, hint = 'look at the shard' } = error;
  if (code === 'SHARD_UNREACHABLE') return shardAway(name, clean(message), clean(hint));
  const evidence = detail.evidence?.map(clean);
  return new HalflapError(code, clean(message), {
    detail: { ...detail, ...(evidence === undefined ? {} : { evidence }) },
    ...{ hint: clean(hint), cause: error },
  });
}
