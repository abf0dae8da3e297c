// What a campaign is tried on: servers of Halflap as processes of their own, which may be killed;
// an application of two servers, which register on real shards by the client, and which an agent
// upgrades, restarts and asks for their health by commands.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Fleet, open } from '@halflap/client';
import { installRelease } from '@halflap/engine';
import { ShardReader } from '@halflap/engine/runner';
import { type FreshDatabase, freshDatabase } from '@halflap/engine/testing';
import type { ServersFile } from '@halflap/protocol';
import {
  Bundles,
  betweenServersRoutes,
  campaignRoutes,
  clusterRoutes,
  evolutionRoutes,
  openAuthority,
  SECRET_BYTES,
} from '@halflap/server';
import { withClient } from '../evolving/databases.js';
import { APP, type Compiled } from '../evolving/releases.js';
import { type Asking, openTestApi, type TestApi } from './api.js';
import { makeHosts, type Play, ScriptedAgent } from './scripted-agent.js';
import { openTestStore, SILENT, type TestStore } from './store.js';

const PROGRAM = fileURLToPath(new URL('jobs-server.mjs', import.meta.url));
/** Of an application's server; the least that the client takes. */
const LEASE_SECONDS = 3;

type Files = Readonly<Record<string, ServersFile>>;

interface Running {
  readonly port: number;
  readonly process: ChildProcess;
}

/** One server of the application. */
export class AppServer {
  readonly name: string;
  installed: string;
  /** The exit code of its health check. */
  health = 0;
  /** It was taken out of service by a command, and not brought back. */
  isDrained = false;
  /** Before each command, by its first word. */
  onCommand: (word: string) => Promise<void> = async () => {};
  readonly #shards: readonly { name: string; url: string }[];
  readonly #files: Files;
  #fleet: Fleet | undefined;

  constructor(name: string, shards: readonly { name: string; url: string }[], files: Files) {
    this.name = name;
    this.installed = '1.0';
    this.#shards = shards;
    this.#files = files;
  }

  /** As the application has opened it. */
  get fleet(): Fleet {
    if (this.#fleet === undefined) throw new Error(`${this.name} is stopped`);
    return this.#fleet;
  }

  async start(): Promise<void> {
    await this.stop();
    const servers = this.#files[this.installed];
    this.#fleet = await open({
      ...(servers === undefined ? {} : { servers }),
      ...{ app: APP, release: this.installed, server: this.name, shards: this.#shards },
      ...{ poolSize: 1, leaseSeconds: LEASE_SECONDS },
    });
  }

  async stop(): Promise<void> {
    await this.#fleet?.close();
    this.#fleet = undefined;
  }

  /** What an agent does for one of its commands. */
  play([word = '', release = '']: readonly string[]): Play {
    const play: { exitCode: number; output: string[]; until?: Promise<unknown> } = {
      ...{ exitCode: 0, output: [`${word} ${this.name}\n`] },
    };
    const work = async () => {
      await this.onCommand(word);
      if (word === 'upgrade') this.installed = release;
      if (word === 'restart') await this.start();
      if (word === 'health') play.exitCode = this.health;
      if (word === 'drain' || word === 'undrain') this.isDrained = word === 'drain';
    };
    play.until = work().catch(() => {
      play.exitCode = 1;
    });
    return play;
  }
}

export interface Application {
  /** The id of the declared cluster. */
  readonly cluster: string;
  readonly servers: readonly [AppServer, AppServer];
  readonly shards: readonly { readonly name: string; readonly url: string }[];
}

interface Kind {
  readonly shards: number;
  /** SQL that fills a shard. */
  readonly rows: string;
  /** Its servers are drained before anything is done to them. */
  readonly drains: boolean;
  /** What its servers are given, by release. */
  readonly files?: Files;
  /** As they are declared. */
  readonly hooks?: readonly object[];
  /** What it says of itself. */
  readonly signals?: readonly object[];
}

export class CampaignGround {
  readonly test: TestStore;
  readonly api: TestApi;
  readonly ask: Asking;
  readonly secret: Buffer;
  readonly #running = new Map<string, Running>();
  readonly #agents: ScriptedAgent[] = [];
  readonly #databases: FreshDatabase[] = [];
  readonly #apps = new Map<string, AppServer>();
  #started = 0;
  #made = 0;

  constructor(test: TestStore, api: TestApi, secret: Buffer) {
    this.test = test;
    this.api = api;
    this.ask = api.as('operator');
    this.secret = secret;
  }

