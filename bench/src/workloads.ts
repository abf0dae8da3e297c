// The statements that are measured, as the two releases of the example write them.

import type { Statement, Workload } from './measure.js';

const FEW_ROWS = 10;
const BULK_ROWS = 1000;
const RANGE_ROWS = 100;
const BULK_WEIGHT = 40;

export interface Measured {
  readonly workload: Workload;
  /** Divides the length of a burst: for statements that do the work of many. */
  readonly weight: number;
  /** Per statement: what it is, in words, and up to which ratio it may cost. */
  readonly about: readonly { readonly title: string; readonly aim: Aim }[];
}

/** The aim in the phase that matters for it, and what holds in all phases. */
export interface Aim {
  readonly most: number;
  /** Lanes to which it applies. */
  readonly lanes: readonly string[];
}

export function oldWorkloads(rows: number): Measured[] {
  const anyId = () => [1 + Math.floor(Math.random() * rows)];
  const reads: Aim = { most: 1, lanes: ['prepared', 'expanding', 'dual'] };
  const writes: Aim = { most: 1.5, lanes: ['dual'] };
  return [
    one('read by key', reads, 'select name, owner, status from hosts where id = $1', {
      values: anyId,
    }),
    one(
      'update of a part',
      writes,
      `update hosts set last_seen = now(), heartbeat_count = heartbeat_count + 1, load = 1.5
       where id = $1`,
      { values: anyId },
    ),
    one(
      'update of a converted column',
      writes,
      'update hosts set memory_mb = memory_mb % 65536 + 1024 where id = $1',
      { values: anyId },
    ),
    insertAndDelete(
      writes,
      `insert into hosts (name, owner, memory_mb) values ($1, 'team-1', 2048) returning id`,
    ),
    one(
      `update of ${FEW_ROWS} rows`,
      { most: Number.POSITIVE_INFINITY, lanes: [] },
      `update hosts set load = load + 1 where id between $1 and $1 + ${FEW_ROWS - 1}`,
      { values: () => [1 + Math.floor(Math.random() * (rows - FEW_ROWS))], weight: 4 },
    ),
    one(
      `update of ${BULK_ROWS} rows`,
      { most: Number.POSITIVE_INFINITY, lanes: [] },
      `update hosts set load = load + 1 where id between $1 and $1 + ${BULK_ROWS - 1}`,
      {
        values: () => [1 + Math.floor(Math.random() * (rows - BULK_ROWS))],
        weight: BULK_WEIGHT,
      },
    ),
  ];
}

export function newWorkloads(rows: number): Measured[] {
  const anyId = () => [1 + Math.floor(Math.random() * rows)];
  const reads: Aim = { most: 1.2, lanes: ['lens'] };
  const writes: Aim = { most: 3, lanes: ['lens'] };
  return [
    one('read by key', reads, 'select last_seen, load from host_heartbeats where host_id = $1', {
      values: anyId,
    }),
    one(
      'join of two parts by key',
      reads,
      `select h.name, h.memory_bytes, s.status
       from hosts h join host_status s on s.host_id = h.id where h.id = $1`,
      { values: anyId },
    ),
    one(
      `read of ${RANGE_ROWS} rows`,
      reads,
      `select host_id, last_seen from host_heartbeats
       where host_id between $1 and $1 + ${RANGE_ROWS - 1}`,
      { values: () => [1 + Math.floor(Math.random() * (rows - RANGE_ROWS))] },
    ),
    one(
      'update of a plain part',
      writes,
      `update host_heartbeats
       set last_seen = now(), heartbeat_count = heartbeat_count + 1, load = 1.5
       where host_id = $1`,
      { values: () => [1 + Math.floor((Math.random() * rows) / 20) * 20] },
    ),
    one(
      'update of a part that may be absent',
      writes,
      `update host_status set reason = 'r' || $1::int % 7 where host_id = $1`,
      { values: anyId },
    ),
    one(
      'update of a converted column',
      writes,
      'update hosts set memory_bytes = memory_bytes % 68719476736 + 1073741824 where id = $1',
      { values: anyId },
    ),
    insertAndDelete(
      writes,
      `insert into hosts (name, team, memory_bytes) values ($1, 'team-1', 2147483648) returning id`,
    ),
  ];
}

function one(
  title: string,
  aim: Aim,
  text: string,
  { values, weight = 1 }: { readonly values: Statement['values']; readonly weight?: number },
): Measured {
  return { workload: [{ name: title, text, values }], about: [{ title, aim }], weight };
}

/** Inserts a burst of rows, then deletes them again. */
function insertAndDelete(aim: Aim, insert: string): Measured {
  let made = 0;
  return {
    workload: [
      {
        name: 'insert',
        text: insert,
        values: () => {
          made += 1;
          return [`made-${made}`];
        },
      },
      {
        name: 'delete',
        text: 'delete from hosts where id = $1',
        values: (n, before) => [before[n]?.id],
      },
    ],
    weight: 1,
    about: [
      { title: 'insert', aim },
      { title: 'delete', aim },
    ],
  };
}
