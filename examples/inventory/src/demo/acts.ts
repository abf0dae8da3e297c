// What `--yes` presses: two campaigns and the way back from the first, in an order in which each
// release meets a shard in each phase.
//
// | shard | in the first campaign                         | in the second              |
// |-------|-----------------------------------------------|----------------------------|
// | eu1   | expanded while all servers are 1.0            | with the others            |
// | us1   | expanded under both releases, paused half-way | with the others            |
// | ap1   | prepared                                      | its driver is killed       |

import type { WhatIf } from '@halflap/server';
import { stepOf } from './campaigns.js';
import { checkFleet, meetForgottenServer } from './checkpoint.js';
import { CLUSTER } from './halflap.js';
import {
  halflap,
  hold,
  partDone,
  planCampaign,
  refused,
  type Stage,
  setPace,
  startCampaign,
  stepDone,
} from './stage.js';

export interface Act {
  readonly title: string;
  run(stage: Stage): Promise<void>;
}

/** So slow that a pause comes in time on a busy machine. */
const SLOW_SECONDS = 15;

const FIRST = [
  ...['shard/eu1/prepare', 'shard/eu1/expand', 'shard/us1/prepare', 'shard/ap1/prepare'],
  ...['server/app1/upgrade', 'shard/us1/expand'],
];

const newest = ({ campaigns }: Stage): string => {
  const id = campaigns.newest?.id;
  if (id === undefined) throw new Error('no campaign was planned');
  return id;
};

export const ACTS: readonly Act[] = [
  {
    title: 'Everything is 1.0; a campaign in an order of its own: eu1 first, then app1',
    async run(stage) {
      await hold(stage);
      await setPace(stage, '--shard=us1', SLOW_SECONDS);
      const id = await planCampaign(stage, ...FIRST.flatMap((step) => ['--step', step]));
      await startCampaign(stage, id);
      await stepDone(stage, id, 'shard/eu1/expand');
    },
  },
  {
    title: 'us1 expands under both releases, and rests half-way',
    async run(stage) {
      const id = newest(stage);
      await partDone(stage, id, { step: 'shard/us1/expand', part: 0.1 });
      await halflap(stage, 'campaign', 'pause', id, '--reason', 'until Monday');
      const isAtRest = (state: string | undefined) => state === 'waiting';
      await stage.campaigns.until(id, (seen) => isAtRest(stepOf(seen, 'shard/us1/expand')?.state));
      await hold(stage);
      await checkFleet(stage, ['1.0', '2.0']);
      await setPace(stage, '--shard=us1', stage.options.holdSeconds);
      await halflap(stage, 'campaign', 'resume', id);
      await stage.campaigns.until(id, ({ state }) => state === 'finished');
      await hold(stage);
      await checkFleet(stage, ['1.0', '2.0']);
    },
  },
  {
    title: 'Contract is refused while servers of 1.0 work with the shard',
    async run(stage) {
      const step = 'shard/eu1/contract';
      const { lines } = await refused(stage, 'campaign', 'what-if', CLUSTER, step);
      const { refusals } = (lines.at(-1) as { readonly whatIf: WhatIf }).whatIf;
      for (const { by, name, why } of refusals) stage.scene.say(`  ${by} ${name}: ${why}`);
      const names = refusals.map(({ name }) => name);
      if (!names.includes('app2') || !names.includes('app3')) {
        throw new Error(`the servers of 1.0 are not named: ${names.join(', ')}`);
      }
      const { error } = await refused(stage, 'campaign', 'plan', CLUSTER, '--step', step);
      stage.scene.say(`refused: ${error?.message}`);
    },
  },
  {
    title: 'All goes back: app1 to 1.0, the shards aborted; what 2.0 wrote is still there',
    async run(stage) {
      const made = await halflap(
        ...([stage, 'campaign', 'back', newest(stage), '--reason', 'only tried'] as const),
      );
      const id = String(made.id);
      await startCampaign(stage, id);
      await stage.campaigns.until(id, ({ state }) => state === 'finished');
      await hold(stage, 0.5);
      await checkFleet(stage, ['1.0']);
    },
  },
  {
    title: 'The shortest safe order; app2 is not well, the campaign stops, and goes on by a retry',
    async run(stage) {
      const failing = 'server/app2/upgrade';
      stage.control.ill.add('app2');
      await setPace(stage, '--shard=ap1', SLOW_SECONDS);
      const id = await planCampaign(stage, '--policy', 'policy.yaml');
      await startCampaign(stage, id);
      const { reason } = await stage.campaigns.until(id, ({ state }) => state === 'stopped');
      stage.scene.say(`it has stopped: ${reason}`);
      await hold(stage, 0.5);
      stage.control.ill.delete('app2');
      await halflap(stage, 'campaign', 'retry', id, failing);
      await stepDone(stage, id, 'server/app3/upgrade');
    },
  },
  {
    title: 'ap1 expands; the server of Halflap that drives it is killed, and the other goes on',
    async run(stage) {
      const id = newest(stage);
      const step = 'shard/ap1/expand';
      await partDone(stage, id, { step, part: 0.3 });
      const driver = await stage.halflap.driverOf(id);
      if (driver === undefined) throw new Error('nobody drives the campaign');
      await stage.halflap.kill(driver);
      stage.scene.say(`server ${driver} of Halflap was killed with SIGKILL`);
      await setPace(stage, '--shard=ap1', stage.options.holdSeconds);
      await stepDone(stage, id, step);
      await stage.halflap.restart(driver);
      await stage.campaigns.until(id, (seen) => stepOf(seen, 'shard/ap1/contract')?.wait !== null);
    },
  },
  {
    title: 'Each contract is approved for itself; after it nothing leads back',
    async run(stage) {
      await hold(stage);
      await checkFleet(stage, ['2.0']);
      const id = newest(stage);
      for (const shard of ['ap1', 'eu1', 'us1']) {
        const step = `shard/${shard}/contract`;
        await halflap(stage, 'campaign', 'approve', id, '--step', step, '--yes');
      }
      await stage.campaigns.until(id, ({ state }) => state === 'finished');
      await hold(stage);
    },
  },
  {
    title: 'Everything is 2.0: it is asked for every acknowledged write',
    async run(stage) {
      await checkFleet(stage, ['2.0']);
      await meetForgottenServer(stage);
    },
  },
];
