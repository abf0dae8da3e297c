// Runs a server of the system management application until it is asked to end.

import { existsSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HalflapError } from '@halflap/protocol';
import {
  APP,
  PACE,
  SECRET_BYTES,
  type Server,
  type ServerOptions,
  startServer,
} from '@halflap/server';
import type { Command } from 'commander';
import { type Config, findShard, loadConfig, openShard } from '../config.js';
import { contextOf, type GlobalOptions } from '../context.js';
import { interruptible } from '../interrupt.js';
import { createLog } from '../log.js';
import { ownDatabases } from '../own-databases.js';
import type { Printer } from '../print.js';
import { readSecret, rememberUrl } from '../secrets.js';
import { type Address, isNatsUrl, parseAddress } from '../server-config.js';

interface ServeOptions {
  readonly data?: string;
  readonly listen?: string;
  readonly agents?: string;
  readonly name?: string;
}

/** What the server works on, and how to let go of it. */
interface Ground extends Pick<ServerOptions, 'shards' | 'secret'> {
  readonly nats: ServerOptions['nats'] | undefined;
  readonly mail: ServerOptions['mail'] | undefined;
  readonly home: string | undefined;
  release(): Promise<void>;
}

/** What is told at the first Ctrl-C. */
const STOPPING =
  'stopping: agents are told, and what is under way ends (Ctrl-C again ends at once)';

const LISTEN: Address = { host: '127.0.0.1', port: 8440 };
const AGENTS: Address = { host: '0.0.0.0', port: 8441 };

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
      const { shards, secret, home, nats, mail } = ground;
      const running = await startServer({
        ...{ name, version: command.parent?.version() ?? '', shards, secret, log },
        ...(home === undefined ? {} : { home }),
        ...(nats === undefined ? {} : { nats }),
        ...(mail === undefined ? {} : { mail }),
        console: consoleFiles(),
        listen: addressOf(options.listen, '--listen') ?? server?.listen ?? LISTEN,
        agents: addressOf(options.agents, '--agents') ?? server?.agents ?? AGENTS,
        names: ['localhost', '127.0.0.1', '::1', hostname(), ...(server?.names ?? [])],
        pace: PACE,
      });
      try {
        tell(printer, name, running);
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

/** What whoever has started it needs next. */
function tell(printer: Printer, server: string, running: Server): void {
  const { setupToken, pin, agents, store } = running;
  const address = reachable(running.address);
  const shards = store.fleet.names;
  printer.json({ event: 'served', server, address, setupToken, pin, agents: agents.port, shards });
  printer.line(`server ${server} runs on the shards ${shards.join(', ')}`);
  printer.line(`  people and programs   ${address}`);
  printer.line(`  agents                port ${agents.port}, authority ${pin}`);
  if (setupToken === null) return;
  printer.line();
  printer.line('There is no user yet. Make the first one, an administrator, with this token:');
  printer.line(`  ${setupToken}`);
  const trust = address.startsWith('https:') ? ` --ca-pin ${pin}` : '';
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

/** With the shards of halflap.yaml. @throws CONFIG_INVALID */
function groundOf(config: Config): Ground {
  const { app, file, server, shards } = config;
  if (app !== APP) {
    throw new HalflapError('CONFIG_INVALID', `${file}: app is ${app}, not ${APP}`, {
      detail: { file },
      hint: `halflap serve works on its own shards; name their file: halflap --config FILE serve`,
    });
  }
  if (shards.length === 0) {
    throw new HalflapError('CONFIG_INVALID', `${file}: shards is empty`, {
      detail: { file },
      hint: 'list at least one: - { name: s1, url: postgres://… }',
    });
  }
  if (server.home !== undefined) findShard(config, server.home);
  if (server.secret === undefined) {
    throw new HalflapError('CONFIG_INVALID', `${file}: server: secret_file is missing`, {
      detail: { file },
      hint: `openssl rand -hex 32 > secret, for all servers; server: { secret_file: secret }`,
    });
  }
  return {
    shards: shards.map(openShard),
    home: server.home,
    secret: secretOf(readSecret(server.secret, 'secret of the cluster')),
    nats: server.nats === undefined ? undefined : natsOf(readSecret(server.nats, 'URL of NATS')),
    mail: mailOf(server),
    release: async () => {},
  };
}

/** With a PostgreSQL of this machine's own. */
async function ownGround(directory: string): Promise<Ground> {
  const { shards, secret, stop } = await ownDatabases(directory);
  return { shards, secret: secretOf(secret), ...NOTHING_ELSE, release: stop };
}

const NOTHING_ELSE = { home: undefined, nats: undefined, mail: undefined } as const;

/** @throws CONFIG_INVALID */
function mailOf({ smtp, mailFrom }: Config['server']): ServerOptions['mail'] {
  if (smtp === undefined || mailFrom === undefined) return undefined;
  const url = readSecret(smtp, 'URL of the mail server');
  if (!URL.canParse(url) || !/^smtps?:$/.test(new URL(url).protocol)) {
    throw new HalflapError('CONFIG_INVALID', 'the URL of the mail server is none', {
      hint: 'smtps://USER:PASSWORD@HOST, or smtp://HOST:587',
    });
  }
  rememberUrl(url);
  return { url, from: mailFrom };
}

/** @throws CONFIG_INVALID */
function natsOf(text: string): ServerOptions['nats'] {
  if (!isNatsUrl(text)) {
    throw new HalflapError('CONFIG_INVALID', 'the URL of NATS is none', {
      hint: 'nats://USER:PASSWORD@HOST:4222',
    });
  }
  const { host, protocol, username, password } = new URL(text);
  rememberUrl(text);
  return {
    servers: `${protocol}//${host}`,
    ...(username === '' ? {} : { user: decodeURIComponent(username) }),
    ...(password === '' ? {} : { pass: decodeURIComponent(password) }),
  };
}

function secretOf(text: string): Buffer {
  if (new RegExp(`^[0-9a-f]{${2 * SECRET_BYTES}}$`, 'i').test(text))
    return Buffer.from(text, 'hex');
  throw new HalflapError(
    'CONFIG_INVALID',
    `the secret of the cluster is not of ${2 * SECRET_BYTES} hexadecimal digits`,
    { hint: 'openssl rand -hex 32 > secret' },
  );
}

/** Where a system keeps what services know, or what programs of a user do. */
function defaultData(): string {
  if (process.getuid?.() === 0) return '/var/lib/halflap';
  const state = process.env.XDG_STATE_HOME ?? join(homedir(), '.local/state');
  return join(state, 'halflap');
}

function addressOf(text: string | undefined, option: string): Address | undefined {
  if (text === undefined) return undefined;
  const found = parseAddress(text);
  if (found !== undefined) return found;
  throw new HalflapError('COMMAND_INVALID', `${option} takes an address and a port`, {
    hint: `${option} 127.0.0.1:8440`,
  });
}

async function ended(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
