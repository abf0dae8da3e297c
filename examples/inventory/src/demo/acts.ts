// The order in which everything is upgraded, chosen so that each release meets a shard in each
// phase.
//
// | shard | prepared by  | expanding                         | ends                         |
// |-------|--------------|-----------------------------------|------------------------------|
// | eu1   | operator     | under 1.0 alone                   | dual before any server is 2.0|
// | us1   | a 2.0 server | under both, paused half-way       | dual, aborted, expanded again|
// | ap1   | a 2.0 server | under both, its runner killed     | dual last                    |

import { checkFleet, meetForgottenServer } from './checkpoint.js';
import { begin, halflap, hold, partDone, replaceServer, type Stage, setPace } from './stage.js';

export interface Act {
  readonly title: string;
  run(stage: Stage): Promise<void>;
}

/** What halflap ends with when a shard's state forbids what was asked. */
const REFUSED = 3;

/** So slow that a pause comes in time on a busy machine. */
const SLOW_SECONDS = 15;

export const ACTS: readonly Act[] = [
  {
    title: 'Everything is 1.0; the operator takes the shards in',
    async run(stage) {
      await hold(stage);
      await halflap(stage, 'adopt', '1.0', '--all');
      await setPace(stage, '--all', stage.options.holdSeconds);
    },
  },
  {
    title: 'A shard first: eu1 is prepared and expanded, all servers are 1.0',
    async run(stage) {
      await halflap(stage, 'prepare', '--shard', 'eu1');
      await hold(stage, 0.5);
      await halflap(stage, 'expand', '--shard', 'eu1');
      await hold(stage, 0.5);
    },
  },
  {
    title: 'A server first: app1 becomes 2.0 and prepares us1 and ap1 itself',
    async run(stage) {
      await replaceServer(stage, 'app1', '2.0');
      await hold(stage, 1.5);
    },
  },
  {
    title: 'us1 expands under both releases, and rests half-way',
    async run(stage) {
      await setPace(stage, '--shard=us1', SLOW_SECONDS);
      const run = begin(stage, 'expand', '--shard', 'us1');
      await partDone(stage, run, 0.1);
      await halflap(stage, 'pause', '--shard', 'us1');
      const { exitCode, error } = await run.done;
      stage.scene.say(`expand ended with ${exitCode}: ${error?.message}`);
      if (exitCode !== REFUSED) throw new Error(`a paused expand ended with ${exitCode}`);
      await hold(stage);
      await checkFleet(stage, ['1.0', '2.0']);
      await halflap(stage, 'resume', '--shard', 'us1');
      await setPace(stage, '--shard=us1', stage.options.holdSeconds);
      await halflap(stage, 'expand', '--shard', 'us1');
      await hold(stage);
    },
  },
  {
    title: 'app1 goes back to 1.0; us1 is aborted, and all that 2.0 wrote is still there',
    async run(stage) {
      await replaceServer(stage, 'app1', '1.0');
      await halflap(stage, 'abort', '--shard', 'us1');
      await checkFleet(stage, ['1.0']);
      await hold(stage);
    },
  },
  {
    title: 'app1 and app2 become 2.0: us1 is prepared again by a server, and expanded again',
    async run(stage) {
      await replaceServer(stage, 'app1', '2.0');
      await hold(stage, 0.5);
      await replaceServer(stage, 'app2', '2.0');
      await halflap(stage, 'expand', '--shard', 'us1');
      await hold(stage, 0.5);
    },
  },
  {
    title: 'ap1 expands; its runner is killed in the middle, and run again',
    async run(stage) {
      const run = begin(stage, 'expand', '--shard', 'ap1');
      await partDone(stage, run, 0.3);
      run.kill();
      await run.done;
      stage.scene.say('the runner was killed with SIGKILL');
      await hold(stage, 0.5);
      await halflap(stage, 'expand', '--shard', 'ap1');
      await hold(stage);
    },
  },
  {
    title: 'Both releases are asked for every acknowledged write',
    run: (stage) => checkFleet(stage, ['1.0', '2.0']),
  },
  {
    title: 'Contract is refused while a server of 1.0 is alive',
    async run(stage) {
      const { exitCode, error } = await begin(stage, 'contract', '--shard', 'eu1').done;
      if (exitCode !== REFUSED) {
        throw new Error(`contract should be refused, exit code ${exitCode}: ${error?.message}`);
      }
      stage.scene.say(`refused: ${error?.message}`);
      for (const line of error?.detail.evidence ?? []) stage.scene.say(`  ${line}`);
    },
  },
  {
    title: 'app3 becomes 2.0, and the shards contract',
    async run(stage) {
      await replaceServer(stage, 'app3', '2.0');
      await hold(stage, 0.5);
      for (const shard of ['eu1', 'us1', 'ap1']) {
        await halflap(stage, 'contract', '--shard', shard);
      }
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
