// The order in which everything is upgraded, chosen so that each release meets a shard in each phase.
//
// | shard | settled | prepared by  | expanding                     | ends                             |
// |-------|---------|--------------|-------------------------------|----------------------------------|
// | eu1   | 1.0     | operator     | while all servers are 1.0     | dual before any server is 2.0    |
// | us1   | 1.0     | a 2.0 server | paused half-way, both releases| dual, aborted, expanded again    |
// | ap1   | 1.0     | a 2.0 server | runner killed, both releases  | dual last                        |

import { checkFleet, meetForgottenServer } from './checkpoint.js';
import { begin, halflap, hold, partDone, replaceServer, type Stage, setPace } from './stage.js';

export interface Act {
  readonly title: string;
  run(stage: Stage): Promise<void>;
}

export const ACTS: readonly Act[] = [
  {
    title: 'Everything is 1.0; the operator takes the shards in',
    async run(stage) {
      await hold(stage);
      await halflap(stage, 'adopt', '1.0', '--all');
      await hold(stage, 0.5);
    },
  },
  {
    title: 'A shard first: eu1 is prepared and expanded, all servers are 1.0',
    async run(stage) {
      await halflap(stage, 'prepare', '--shard', 'eu1');
      await hold(stage, 0.5);
      await setPace(stage, 'eu1');
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
      await setPace(stage, 'us1');
      const run = begin(stage, 'expand', '--shard', 'us1');
      await partDone(stage, run, 0.3);
      await halflap(stage, 'pause', '--shard', 'us1');
      const { exitCode } = await run.done;
      if (exitCode !== 3) throw new Error(`a paused expand should end with 3, not ${exitCode}`);
      await hold(stage);
      await halflap(stage, 'resume', '--shard', 'us1');
      await halflap(stage, 'expand', '--shard', 'us1');
      await hold(stage);
    },
  },
  {
    title: 'app1 goes back to 1.0; us1 is aborted, and all that 2.0 wrote is still there',
    async run(stage) {
      await replaceServer(stage, 'app1', '1.0');
      await halflap(stage, 'abort', '--shard', 'us1');
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
      await setPace(stage, 'ap1');
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
      if (exitCode !== 3) {
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
