// What is done on a server's host for each stage of its step. Pure.

import type { Work } from '@halflap/protocol/agent';
import type { StageName } from './campaign.js';
import type { ClusterDeclaration } from './cluster/declaration.js';
import { commandWork } from './cluster/host-command.js';
import { type ServerStep, serverOf } from './decide/steps.js';
import type { Known } from './pass.js';

export interface Served {
  readonly step: ServerStep;
  readonly declared: ClusterDeclaration;
  /** The release that it gets. */
  readonly release: string;
  /** The one before. */
  readonly before: string;
  /** It has the package of the release already. */
  readonly isInstalled: boolean;
}

export function servedOf(
  { campaign, cluster, observed }: Pick<Known, 'campaign' | 'cluster' | 'observed'>,
  step: ServerStep,
): Served {
  const { from_release: from, to_release: to } = campaign;
  const isUpgrade = step.action === 'upgrade';
  const [release, before] = isUpgrade ? [to, from] : [from, to];
  const isInstalled = serverOf(observed.world, step.name)?.installed === release;
  return { step, declared: cluster.declared, release, before, isInstalled };
}

/** The stages of a step, in their order. What needs no job only waits for what is seen. */
export function stagesOf({ declared, isInstalled }: Served): readonly StageName[] {
  const { commands = {}, service } = declared;
  const stages: StageName[] = [];
  if (commands.drain !== undefined) stages.push('drain');
  if (!(declared.package !== undefined && isInstalled)) stages.push('upgrade');
  if (service !== undefined || commands.restart !== undefined) stages.push('restart');
  stages.push('register');
  if (commands.health !== undefined) stages.push('health');
  if (commands.undrain !== undefined) stages.push('undrain');
  return stages;
}

/** Null for a stage that only looks. */
export function workOf(stage: StageName, served: Served): Work | null {
  const { commands = {}, service } = served.declared;
  if (stage === 'register') return null;
  if (stage === 'upgrade' && served.declared.package !== undefined) return packageWork(served);
  if (stage === 'restart' && service !== undefined) {
    return { kind: 'service', action: 'restart', service };
  }
  const command = commands[stage];
  if (command === undefined) return null;
  const { step, release, before } = served;
  return commandWork(command, { server: step.name, release, from: before });
}

function packageWork({ declared, release, step }: Served): Work {
  const version = declared.releases?.find((one) => one.release === release)?.version ?? null;
  return {
    kind: 'packages',
    action: step.action === 'upgrade' ? 'install' : 'downgrade',
    packages: [{ name: declared.package ?? '', version }],
    ...{ onlySecurity: false, simulate: false },
  };
}
