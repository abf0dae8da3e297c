// One shard of a cluster as the API shows it, with its journal, quarantine and drift.

import {
  type JournalLine,
  type RowsRetried,
  type ShardDetail,
  SPILL_COUNTED,
  type Spill as SpillFound,
  type TableWork,
} from '@halflap/engine/runner';
import { FEATURE_STATES, PHASES, type QuarantineRow, VERBS } from '@halflap/protocol';
import { type Static, Type } from 'typebox';
import type { KnownShard } from '../campaigns/cluster/ask-shard.js';
import { count, id, instant, nullable, oneOf, ShardAnswer } from './shapes.js';

const text = (description?: string) =>
  nullable(Type.String(description === undefined ? {} : { description }));
const rows = () => Type.Number({ minimum: 0 });

const TableWorkShape = Type.Object({
  step: Type.String(),
  kind: oneOf(['backfill', 'verify']),
  relation: Type.String(),
  rowsDone: rows(),
  rowsEstimated: rows(),
  differences: Type.Integer({ minimum: 0, description: 'Keys that differed.' }),
  done: Type.Boolean(),
  startedAt: instant(),
  updatedAt: instant(),
  evidence: Type.Array(Type.String(), { description: 'The first keys that differ.' }),
  waitingFor: text(),
  error: text(),
});

const ShardServer = Type.Object({
  server: Type.String(),
  release: Type.String(),
  mode: oneOf(['native', 'lens', 'session lens', 'by its sessions']),
  features: nullable(
    Type.Array(Type.String(), { description: 'That it supports; null: it does not say.' }),
  ),
  seenAt: nullable(instant()),
});

const Spill = Type.Object({
  table: Type.String(),
  what: oneOf(['absent', 'kept', 'columns']),
  rows: count(),
  more: Type.Boolean({ description: 'There are more than that.' }),
});

export const Shard = Type.Object({
  cluster: Type.Object({ id: id(), name: Type.String() }),
  name: Type.String(),
  canary: Type.Boolean(),
  state: oneOf(['known', 'unknown', 'unreadable', 'away']),
  why: text('Why nothing else is known of it.'),
  hint: text(),
  seenAt: instant(),
  app: text(),
  phase: nullable(oneOf(PHASES)),
  floor: text(),
  ceiling: text(),
  bundle: text('The hash of the bundle that leads it.'),
  changedAt: nullable(instant()),
  paused: Type.Boolean(),
  batchRows: nullable(count()),
  paceMs: nullable(count()),
  blocked: text('Why its evolution does not go on.'),
  runner: text('The session that works on it; null: nobody does.'),
  running: nullable(
    Type.Object({
      verb: oneOf(VERBS),
      step: Type.String(),
      runner: Type.String(),
      startedAt: instant(),
      relation: text(),
      rowsDone: rows(),
      rowsEstimated: rows(),
    }),
  ),
  work: Type.Array(TableWorkShape, {
    description: 'How far tables are filled and compared, of the evolution under way.',
  }),
  verified: Type.Boolean({ description: 'Contract may trust its last verify.' }),
  quarantined: count(),
  quarantine: Type.Array(Type.Object({ relation: Type.String(), rows: count(), since: instant() })),
  spill: Type.Array(Spill),
  servers: Type.Array(ShardServer),
  features: Type.Array(
    Type.Object({ name: Type.String(), release: Type.String(), state: oneOf(FEATURE_STATES) }),
  ),
});
export type Shard = Static<typeof Shard>;

/** A page of what one shard has; with it away the page is empty, and says why. */
export const shardPageOf = <Item extends Parameters<typeof Type.Array>[0]>(item: Item) =>
  Type.Object({
    items: Type.Array(item),
    next: nullable(Type.String({ description: 'The cursor of the next page.' })),
    shards: Type.Array(ShardAnswer),
  });

export const ShardStep = Type.Object({
  id: Type.String(),
  attempt: Type.String({ description: 'Which evolution of the shard; counts those taken back.' }),
  verb: oneOf(VERBS),
  evolution: Type.String(),
  step: Type.String(),
  runner: Type.String(),
  startedAt: instant(),
  finishedAt: nullable(instant()),
  notes: Type.Array(Type.String(), { description: 'What it waits for, found, or failed by.' }),
});
export type ShardStep = Static<typeof ShardStep>;

export const Quarantined = Type.Object({
  id: Type.String(),
  evolution: Type.String(),
  relation: Type.String(),
  key: Type.Unsafe<Readonly<Record<string, unknown>>>({
    ...{ type: 'object', additionalProperties: true },
    description: 'Of the row; empty: the whole table, by a TRUNCATE.',
  }),
  sqlstate: Type.String(),
  reason: Type.String(),
  noticedAt: instant(),
});
export type Quarantined = Static<typeof Quarantined>;

export const Retried = Type.Object({
  tried: count(),
  carried: Type.Integer({ minimum: 0, description: 'Of those: they have left quarantine.' }),
  left: Type.Integer({ minimum: 0, description: 'Rows that are in quarantine now.' }),
});
export type Retried = RowsRetried;

