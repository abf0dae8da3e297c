// How a server of release 2.0 opens its shards: bound to its release, and able to prepare a settled
// shard with the bundle that came in its package.

import { type Fleet, open } from '@halflap/client';
import { type Bundle, runVerb } from '@halflap/engine/runner';
import type { ServiceConfig } from '../http/config.js';
import { placementOf } from '../http/placement.js';

const POOL_SIZE = 5;

interface Target {
  readonly name: string;
  readonly url: string;
}

/** Short, so that a server that was killed does not keep an operator waiting for long. */
const LEASE_SECONDS = 6;

/** What its package installed; undefined where there is none. */
export interface Installed {
  readonly bundle: Bundle | undefined;
  /** The servers file. */
  readonly servers: string | undefined;
}

export async function openFleet(config: ServiceConfig, installed: Installed): Promise<Fleet> {
  const { bundle, servers } = installed;
  return open<Target>({
    app: 'inventory',
    release: '2.0',
    server: config.server,
    shards: Object.entries(config.shards).map(([name, url]) => ({ name, url })),
    poolSize: POOL_SIZE,
    leaseSeconds: LEASE_SECONDS,
    locate: placementOf,
    ...(servers === undefined ? {} : { servers }),
    ...(bundle === undefined
      ? {}
      : { prepare: (shard: Target) => prepare(shard, bundle, config.server) }),
    log: (line) => process.stderr.write(`${config.server} ${line.shard}: ${line.message}\n`),
  });
}

/** The shard's journal names the server that did it. */
async function prepare({ name, url }: Target, bundle: Bundle, server: string): Promise<void> {
  await runVerb({ url, shard: name, bundle, verb: 'prepare', runner: server });
}
