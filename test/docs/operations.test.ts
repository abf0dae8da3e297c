// docs/operations.md: its queries run on a shard, its figures are those of the code, and each
// verb and each error that an operator may meet is there.

import { LIMITS } from '@halflap/engine';
import { ERRORS, VERBS } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LensShard, lensShard } from './lens-shard.js';
import { blocksOf, readPage, tableOf } from './page.js';

const page = readPage('docs/operations.md');
const queries = blocksOf(page).filter((block) => block.info === 'sql monitoring');

let shard: LensShard;

beforeAll(async () => {
  shard = await lensShard();
  await shard.move('prepare');
  await shard.move('expand');
});

afterAll(() => shard.drop());

describe('docs/operations.md', () => {
  it.each(queries.map((block) => [block.line, block.lines.join('\n')] as const))(
    'has a query in line %i that runs on a shard',
    async (_, query) => {
      const client = await shard.connect('1.0');
      await expect(client.query(query).finally(() => client.end())).resolves.toBeDefined();
    },
  );

  it('says which locks each verb takes', () => {
    const steps = tableOf(page, 'verb, step').map((row) => /`(\w+)`/.exec(row[0] ?? '')?.[1]);
    expect([...new Set(steps)].sort()).toEqual([...VERBS].sort());
  });

  it('quotes the limits of the runner', () => {
    const figures = [
      `timeout of **${LIMITS.lockTimeoutMs} ms**`,
      `at most ${LIMITS.lockAttempts} times and ${LIMITS.lockPatienceMs / 60_000} minutes`,
      `batches aim at ${LIMITS.batchTargetMs} ms`,
      `watches for ${LIMITS.evidenceWindowMs / 1000} seconds`,
      `more than ${LIMITS.lagMs / 1000} seconds behind`,
    ];
    for (const figure of figures) expect(page.replaceAll('\n', ' ')).toContain(figure);
  });

  it('says what to do about each error that a shard answers with', () => {
    const advised = tableOf(page, 'symptom').map((row) => row[0] ?? '');
    const ofShards = ['SHARD_BUSY', 'SHARD_DRIFTED', 'EVOLUTION_MISMATCH', 'LOCK_TIMEOUT'];
    const ofSteps = ['CONTRACT_REFUSED', 'VERIFY_FAILED', 'PAUSED', 'STEP_FAILED'];
    for (const code of [...ofShards, ...ofSteps]) {
      expect(Object.keys(ERRORS)).toContain(code);
      expect(
        advised.some((symptom) => symptom.includes(`\`${code}\``)),
        code,
      ).toBe(true);
    }
  });
});