export const ShardDrift = Type.Object({
  state: oneOf(['same', 'differs', 'under way', 'unknown', 'away']),
  release: text(),
  why: text('Why nothing can be told.'),
  differences: Type.Array(Type.String(), { description: 'A line each.' }),
});
export type ShardDrift = Static<typeof ShardDrift>;

interface Seen {
  readonly detail: ShardDetail;
  readonly seenAt: Date;
  /** Takes out what may not be told. */
  clean(text: string): string;
}

/** What is told of a shard that has not answered: nothing but why. */
export function awayView({ cluster, address }: KnownShard, why: string, seenAt: Date): Shard {
  return {
    ...{ cluster, name: address.name, canary: address.isCanary, seenAt: seenAt.toISOString() },
    ...{ state: 'away', why, hint: null },
    ...NOTHING,
  };
}

const NOTHING = {
  ...{ app: null, phase: null, floor: null, ceiling: null, bundle: null, changedAt: null },
  ...{ paused: false, batchRows: null, paceMs: null, blocked: null, runner: null, running: null },
  ...{ work: [], verified: false, quarantined: 0, quarantine: [], spill: [], servers: [] },
  features: [],
};

export function shardView(known: KnownShard, { detail, seenAt, clean }: Seen): Shard {
  const { status } = detail;
  const { state, error, hint } = status;
  const cleaned = (one: string | null) => (one === null ? null : clean(one));
  const head = awayView(known, '', seenAt);
  if (error !== null || state === null) {
    const kind = error === null ? 'unknown' : status.reachable ? 'unreadable' : 'away';
    const why = cleaned(error) ?? 'Halflap does not know it: adopt or install a release';
    return { ...head, state: kind, why, hint: cleaned(hint) };
  }
  const { app, phase, floor, ceiling, paused } = state;
  return {
    ...{ ...head, state: 'known', why: null, app, phase, floor, ceiling, paused },
    ...{ bundle: state.bundle_hash, changedAt: state.changed_at.toISOString() },
    ...{ batchRows: state.batch_rows, paceMs: state.pace_ms, runner: cleaned(status.runner) },
    blocked: cleaned(status.blocked),
    running: runningOf(status.running),
    work: detail.work.map((one) => workOf(one, clean)),
    ...{ verified: detail.isVerified, quarantined: status.quarantined },
    quarantine: detail.quarantine.map((one) => ({ ...one, since: one.since.toISOString() })),
    spill: detail.spill.map(spillOf),
    servers: serversOf(detail),
    features: status.features.map(({ name, release, state: is }) => ({ name, release, state: is })),
  };
}

function runningOf(running: ShardDetail['status']['running']): Shard['running'] {
  return running === null ? null : { ...running, startedAt: running.startedAt.toISOString() };
}

function workOf({ isDone: done, ...work }: TableWork, clean: (text: string) => string) {
  const { startedAt, updatedAt, evidence, waitingFor, error } = work;
  return {
    ...{ ...work, done, evidence: evidence.map(clean) },
    ...{ startedAt: startedAt.toISOString(), updatedAt: updatedAt.toISOString() },
    waitingFor: waitingFor === null ? null : clean(waitingFor),
    error: error === null ? null : clean(error),
  };
}

/** What is counted no further says so. */
function spillOf({ table, what, rows: found }: SpillFound): Static<typeof Spill> {
  return { table, what, rows: Math.min(found, SPILL_COUNTED), more: found > SPILL_COUNTED };
}

function serversOf({ status, servers }: ShardDetail): Shard['servers'] {
  const { state, leases, sessions } = status;
  const about = new Map(servers.map((one) => [one.instance, one.about]));
  const leased = leases.map(({ instance, server, release, mode, renewed_at: renewedAt }) => {
    const isOwn = mode === 'lens' && state?.phase === 'settled' && release !== state.floor;
    const said = about.get(instance) ?? null;
    return {
      ...{ server, release, mode: isOwn ? ('session lens' as const) : mode },
      features: said === null ? null : Object.keys(said.features).sort(),
      seenAt: renewedAt.toISOString(),
    };
  });
  const others = sessions.map(({ server, release }) => ({
    ...{ server, release, mode: 'by its sessions' as const, features: null, seenAt: null },
  }));
  return [...leased, ...others];
}

/** Of one step of the journal. */
const MOST_NOTES = 50;
const NOTE_LENGTH = 1000;

export function stepView(line: JournalLine, clean: (text: string) => string): ShardStep {
  const { detail, startedAt, finishedAt, ...rest } = line;
  const notes = Object.entries(detail).flatMap(([name, value]) =>
    [value].flat().map((one) => `${spoken(name)}: ${wordsOf(one)}`),
  );
  return {
    ...rest,
    ...{ startedAt: startedAt.toISOString(), finishedAt: finishedAt?.toISOString() ?? null },
    notes: notes.slice(0, MOST_NOTES).map((note) => clean(note).slice(0, NOTE_LENGTH)),
  };
}

/** `waitingFor` as people read it. */
function spoken(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function wordsOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function quarantinedView(row: QuarantineRow, clean: (text: string) => string): Quarantined {
  const { noticed_at: noticedAt, reason, ...rest } = row;
  const shown = clean(reason).slice(0, NOTE_LENGTH);
  return { ...rest, reason: shown, noticedAt: noticedAt.toISOString() };
}
