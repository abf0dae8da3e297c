// Two releases and an evolution written inside a test, loaded as from a directory: for tests of the
// compiler, which needs catalogues and no shard. One database serves a whole test file; each schema
// is read in a transaction of its own that is rolled back.

import type { Bundle, Step } from '../../compile/bundle.js';
import { compile } from '../../compile/compile.js';
import { connect } from '../../pg.js';
import type { Evolution } from '../../release/evolution.js';
import { parseEvolution } from '../../release/evolution-parser.js';
import { loadParser } from '../../release/expression.js';
import { fingerprint } from '../../release/fingerprint.js';
import { introspect } from '../../release/introspect.js';
import type { Release } from '../../release/release.js';
import { NOTHING_SHIPPED } from '../../release/shipped.js';
import { freshDatabase } from '../../testing/index.js';

/** Where the written evolution stands, for messages; its first change begins on line 3. */
export const WRITTEN_FILE = 'releases/2.0/evolution.yaml';

export interface WrittenPair {
  readonly from: Release;
  readonly to: Release;
  readonly evolution: Evolution;
}

export interface Reader {
  /**
   * Releases 1.0 and 2.0; `changes` is the list below `changes:`, one item per line, and `keys`
   * what stands below `keys:` before it.
   */
  pair(
    from: string,
    to: string,
    changes?: readonly string[],
    keys?: readonly string[],
  ): Promise<WrittenPair>;
  /** The same, compiled for the application `shop`. */
  bundle(from: string, to: string, changes?: readonly string[]): Promise<Bundle>;
  close(): Promise<void>;
}

/** Opens the database that reads schemas; close() drops it. */
export async function openReader(): Promise<Reader> {
  await loadParser();
  const database = await freshDatabase();
  const session = await connect(database.url, 'test');
  const release = async (version: string, schemaSql: string): Promise<Release> => {
    await session.query('begin');
    try {
      await session.query(schemaSql);
      const catalog = await introspect(session, 'public');
      const shipped = NOTHING_SHIPPED;
      return { version, catalog, fingerprint: fingerprint(catalog), schemaSql, shipped };
    } finally {
      await session.query('rollback');
    }
  };
  const pair: Reader['pair'] = async (from, to, changes = [], keys = []) => ({
    from: await release('1.0', from),
    to: await release('2.0', to),
    evolution: parseEvolution(textOf(changes, keys), { file: WRITTEN_FILE, to: '2.0' }),
  });
  return {
    pair,
    async bundle(from, to, changes) {
      return compile({ app: 'shop', ...(await pair(from, to, changes)) });
    },
    async close() {
      await session.end();
      await database.drop();
    },
  };
}

/** The statements of one step as text; none where the bundle has no such step. */
export function statementsOf(bundle: Bundle, id: string): string[] {
  const steps: readonly Step[] = Object.values(bundle.steps).flat();
  const found = steps.find((step) => step.id === id);
  return found?.kind === 'transaction' ? found.statements.map((one) => one.sql) : [];
}

function textOf(changes: readonly string[], keys: readonly string[]): string {
  const maps = keys.length === 0 ? [] : ['keys:', ...keys.map((one) => `  ${one}`)];
  const list = changes.map((one) => `  - ${one}`);
  const head = list.length === 0 ? 'changes: []' : 'changes:';
  return ['from: "1.0"', ...maps, head, ...list].join('\n');
}
