// Without `--yes`: a person upgrades the inventory from the console or the command line, in an
// order of his own, while the load goes on. When everything is 2.0, and at Ctrl-C, it is checked
// that nothing was lost.

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReleaseName } from '../load/dialect.js';
import { checkFleet, meetForgottenServer } from './checkpoint.js';
import { CLUSTER, USER } from './halflap.js';
import { SERVERS } from './servers.js';
import { SHARDS } from './shards.js';
import { planCampaign, type Stage } from './stage.js';

const LOOK_MS = 250;

/** Plans what is to be pressed, and says where. */
export async function invite(stage: Stage): Promise<void> {
  const { scene, halflap } = stage;
  const id = await planCampaign(stage, '--policy', 'policy.yaml');
  scene.invitation = [
    `console   ${halflap.address}/campaigns/${id}`,
    `sign in   ${USER}  ${halflap.password}`,
    `or here   export XDG_CONFIG_HOME=${stage.directory}; npx halflap campaign status ${id}`,
    'The plan is ready: read it, approve it, start it. Ctrl-C ends it all.',
  ];
}

/** Resolves at Ctrl-C, when every acknowledged write has been asked for. */
export async function attend(stage: Stage, leaving: AbortSignal): Promise<void> {
  const { scene } = stage;
  while (!leaving.aborted) {
    if (isThrough(stage)) {
      scene.say('everything is 2.0: it is asked for every acknowledged write');
      await checkFleet(stage, ['2.0']);
      await meetForgottenServer(stage);
      scene.say(`cluster ${CLUSTER} is upgraded; Ctrl-C ends, and prints what was measured`);
      if (!leaving.aborted) await once(leaving, 'abort');
      return;
    }
    await sleep(LOOK_MS, undefined, { signal: leaving }).catch(() => {});
  }
  scene.say('every acknowledged write is asked for (Ctrl-C again ends at once)');
  await checkFleet(stage, releasesOf(stage));
}

function isThrough({ scene, servers, campaigns }: Stage): boolean {
  const isDone = campaigns.newest?.endedAt !== null;
  const settled = SHARDS.every((shard) => {
    const { phase, floor } = scene.phaseOf(shard);
    return phase === 'settled' && floor === '2.0';
  });
  return isDone && settled && servers.targets().length === SERVERS.length;
}

/** Each that serves. */
function releasesOf({ servers }: Stage): ReleaseName[] {
  return (['1.0', '2.0'] as const).filter((release) => servers.of(release) !== undefined);
}
