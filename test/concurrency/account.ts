// Units of work on a few slices that everybody fights for, and an account of what they were
// acknowledged.

import { releaseSchema } from '@halflap/protocol';
import type { Client } from '../evolving/databases.js';
import { APP } from '../evolving/releases.js';
import type { Writer } from './load.js';

/** Slices that everybody fights for. */
export const HOT = 30;

/** What was acknowledged: counters, and elements that are there (1) or gone (0). */
export class Account {
  readonly values = new Map<string, number>();
  /** Turns before those of the load at hand. */
  turnsBefore = 0;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  add(key: string, by = 1): void {
    this.values.set(key, (this.values.get(key) ?? 0) + by);
  }

  /** The same number for the same turn, since a unit of work is tried again. */
  pick(turn: number, salt: number, of: number = HOT): number {
    let hash = Math.imul(turn ^ this.#seed, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return ((hash ^ (hash >>> 13)) >>> 0) % of;
  }

  /** Several different slices, in no order. */
  some(turn: number, salt: number): number[] {
    const all = Array.from({ length: 2 }, (_, at) => 1 + this.pick(turn, salt * 31 + at));
    return [...new Set(all)];
  }

  /** `key value`, sorted, without counters that were never advanced. */
  lines(): string[] {
    return [...this.values]
      .filter(([, value]) => value !== 0)
      .map(([key, value]) => `${key} ${value}`)
      .sort();
  }
}

export type Release = 'old' | 'new';

export interface Unit {
  readonly release: Release;
  readonly name: string;
  /** Keys that it counts or makes, when it is done. */
  readonly work: (client: Client, turn: number) => Promise<readonly string[]>;
  readonly begin?: string;
}

/**
 * A unit that is one transaction, and is accounted for when that is committed. It begins by asking
 * for a table: where the new release is not served, others of its names lead to the old one's.
 */
export function unit(account: Account, table: string, one: Unit): Writer {
  const { release, name, work, begin = 'begin' } = one;
  const isStrict = begin === STRICT;
  const isServed = `select from ${RELEASE_SCHEMA}.${table} limit 1`;
  let done: readonly string[] = [];
  return {
    release,
    name: `${release} ${name}`,
    isStrict: () => isStrict,
    work: async (client, own) => {
      const turn = own + account.turnsBefore;
      await client.query(isStrict ? `${begin} ${ISOLATION[turn % 2]}` : begin);
      if (release === 'new') await client.query(isServed);
      done = await work(client, turn);
      await client.query('commit');
    },
    acknowledged: () => {
      for (const key of done) account.add(key.replace(/^-/, ''), key.startsWith('-') ? -1 : 1);
    },
  };
}

const RELEASE_SCHEMA = releaseSchema(APP, '2.0');
/** In turn at one and the other of the levels that keep a snapshot. */
export const STRICT = 'begin isolation level';
const ISOLATION = ['repeatable read', 'serializable'];
