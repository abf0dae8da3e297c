// What an agent can tell about its host: a program or a database that is not there is no error.

import type { Abilities } from '@halflap/protocol/agent';
import type { Host } from './host.js';
import { packageManagers } from './packages/packages.js';
import { hasSystemd } from './services/systemctl.js';

/** Looks at files only, so it may be asked at each connection. */
export async function findAbilities(host: Host): Promise<Abilities> {
  return { packages: await packageManagers(host), services: await hasSystemd(host) };
}
