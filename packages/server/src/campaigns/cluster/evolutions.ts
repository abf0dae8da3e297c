// Bundles that were uploaded: what leads an application from one release to the next. One is
// believed when its hash is that of its contents, and known by it from then on.

import { BUNDLE_FORMAT, type Bundle, bundleHash } from '@halflap/engine/runner';
import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { invalid } from '../../api/problem.js';
import type { Queryable } from '../../store/leases.js';

/** Of a bundle as JSON. */
export const BUNDLE_BYTES = 16 * 1024 * 1024;

export type EvolutionRow = {
  readonly hash: string;
  readonly app: string;
  readonly from_release: string;
  readonly to_release: string;
  readonly added_by: string;
  readonly added_at: Date;
};

/** What an EvolutionRow is selected by, of `evolutions as e`. */
export const EVOLUTION_COLUMNS =
  'e.hash, e.app, e.from_release, e.to_release, e.added_by, e.added_at';

/** Within a transaction of the home shard. Idempotent. @throws API_INVALID */
export async function addEvolution(
  client: ClientBase,
  given: object,
  by: string,
): Promise<EvolutionRow> {
  const bundle = checkedBundle(given);
  await client.query(
    `insert into evolutions (hash, app, from_release, to_release, bundle, added_by)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (hash) do nothing`,
    [
      ...[bundle.hash, bundle.app, bundle.from.version, bundle.to.version],
      ...[JSON.stringify(bundle), by],
    ],
  );
  const { rows } = await client.query<EvolutionRow>(
    `select ${EVOLUTION_COLUMNS} from evolutions as e where e.hash = $1`,
    [bundle.hash],
  );
  return rows[0] as EvolutionRow;
}

function checkedBundle(given: object): Bundle {
  const bundle = given as Bundle;
  if (bundle.format !== BUNDLE_FORMAT) {
    throw invalid([{ field: 'body.bundle.format', rule: `must be ${BUNDLE_FORMAT}` }]);
  }
  if (typeof bundle.hash !== 'string' || bundleHash(bundle) !== bundle.hash) {
    throw invalid([{ field: 'body.bundle.hash', rule: 'must be that of the bundle’s contents' }]);
  }
  return bundle;
}

/** Bundles by hash, the last few: each pass of a campaign needs its own. */
export class Bundles {
  readonly #known = new Map<string, Bundle>();

  /** @throws API_NOT_FOUND */
  async read(on: Queryable, hash: string): Promise<Bundle> {
    const known = this.#known.get(hash);
    if (known !== undefined) return known;
    const { rows } = await on.query<{ bundle: string }>(
      'select bundle from evolutions where hash = $1',
      [hash],
    );
    const [row] = rows;
    if (row === undefined) {
      throw new HalflapError('API_NOT_FOUND', `there is no bundle ${hash}`, {
        hint: 'add it: halflap clusters bundles add FILE',
      });
    }
    const bundle = JSON.parse(row.bundle) as Bundle;
    if (this.#known.size >= MOST_KEPT) this.#known.clear();
    this.#known.set(hash, bundle);
    return bundle;
  }
}

const MOST_KEPT = 4;
