// The store for who comes with one task, and is no server: it installs nothing, gives out nothing,
// and needs every shard, since one that is silent may have what the others say that they have.

import { open } from '@halflap/client';
import { HalflapError } from '@halflap/protocol';
import { readBuckets } from './buckets.js';
import { APP, RELEASE } from './install.js';
import { Store, type StoreOptions } from './store.js';

/** @throws STORE_UNAVAILABLE when a shard does not answer, or none has buckets yet. */
export async function visitStore(options: StoreOptions): Promise<Store> {
  const { shards, home = shards[0]?.name ?? '', server, poolSize, log } = options;
  const fleet = await open({
    ...{ app: APP, release: RELEASE, server, poolSize },
    shards: shards.map(({ name, url }) => ({ name, url })),
    log: ({ level, shard, message }) => log[level]({ shard }, message),
  });
  try {
    const map = await readBuckets(fleet);
    if (map.silent.length > 0) {
      throw new HalflapError(
        'STORE_UNAVAILABLE',
        `shards do not answer, and may have any bucket: ${map.silent.join(', ')}`,
        { hint: 'look at them with halflap status; a new one gets the store from halflap serve' },
      );
    }
    if (map.rows.length === 0) {
      throw new HalflapError('STORE_UNAVAILABLE', 'no shard has buckets yet', {
        hint: 'start a server: halflap serve gives them out',
      });
    }
    return new Store(fleet, { shards, home }, map);
  } catch (error) {
    await fleet.close();
    throw error;
  }
}
