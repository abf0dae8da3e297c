// Compiles an evolution into the one file that ships inside the vendor's package, and what the
// release states for its servers into another.

import { resolve } from 'node:path';
import type { Bundle } from '@halflap/engine/runner';
import type { ServersFile } from '@halflap/protocol';
import type { Command } from 'commander';
import { writeBundle } from '../bundle-file.js';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import type { ScratchOptions } from '../options.js';
import { type Releases, withReleases } from '../releases.js';
import { writeServersFile } from '../servers-file.js';

interface BuildOptions extends ScratchOptions {
  readonly out?: string;
  readonly servers?: string;
}

export async function run(version: string, options: BuildOptions, command: Command): Promise<void> {
  const { printer, config: load } = contextOf(command);
  const config = load();
  const { bundle, servers } = await interruptible(printer.note, (signal) =>
    withReleases({ config, options, signal }, (releases) => build(version, releases)),
  );
  const serversFile = resolve(options.servers ?? `${config.app}-${version}.servers.json`);
  if (servers !== null) {
    writeServersFile(serversFile, servers);
    const { features, messages, behaviours, hash } = servers;
    const counts = [features, messages, behaviours].map((one) => Object.keys(one).length);
    const what = `${counts[0]} features, ${counts[1]} messages, ${counts[2]} behaviours`;
    printer.line(`${serversFile}: ${config.app} ${version}, ${what}, hash ${hash.slice(0, 12)}`);
  }
  const ofServers = servers === null ? null : { file: serversFile, hash: servers.hash };
  if (bundle === null) {
    printer.json({ app: config.app, to: version, servers: ofServers });
    return;
  }
  const file = resolve(options.out ?? `${config.app}-${version}.bundle.json`);
  writeBundle(file, bundle);
  const { hash, from, to } = bundle;
  printer.line(`${file}: ${config.app} ${from.version} → ${to.version}, hash ${hash.slice(0, 12)}`);
  const built = { file, app: config.app, from: from.version, to: to.version, hash };
  printer.json({ ...built, servers: ofServers });
}

interface Built {
  /** Null for a first release, which has no evolution. */
  readonly bundle: Bundle | null;
  readonly servers: ServersFile | null;
}

/** @throws EVOLUTION_INCOMPLETE for a first release that states nothing for servers. */
async function build(version: string, releases: Releases): Promise<Built> {
  const servers = await releases.servers(version);
  const isFirst = (await releases.versions())[0] === version;
  if (servers !== null && isFirst) return { bundle: null, servers };
  return { bundle: await releases.measure(version), servers };
}
