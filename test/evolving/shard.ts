// One shard under evolution, driven verb by verb or step by step, as an operator and a crash would.

import { type Bundle, installRelease, type Limits, type Pace, runVerb } from '@halflap/engine';
import { freshDatabase } from '@halflap/engine/testing';
import { HalflapError, searchPath, type Verb } from '@halflap/protocol';
import { APP, type Compiled } from './releases.js';

/** Contract watches for use of the old layout only as long as the tests can afford. */
export const LIMITS = { evidenceWindowMs: 30, busyPatienceMs: 10_000 };

export interface Shard {
  readonly url: string;
  readonly bundle: Bundle;
  /** Runs a verb to its end. */
  run(verb: Verb, options?: RunOptions): Promise<void>;
  /**
   * Runs the next steps of a verb that are not done yet, one unless told otherwise, as a runner of
   * its own that then stops; false when fewer were left.
   */
  step(verb: Verb, options?: StepOptions): Promise<boolean>;
  drop(): Promise<void>;
}

export interface RunOptions {
  readonly limits?: Partial<Limits>;
  readonly pace?: Pace;
}

export interface StepOptions extends RunOptions {
  readonly count?: number;
  /** Hears what the runner logs. */
  readonly tell?: (line: string) => void;
}

/** search_path of the new release. */
export const NEW_PATH = searchPath(APP, '2.0');

/** A database with the old release installed and `seed` in it. */
export async function installShard(compiled: Compiled): Promise<Shard> {
  const database = await freshDatabase();
  const { app } = compiled.bundle;
  await installRelease({ url: database.url, app, release: compiled.from });
  return shardOf(database.url, compiled.bundle, () => database.drop());
}

export function shardOf(url: string, bundle: Bundle, drop: () => Promise<void>): Shard {
  const options = { url, shard: 'eu1', bundle, limits: LIMITS };
  const force = (verb: Verb) =>
    verb === 'contract' ? { force: { reason: 'writers have stopped' } } : {};
  return {
    url,
    bundle,
    drop,
    async run(verb, { limits = {}, pace = {} } = {}) {
      const own = { limits: { ...LIMITS, ...limits }, pace };
      await runVerb({ ...options, ...own, verb, ...force(verb), log: () => {} });
    },
    async step(verb, { limits = {}, pace = {}, count = 1, tell = () => {} } = {}) {
      const stop = new AbortController();
      let left = count;
      const log = (line: string) => {
        tell(line);
        if (!line.includes(': done in ')) return;
        left -= 1;
        if (left === 0) stop.abort();
      };
      try {
        await runVerb({
          ...options,
          limits: { ...LIMITS, ...limits },
          pace,
          verb,
          log,
          signal: stop.signal,
          ...force(verb),
        });
        return false;
      } catch (error) {
        if (error instanceof HalflapError && error.code === 'INTERRUPTED') return true;
        throw error;
      }
    },
  };
}
