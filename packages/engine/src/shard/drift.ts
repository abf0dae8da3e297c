// Is the catalogue of a shard still that of its release? Tables and objects that the release does
// not know are nobody's business here.
//
// A shard that came to its release by an evolution has some of its tables in the release's own
// schema, and columns in the order in which they came; neither is a drift.

import { HalflapError, HOME_SCHEMA, releaseSchema } from '@halflap/protocol';
import type { ReleaseSummary } from '../compile/bundle.js';
import { type Session, withReading } from '../pg.js';
import { type Catalog, findTable, type Table } from '../release/catalog.js';
import { differences, settingDifferences } from '../release/compare.js';
import { fingerprint } from '../release/fingerprint.js';
import { introspect } from '../release/introspect.js';
import type { ShardState } from './state.js';

export interface Expectation {
  readonly shard: string;
  readonly app: string;
  readonly release: ReleaseSummary;
  /**
   * Where nobody has made or set anything by hand: what acts on its tables is all the release's,
   * and they are kept and described as a fresh install has them.
   */
  readonly isScratch?: boolean;
}

/**
 * @throws SHARD_UNKNOWN when there is no table at all; SHARD_DRIFTED with one line per
 * difference.
 */
export async function assertNotDrifted(session: Session, expectation: Expectation): Promise<void> {
  const { shard, app, release } = expectation;
  const home = await introspect(session, HOME_SCHEMA);
  const own = await introspect(session, releaseSchema(app, release.version));
  if (home.tables.length + own.tables.length === 0 && release.catalog.tables.length > 0) {
    throw new HalflapError(
      'SHARD_UNKNOWN',
      `shard ${shard} holds no tables in schema ${HOME_SCHEMA}, ` +
        `expected those of ${app} ${release.version}`,
      {
        detail: { shard },
        hint: `halflap install ${release.version} --shard ${shard}, or correct its url`,
      },
    );
  }
  const evidence = findDrift(expectation, home, own);
  if (evidence.length === 0) return;
  throw new HalflapError(
    'SHARD_DRIFTED',
    `the catalogue of shard ${shard} is not that of ${app} ${release.version}: ` +
      `${evidence.length} ${evidence.length === 1 ? 'difference' : 'differences'}`,
    {
      detail: { shard, evidence },
      hint: 'undo what was changed by hand, or declare what it holds as a release of its own',
    },
  );
}

export interface DriftOptions {
  readonly shard: string;
  readonly state: ShardState;
  /** What a bundle tells of the release; undefined where none is at hand. */
  readonly summary: ReleaseSummary | undefined;
  readonly timeoutMs: number;
}

/**
 * One line for each difference between a settled shard and its release, for people who look for a
 * fault. Without a summary of the release only whether there is one can be told, and only of a
 * shard that no evolution has led there: null where nothing can.
 */
export function readDrift(url: string, options: DriftOptions): Promise<readonly string[] | null> {
  const { shard, state, summary, timeoutMs } = options;
  const compare = async (session: Session): Promise<readonly string[] | null> => {
    if (summary === undefined) return compareFingerprint(session, state);
    try {
      await assertNotDrifted(session, { shard, app: state.app, release: summary });
      return [];
    } catch (error) {
      if (!(error instanceof HalflapError)) throw error;
      return error.detail.evidence ?? [error.message];
    }
  };
  return withReading(url, 'doctor/drift', compare, { timeoutMs });
}

async function compareFingerprint(session: Session, state: ShardState) {
  const own = await introspect(session, releaseSchema(state.app, state.floor));
  if (own.tables.length > 0) return null;
  const home = fingerprint(await introspect(session, HOME_SCHEMA));
  if (home === state.fingerprint) return [];
  return [`the tables are not those of ${state.app} ${state.floor} as it was installed`];
}

function findDrift(
  { app, release, isScratch = false }: Expectation,
  home: Catalog,
  own: Catalog,
): string[] {
  const hasOwn = own.tables.length > 0;
  const schemas = hasOwn ? [HOME_SCHEMA, releaseSchema(app, release.version)] : [];
  const expected = withoutSchemas(release.catalog, schemas);
  const found = hasOwn ? merge(expected, withoutSchemas(own, schemas), home, schemas) : home;
  const drift = differences(expected, found, `release ${release.version}`).filter(
    ({ kind, object }) =>
      kind !== 'extra table' && (kind !== 'extra object' || (isScratch && acts(object, expected))),
  );
  return [
    ...drift.map((difference) => difference.text),
    ...(isScratch ? settingDifferences(expected, found, `release ${release.version}`) : []),
  ];
}

/** On what the release knows, by itself. */
function acts(object: string, { tables, others }: Catalog): boolean {
  const [, called] = /^(?:trigger|rule|policy) (.*)$/s.exec(object) ?? [];
  return [...tables, ...others].some(({ name }) => called?.startsWith(`${name}.`));
}

/** The release's own schema first, as its sessions see it; columns in the order of the release. */
function merge(
  expected: Catalog,
  own: Catalog,
  home: Catalog,
  schemas: readonly string[],
): Catalog {
  const rest = withoutSchemas(home, schemas);
  const pick = <Item extends { readonly name: string }>(
    first: readonly Item[],
    then: typeof first,
  ) => [...first, ...then.filter((item) => first.every((other) => other.name !== item.name))];
  return {
    tables: pick(own.tables, rest.tables).map((table) => inOrderOf(expected, table)),
    partitions: pick(own.partitions, rest.partitions),
    sequences: pick(own.sequences, rest.sequences),
    enums: pick(own.enums, rest.enums),
    domains: pick(own.domains, rest.domains),
    others: [...own.others, ...rest.others],
  };
}

function inOrderOf(expected: Catalog, table: Table): Table {
  const order = findTable(expected, table.name)?.columns.map((column) => column.name) ?? [];
  const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  const columns = [...table.columns].sort((left, right) => rank(left.name) - rank(right.name));
  return { ...table, columns };
}

/** References across the two schemas are printed with a schema; both sides are compared without. */
function withoutSchemas(catalog: Catalog, schemas: readonly string[]): Catalog {
  if (schemas.length === 0) return catalog;
  const prefix = new RegExp(
    `(?<![\\w".])(?:${schemas.map((one) => `${one}|"${one}"`).join('|')})\\.`,
    'g',
  );
  return JSON.parse(JSON.stringify(catalog), (_, value: unknown) =>
    typeof value === 'string' ? value.replace(prefix, '') : value,
  ) as Catalog;
}
