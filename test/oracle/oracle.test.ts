// Random releases, random statements, random order of phases. HALFLAP_SEED replays one case;
// HALFLAP_ORACLE_MINUTES plays for longer than a test run does (npm run oracle -- --minutes 10).

import { describe, it } from 'vitest';
import { play } from './play.js';
import { PATIENCE } from './shrink.js';

const SECONDS = Number(process.env.HALFLAP_ORACLE_MINUTES ?? 0) * 60 || 20;
const ONE = process.env.HALFLAP_SEED;
/** A commit is judged by the same stories each time; new ones are looked for by longer runs. */
const SAME_SEED = 953_582_613;
/** After so many it ends; each is made short before. */
const FAILURES = Number(process.env.HALFLAP_FAILURES ?? 1);

/** Kinds that every case has, by HALFLAP_ORACLE_KINDS=split,custom; drawn when there are none. */
const KINDS = (process.env.HALFLAP_ORACLE_KINDS ?? '').split(',').filter((one) => one !== '');

const playOf = (seed: number) => play(seed, KINDS);

describe('two releases on one shard', () => {
  it(
    'each see what a database of their own would hold, after every statement in every phase',
    async ({ annotate }) => {
      if (ONE !== undefined) {
        await playOf(Number(ONE));
        return;
      }
      const first = process.env.CI === undefined ? Date.now() % 1_000_000_000 : SAME_SEED;
      const failed: string[] = [];
      let cases = 0;
      let statements = 0;
      for (const end = performance.now() + SECONDS * 1000; performance.now() < end; cases += 1) {
        const seed = first + cases;
        const played = await playOf(seed).catch((error: Error) => {
          failed.push(error.message);
          return { name: '', statements: 0 };
        });
        statements += played.statements;
        tell(seed, end, failed);
        if (failed.length >= FAILURES) break;
      }
      await annotate(`oracle: seeds ${first}–${first + cases - 1}, ${statements} statements`);
      if (failed.length > 0) throw new Error(failed.join('\n\n'));
    },
    (SECONDS + 120) * 1000 + FAILURES * PATIENCE,
  );
});

/** In a long run, a line for each case, and what failed as soon as it is known. */
function tell(seed: number, end: number, failed: readonly string[]): void {
  if (process.env.HALFLAP_ORACLE_MINUTES === undefined) return;
  const left = Math.max(0, Math.ceil((end - performance.now()) / 60_000));
  const last = failed.at(-1);
  if (last?.includes(`SEED=${seed} `)) process.stdout.write(`${last}\n`);
  process.stdout.write(
    `seed ${seed} played, failed so far: ${failed.length}, minutes left: ${left}\n`,
  );
}
