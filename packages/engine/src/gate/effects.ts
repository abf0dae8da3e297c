// What does each statement of a bundle lock, rewrite and read? Every step is carried out on scratch
// databases, as the runner would, and PostgreSQL is asked after each statement (witness.ts). So a
// plan says what was seen, and not what somebody believed.
//
// What a step does depends on where the shard comes from, so each is seen on all ways to it:
//
// | database       | rows    | goes                                                              |
// |----------------|---------|-------------------------------------------------------------------|
// | there and back | samples | to each phase before contract, and by abort back                  |
// | through        | none    | to the end: a new rule of contract may rightly refuse a sample    |
// | through, moved | none    | the same, where earlier evolutions have left the tables elsewhere |

import { HalflapError, HOME_SCHEMA, releaseSchema } from '@halflap/protocol';
import type { Bundle, Effects, IndexStep, Step } from '../compile/bundle.js';
import { placesOf } from '../compile/places.js';
import { textsOf } from '../compile/texts.js';
import { tombstone } from '../compile/tombstone.js';
import { messageOf, type Session, sqlStateOf } from '../pg.js';
import type { Scratch } from '../release/load.js';
import type { Release } from '../release/release.js';
import {
  assertFilled,
  type FloorTables,
  fillFloor,
  fillRange,
  fillSchema,
  readFloorTables,
} from '../shard/holes.js';
import { installRelease } from '../shard/install.js';
import { LIMITS } from '../shard/limits.js';
import { withShard } from '../shard/opening.js';
import { name, sql } from '../sql.js';
import { note, type Seen, together } from './effects-seen.js';
import { insertSamples } from './samples.js';
import { openWitness, type Scene, tableOfIndex } from './witness.js';

export interface MeasureOptions {
  readonly bundle: Bundle;
  readonly from: Release;
  readonly scratch: Scratch;
  readonly signal?: AbortSignal;
}

/** One shard that is led through steps under watch. */
interface Play {
  readonly bundle: Bundle;
  readonly session: Session;
  readonly scene: Scene;
  readonly seen: Seen;
}

/**
 * The bundle with what its statements were seen to do. The same bundle on the same version of
 * PostgreSQL gives the same.
 * @throws CHECK_FAILED when a statement fails; halflap check says more about why.
 */
export async function measureEffects(options: MeasureOptions): Promise<Bundle> {
  const atHome: Seen = new Map();
  await played(options, atHome, thereAndBack);
  await played(options, atHome, through);
  const moved: Seen = new Map();
  await played(options, moved, async (play, from) => {
    await moveAll(play, from);
    await through(play);
  });
  return { ...options.bundle, effects: together(atHome, moved) };
}

type Scenario = (play: Play, from: Release) => Promise<void>;

async function played(options: MeasureOptions, seen: Seen, scenario: Scenario): Promise<void> {
  const { bundle, from, scratch, signal } = options;
  await scratch.withDatabase(async (url) => {
    await installRelease({ url, app: bundle.app, release: from });
    const opening = {
      url,
      shard: 'scratch',
      purpose: 'effects',
      busyPatienceMs: LIMITS.busyPatienceMs,
      signal,
    };
    await withShard(opening, ({ session }) =>
      scenario({ bundle, session, scene: sceneOf(bundle), seen }, from),
    );
  });
}

async function thereAndBack(play: Play, from: Release): Promise<void> {
  const { prepare, expand, verify, abort } = play.bundle.steps;
  await insertSamples(play.session, from.catalog);
  const beforeSwitch = expand.slice(
    0,
    expand.findIndex((step) => step.kind === 'barrier'),
  );
  for (const way of [prepare, [...prepare, ...beforeSwitch], [...prepare, ...expand, ...verify]]) {
    await run(play, [...way, ...abort]);
  }
}

async function through(play: Play): Promise<void> {
  const { prepare, expand, contract } = play.bundle.steps;
  await run(play, [...prepare, ...expand, ...contract]);
}

