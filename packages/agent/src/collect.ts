// Finds out about a host: one look at its system, packages and services.

import type { Snapshot } from '@halflap/protocol/agent';
import { rebootReasons } from './facts/reboot.js';
import { findSystem } from './facts/system.js';
import type { Host } from './host.js';
import type { Memory } from './memory.js';
import { findPackages } from './packages/packages.js';
import { findServices } from './services/list.js';
import { hasSystemd } from './services/systemctl.js';

export interface CollectOptions {
  readonly host: Host;
  /** What earlier collections have found out; the same one each time. */
  readonly memory: Memory;
}

/**
 * One after the other, so that a host of many cores is never busy with it. Changes nothing, and
 * downloads nothing. A part that cannot be told now is null; one that the host does not have is
 * empty.
 */
export async function collect({ host, memory }: CollectOptions): Promise<Snapshot> {
  const system = await findSystem(host, memory);
  const found = await findPackages(host, memory);
  const reasons = await rebootReasons(host, found?.installed ?? []);
  const services = (await hasSystemd(host)) ? await findServices(host, memory) : [];
  return {
    system: { ...system, rebootReasons: reasons },
    packages: found?.packages ?? null,
    services,
  };
}
