// One host within a scope, wherever it is by now.

import type { Store } from '../store/store.js';
import { restrict, type Scope } from './caller.js';
import { Conditions } from './conditions.js';
import { found } from './route.js';

/**
 * What `columns` select of the host, as `h`. A host that is not where it was may have moved with
 * its bucket: so the shards are asked again before it is said not to exist.
 * @throws API_NOT_FOUND, also when it is out of the scope; STORE_UNAVAILABLE
 */
export async function hostRow<Row extends object>(
  store: Store,
  { hostId, scope }: { readonly hostId: string; readonly scope: Scope },
  columns: string,
): Promise<Row> {
  const conditions = new Conditions();
  conditions.add(`h.id = ${conditions.place(hostId)}`);
  restrict(conditions, scope, 'h.labels');
  const sql = `select ${columns} from hosts h where ${conditions.text}`;
  const before = store.shardNameOf(hostId);
  const [row] = await store.readHost<Row>(hostId, sql, conditions.values);
  if (row !== undefined) return row;
  await store.refresh();
  const isMoved = store.shardNameOf(hostId) !== before;
  const again = isMoved ? await store.readHost<Row>(hostId, sql, conditions.values) : [];
  return found(again[0], `host ${hostId}`);
}
