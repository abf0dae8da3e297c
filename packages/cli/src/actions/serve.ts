// Runs a server of the system management application until it is asked to end.

import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PACE, type Server, startServer } from '@halflap/server';
import type { Command } from 'commander';
import { loadConfig } from '../config.js';
import { contextOf, type GlobalOptions } from '../context.js';
import { interruptible } from '../interrupt.js';
import { createLog } from '../log.js';
import { defaultData, ownDatabases } from '../own-databases.js';
import type { Printer } from '../print.js';
import { AGENTS, addressOf, LISTEN } from '../server-config.js';
import { type Ground, groundOf, NOTHING_ELSE, secretOf } from '../server-ground.js';

interface ServeOptions {
  readonly data?: string;
  readonly listen?: string;
  readonly agents?: string;
  readonly name?: string;
}

/** What is told at the first Ctrl-C. */
const STOPPING =
  'stopping: agents are told, and what is under way ends (Ctrl-C again ends at once)';

export async function run(options: ServeOptions, command: Command): Promise<void> {
  const { printer } = contextOf(command);
  const { config: file } = command.optsWithGlobals<GlobalOptions>();
  const isGiven = command.parent?.getOptionValueSource('config') === 'cli';
  const config = isGiven || existsSync(file) ? loadConfig(resolve(file)) : undefined;
  const server = config?.server;
  const name = options.name ?? server?.name ?? hostname();
  const log = createLog(printer);
  const serve = async (signal: AbortSignal) => {
    const ground =
      config === undefined ? await ownGround(options.data ?? defaultData()) : groundOf(config);
    try {
      const { shards, secret, home, nats, mail, api, certificate } = ground;
      const running = await startServer({
        ...{ name, version: command.parent?.version() ?? '', shards, secret, log },
        ...(home === undefined ? {} : { home }),
        ...(nats === undefined ? {} : { nats }),
        ...(mail === undefined ? {} : { mail }),
        ...(api === undefined ? {} : { api }),
        ...(certificate === undefined ? {} : { certificate }),
        console: consoleFiles(),
        listen: addressOf(options.listen, '--listen') ?? server?.listen ?? LISTEN,
        agents: addressOf(options.agents, '--agents') ?? server?.agents ?? AGENTS,
        names: ['localhost', '127.0.0.1', '::1', hostname(), ...(server?.names ?? [])],
        pace: PACE,
      });
      try {
        const hasCertificate = certificate !== undefined;
        tell(printer, name, { running, baseUrl: server?.baseUrl, hasCertificate });
        await ended(signal);
      } finally {
        await running.stop();
      }
    } finally {
      await ground.release();
    }
  };
  await interruptible(printer.note, serve, STOPPING);
}

interface Told {
  readonly running: Server;
  /** By what people reach it, where that is stated. */
  readonly baseUrl: string | undefined;
  /** Whether it has one of its operator's. */
  readonly hasCertificate: boolean;
}

/** What whoever has started it needs next. */
function tell(printer: Printer, server: string, { running, baseUrl, hasCertificate }: Told): void {
  const { setupToken, pin, agents, store } = running;
  const address = baseUrl ?? reachable(running.address);
  const shards = store.fleet.names;
  const served = { event: 'served', server, address, listen: running.address };
  printer.json({ ...served, setupToken, pin, agents: agents.port, shards });
  printer.line(`server ${server} runs on the shards ${shards.join(', ')}`);
  printer.line(`  people and programs   ${address}`);
  if (baseUrl !== undefined) printer.line(`  at                    ${running.address}`);
  printer.line(`  agents                port ${agents.port}, authority ${pin}`);
  if (setupToken === null) return;
  printer.line();
  printer.line('There is no user yet. Make the first one, an administrator, with this token:');
  printer.line(`  ${setupToken}`);
  // The authority is the cluster's own where nobody gave another certificate.
  const isOwn = running.address.startsWith('https:') && !hasCertificate;
  const trust = isOwn ? ` --ca-pin ${pin}` : '';
  printer.line(`  halflap login --server ${address}${trust} --setup`);
}

/** Of all addresses of this machine one that its certificate has. */
function reachable(address: string): string {
  return address.replace(/\/\/(?:0\.0\.0\.0|\[::\])(?=:)/, `//${hostname()}`);
}

/** Where the build of the console is. */
function consoleFiles(): string {
  return dirname(fileURLToPath(import.meta.resolve('@halflap/console/index.html')));
}

/** With a PostgreSQL of this machine's own. */
async function ownGround(directory: string): Promise<Ground> {
  const { shards, secret, stop } = await ownDatabases(directory);
  return { shards, secret: secretOf(secret), ...NOTHING_ELSE, release: stop };
}

async function ended(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
