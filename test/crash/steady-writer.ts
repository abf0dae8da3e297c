// An application that writes on while its database dies and comes back: what was acknowledged goes
// into its account, what was not is tried again, and nothing else may happen.
//
// Every statement may be run twice, so that one whose answer was lost can simply be repeated. Each
// writer has keys of its own, so its account says what its rows must be, whoever else writes.

import { setTimeout as delay } from 'node:timers/promises';
import { type Client, openClient, stateOf } from '../evolving/databases.js';
import { NEW_PATH } from '../evolving/shard.js';

export interface WrittenRow {
  readonly name: string;
  readonly size: number;
  readonly note: string | null;
}

export interface SteadyWriter {
  /** Ends after the statement under way; rows by key, as acknowledged. */
  stop(): Promise<ReadonlyMap<number, WrittenRow>>;
  /** Resolves when one more statement is acknowledged. */
  written(): Promise<void>;
}

interface Turn {
  readonly statements: readonly string[];
  readonly key: number;
  /** Null when the row is deleted. */
  readonly row: WrittenRow | null;
}

/** What a server that ends, or begins, or is gone answers (SQLSTATE classes 08 and 57P). */
const LOST = /^(08...|57P0[1-5])$/;
/** What the new release must know: a conflict with another transaction. */
const CONFLICT = '40001';
const KEYS = 200;
/** Between two turns, so that a machine of two cores is busy and not drowned. */
const THINK_MS = 5;

/** Writes as its release until stopped, keys from `firstKey` on. */
export function startWriter(url: string, release: 'old' | 'new', firstKey: number): SteadyWriter {
  const rows = new Map<number, WrittenRow>();
  const state = { isStopped: false, listeners: [] as (() => void)[] };
  const acknowledged = ({ key, row }: Turn) => {
    if (row === null) rows.delete(key);
    else rows.set(key, row);
    for (const listener of state.listeners.splice(0)) listener();
  };
  const path = release === 'new' ? NEW_PATH : null;
  const running = (async () => {
    let client: Client | null = null;
    for (let turn = 0; !state.isStopped; turn += 1) {
      const what = turnOf(release, firstKey, turn);
      for (;;) {
        client ??= await openClient(url, path).catch(afterLoss);
        if (client === null) continue;
        const outcome = await write(client, what);
        if (outcome === 'done') break;
        if (outcome === 'lost') {
          await client.end().catch(() => {});
          client = null;
        }
      }
      acknowledged(what);
      await delay(THINK_MS);
    }
    await client?.end();
  })();
  running.catch(() => {});
  return {
    stop: async () => {
      state.isStopped = true;
      await running;
      return rows;
    },
    written: () =>
      Promise.race([running, new Promise<void>((resolve) => state.listeners.push(resolve))]),
  };
}

async function write(client: Client, { statements }: Turn): Promise<'done' | 'lost' | 'again'> {
  try {
    for (const statement of statements) await client.query(statement);
    return 'done';
  } catch (error) {
    if (stateOf(error) === CONFLICT) return 'again';
    afterLoss(error);
    return 'lost';
  }
}

/** @throws the error when it says anything but that the server is not there. */
function afterLoss(error: unknown): null {
  const { code } = error as { readonly code?: string };
  const isLost =
    code === undefined
      ? /terminated|closed|not queryable/i.test(String(error))
      : LOST.test(code) || /^(ECONN|EPIPE)/.test(code);
  if (!isLost) throw error;
  return null;
}

/** Inserts, later an update of the same key, and every fifth key is deleted in the end. */
function turnOf(release: 'old' | 'new', firstKey: number, turn: number): Turn {
  const round = Math.floor(turn / KEYS);
  const key = firstKey + (turn % KEYS);
  if (round > 0 && (key + round) % 5 === 0) {
    return { key, row: null, statements: [`delete from items where id = ${key}`] };
  }
  const note = (key + round) % 2 === 0 ? null : `note ${turn}`;
  const row = { name: `written ${turn}`, size: turn, note };
  return { key, row, statements: release === 'old' ? asOld(key, row) : asNew(key, row) };
}

function asOld(key: number, { name, size, note }: WrittenRow): string[] {
  const text = note === null ? 'null' : `'${note}'`;
  return [
    `insert into items (id, name, size, note) values (${key}, '${name}', ${size}, ${text})
     on conflict (id) do update
     set name = excluded.name, size = excluded.size, note = excluded.note`,
  ];
}

/** The lens knows no ON CONFLICT for such tables. */
function asNew(key: number, { name, size, note }: WrittenRow): string[] {
  const item = `title = '${name}', bytes = ${size}::bigint * 1024`;
  const withNote =
    note === null
      ? [`delete from notes where item = ${key}`]
      : [
          `update notes set note = '${note}' where item = ${key}`,
          `insert into notes select ${key}, '${note}'
           where not exists (select from notes where item = ${key})`,
        ];
  return [
    `update items set ${item} where id = ${key}`,
    `insert into items (id, title, bytes) select ${key}, '${name}', ${size}::bigint * 1024
     where not exists (select from items where id = ${key})`,
    ...withNote,
  ];
}