/** As earlier evolutions may leave a shard: tables in the release's schema, tombstones at home. */
async function moveAll({ bundle, session }: Play, from: Release): Promise<void> {
  const schema = releaseSchema(bundle.app, bundle.from.version);
  const places = placesOf(bundle.app, bundle.from.version, bundle.to.version);
  const fence = { release: 'earlier', successor: places.from, goneTypes: new Set<string>() };
  await session.query(sql`create schema ${name(schema)}`.text);
  for (const table of from.catalog.tables) {
    const at = name(HOME_SCHEMA, table.name);
    await session.query(sql`alter table ${at} set schema ${name(schema)}`.text);
    for (const one of tombstone(table, at, fence, places)) await session.query(one.sql);
  }
}

async function run(play: Play, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    try {
      await act(play, step);
    } catch (cause) {
      if (sqlStateOf(cause) === undefined) throw cause;
      const { app, from, to } = play.bundle;
      throw new HalflapError(
        'CHECK_FAILED',
        `${app} ${from.version} to ${to.version}: ${step.id} failed: ${messageOf(cause)}`,
        { hint: `halflap check ${to.version} tries it as a shard would`, cause },
      );
    }
  }
}

const EVERYTHING = { lower: null, upper: null };

async function act(play: Play, step: Step): Promise<void> {
  const floor = await readFloorTables(play.session, play.bundle);
  const texts = textsOf(step).map((text) => {
    const key = step.kind === 'backfill' ? step.key : [];
    return assertFilled(fillRange(fillFloor(text, floor), key, EVERYTHING), step.id);
  });
  switch (step.kind) {
    case 'transaction':
      return transaction(play, step, texts);
    case 'barrier':
      return;
    case 'index':
      return index(play, step, { texts, floor });
    case 'backfill':
      // A row that cannot be carried fails its batch; it is then seen row by row alone.
      await transaction(play, step, texts.slice(0, step.batch.length)).catch((error: unknown) => {
        if (sqlStateOf(error) === undefined) throw error;
      });
      return transaction(play, step, texts.slice(step.batch.length), step.batch.length);
    case 'verify':
      return transaction(play, step, texts);
    default:
      return step satisfies never;
  }
}

/** Statements in one transaction; the first of them stands at `offset` among those of the step. */
async function transaction(play: Play, step: Step, texts: readonly string[], offset = 0) {
  const { session, scene, seen } = play;
  await session.transaction(async () => {
    const witness = await openWitness(session, scene);
    for (const [at, text] of texts.entries()) {
      await session.query(text, isRetry(step, at) ? [NO_ROW] : undefined);
      await witness.look();
    }
    for (const [at, effects] of witness.tell().entries()) {
      const reads = readsOf(step, texts[at] ?? '', effects);
      note(seen, step.id, at + offset, { ...effects, reads });
    }
  });
}

/** The id of no row in quarantine. */
const NO_ROW = '0';

function isRetry(step: Step, at: number): boolean {
  return step.kind === 'verify' && step.retry !== null && at === 0;
}

/**
 * How a query of a batch finds its rows says nothing here: on few rows it reads a table where on
 * many it asks an index. What DDL reads from end to end it always does.
 */
function readsOf(step: Step, text: string, { reads }: Effects): readonly string[] {
  return step.kind === 'verify' || /^(alter|create) /.test(text) ? reads : [];
}

/**
 * An index that is built concurrently commits on the way, so it cannot be watched from within. It
 * takes one lock and reads its table (manual, CREATE INDEX, "Building Indexes Concurrently").
 */
async function index(
  { session, scene, seen }: Play,
  step: IndexStep,
  { texts, floor }: { readonly texts: readonly string[]; readonly floor: FloorTables },
) {
  for (const text of texts) await session.query(text);
  const at = { schema: fillSchema(step.schema, floor), index: step.index };
  const relation = await tableOfIndex(session, at, scene);
  const lock = {
    mode: 'SHARE UPDATE EXCLUSIVE',
    relation,
    isUsed: true,
    isOnlyMoved: false,
  } as const;
  note(seen, step.id, 0, { locks: [lock], rewrites: [], reads: [relation] });
}

function sceneOf(bundle: Bundle): Scene {
  const { app, from, to } = bundle;
  const places = placesOf(app, from.version, to.version);
  return {
    floorSchemas: [HOME_SCHEMA, releaseSchema(app, from.version)],
    floorTables: new Set(from.catalog.tables.map((table) => table.name)),
    asideSchemas: [places.lensSchema, places.goneSchema],
    workSchema: places.workSchema,
  };
}