  async startServer(): Promise<void> {
    this.#started += 1;
    const server = `server-${this.#started}`;
    const options = { server, shards: this.test.shards, secret: this.secret.toString('hex') };
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    this.#running.set(server, { port: Number(line), process: child });
  }

  /** Kills the server that drives the campaign, and starts another one. */
  async killDriver(campaign: string): Promise<void> {
    const { rows } = await this.test.store.home.query<{ owner: string }>(
      'select owner from leases where name = $1',
      [`campaign/${campaign}`],
    );
    const name = rows[0]?.owner.split(' ')[0] ?? '';
    const running = this.#running.get(name);
    if (running === undefined) return;
    this.#running.delete(name);
    running.process.kill('SIGKILL');
    await once(running.process, 'exit');
    await this.startServer();
  }

  /** The host `web-0`, whose agent carries out the commands of all servers of applications. */
  async connectAgent(): Promise<void> {
    const options = { secret: this.secret, hostCertificateDays: 30, clock: () => new Date() };
    const authority = await openAuthority(this.test.store, options);
    const [identity] = await makeHosts(this.test.store, authority, { count: 1, labels: {} });
    if (identity === undefined) throw new Error('no host');
    const ports = () => [...this.#running.values()].at(-1)?.port ?? 0;
    const agent = new ScriptedAgent(identity, { ports, authority }, ({ work }) => {
      if (work.kind !== 'command') return { refuses: 'only commands' };
      const [word = '', name = '', release = ''] = work.args;
      return this.#apps.get(name)?.play([word, release]) ?? { refuses: `no server ${name}` };
    });
    this.#agents.push(agent);
    await agent.connect();
  }

  /** An application at 1.0 that runs, on so many shards, and its declared cluster. */
  async application({ from }: Compiled, kind: Kind): Promise<Application> {
    const { shards, rows, drains, files = {}, hooks = [], signals = [] } = kind;
    this.#made += 1;
    const made = this.#made;
    const databases = await Promise.all(Array.from({ length: shards }, () => freshDatabase()));
    this.#databases.push(...databases);
    const all = databases.map(({ url }, at) => ({ name: `eu${at + 1}`, url }));
    for (const { name, url } of all) {
      await installRelease({ url, app: APP, shard: name, release: from });
      await withClient(url, null, (client) => client.query(rows));
    }
    const [one, two] = ['a', 'b'].map((name) => new AppServer(`${name}${made}`, all, files));
    const servers = [one, two] as [AppServer, AppServer];
    for (const server of servers) {
      this.#apps.set(server.name, server);
      await server.start();
    }
    const command = (word: string) => ({ run: ['/bin/app', word, '{server}', '{release}'] });
    const { status, body } = await this.ask('POST', '/api/v1/clusters', {
      payload: {
        ...{ name: `shop-${made}`, app: APP, shards: all, hooks, signals },
        servers: { named: servers.map(({ name }) => ({ name, host: 'web-0' })) },
        commands: {
          ...(drains ? { drain: command('drain'), undrain: command('undrain') } : {}),
          ...{
            upgrade: command('upgrade'),
            restart: command('restart'),
            health: command('health'),
          },
        },
      },
    });
    if (status !== 201) throw new Error(JSON.stringify(body));
    return { cluster: body.id, servers, shards: all };
  }

  async close(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.stop()));
    for (const { process: child } of this.#running.values()) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    await Promise.all([...this.#apps.values()].map((app) => app.stop()));
    await this.api.app.close();
    await this.test.drop();
    await Promise.all(this.#databases.map((database) => database.drop()));
  }
}

/** Servers of Halflap over two shards, and the API of another, which drives nothing. */
export async function openCampaignGround(servers = 2): Promise<CampaignGround> {
  const test = await openTestStore(2);
  const secret = randomBytes(SECRET_BYTES);
  const { store } = test;
  const bundles = new Bundles();
  const reader = new ShardReader({ timeoutMs: 5000 });
  const campaigns = { bundles, reader, kick() {}, stop: async () => {} };
  const clock = () => new Date();
  const clusters = { store, secret, bundles, reader, clock };
  const routes = [
    ...clusterRoutes(clusters),
    ...betweenServersRoutes(clusters),
    ...evolutionRoutes({ store, bundles }),
    ...campaignRoutes({ store, secret, campaigns }),
  ];
  const api = await openTestApi(test, { routes, log: SILENT });
  const ground = new CampaignGround(test, api, secret);
  for (let started = 0; started < servers; started += 1) await ground.startServer();
  await ground.connectAgent();
  return ground;
}
