// Halflap as it upgrades itself: whole servers in processes of their own, each of this release or
// of the next, over two shards of the store; and the agent of the host that they run on, by whose
// commands they get a release and are restarted.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openAuthority, SECRET_BYTES } from '@halflap/server';
import { withClient } from '../evolving/databases.js';
import { type Answer, makeToken } from './api.js';
import { makeNextRelease, type NextRelease } from './next-release.js';
import { makeHosts, type Play, ScriptedAgent } from './scripted-agent.js';
import { openTestStore, type TestStore } from './store.js';

const PROGRAM = fileURLToPath(new URL('itself-server.mjs', import.meta.url));
/** In the store; one of them is connected. */
export const HOSTS = 20;

interface Running {
  readonly process: ChildProcess;
  readonly address: string;
  readonly agents: number;
}

interface OwnAsking {
  readonly payload?: object;
  readonly as?: 'admin' | 'operator';
}

/** One server of Halflap. */
export class OwnServer {
  readonly name: string;
  /** What it is when it starts next. */
  installed = '1.0';
  running: Running | undefined;
  /** Before each command, by its first word. */
  onCommand: (word: string) => Promise<void> = async () => {};

  constructor(name: string) {
    this.name = name;
  }
}

export class OwnGround {
  readonly test: TestStore;
  readonly next: NextRelease;
  readonly servers: readonly [OwnServer, OwnServer] = [new OwnServer('one'), new OwnServer('two')];
  readonly #secret = randomBytes(SECRET_BYTES);
  #agent: ScriptedAgent | undefined;
  #turn = 0;
  #tokens = { admin: '', operator: '' };

  constructor(test: TestStore, next: NextRelease) {
    this.test = test;
    this.next = next;
  }

  /** The store has hosts and an administrator; servers of this release run; the agent is there. */
  async begin(): Promise<void> {
    const { store } = this.test;
    const options = { secret: this.#secret, hostCertificateDays: 30, clock: () => new Date() };
    const authority = await openAuthority(store, options);
    const [identity] = await makeHosts(store, authority, { count: HOSTS, labels: {} });
    if (identity === undefined) throw new Error('no host');
    const [admin, operator] = [await makeToken(store, 'admin'), await makeToken(store, 'operator')];
    this.#tokens = { admin, operator };
    // Else its lease of this release would stand against every contract.
    await store.close();
    await Promise.all(this.servers.map((server) => this.start(server)));
    const ports = () => this.#next()?.agents ?? 0;
    this.#agent = new ScriptedAgent(identity, { ports, authority }, ({ work }) => {
      if (work.kind !== 'command') return { refuses: 'only commands' };
      const [word = '', name = '', release = ''] = work.args;
      const server = this.servers.find((one) => one.name === name);
      return server === undefined ? { refuses: name } : this.#play(server, word, release);
    });
    await this.#agent.connect();
  }

  async start(server: OwnServer): Promise<void> {
    const { name, installed: version } = server;
    const isNext = version !== '1.0';
    const options = {
      ...{ server: name, version, shards: this.test.shards, secret: this.#secret.toString('hex') },
      module: isNext ? this.next.module : '@halflap/server',
    };
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const died = once(child, 'exit').then(([code]) => {
      throw new Error(`${name} of ${version} ended with ${code}`);
    });
    died.catch(() => {});
    const lines = createInterface({ input: child.stdout });
    const [line] = await Promise.race([once(lines, 'line'), died]);
    const [address, agents] = JSON.parse(line) as [string, number];
    server.running = { process: child, address, agents };
  }

  async stop(server: OwnServer, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = server.running?.process;
    server.running = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  /** Who drives it now; undefined: nobody. */
  async driverOf(campaign: string): Promise<OwnServer | undefined> {
    const rows = await withClient(this.test.shards[0]?.url ?? '', null, async (client) => {
      const sql = 'select owner from leases where name = $1 and expires_at > now()';
      return (await client.query<{ owner: string }>(sql, [`campaign/${campaign}`])).rows;
    });
    return this.servers.find(({ name }) => name === rows[0]?.owner.split(' ')[0]);
  }

  /** Asks any server that runs, and another one when it is stopped meanwhile. */
  async ask(method: string, url: string, asking: OwnAsking = {}): Promise<Answer> {
    for (;;) {
      const answer = await this.#askOne(this.#next(), method, url, asking);
      if (answer !== undefined) return answer;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #askOne(
    running: Running | undefined,
    method: string,
    url: string,
    { payload, as = 'admin' }: OwnAsking,
  ): Promise<Answer | undefined> {
    const authorization = `Bearer ${this.#tokens[as]}`;
    const json = { 'content-type': 'application/json' };
    const sent =
      payload === undefined
        ? { headers: { authorization } }
        : { headers: { authorization, ...json }, body: JSON.stringify(payload) };
    try {
      const answer = await fetch(`${running?.address}${url}`, { method, ...sent });
      // So says one that is being stopped.
      if (answer.status === 503) return undefined;
      const text = await answer.text();
      const body = text.startsWith('{') ? JSON.parse(text) : null;
      return { status: answer.status, headers: Object.fromEntries(answer.headers), text, body };
    } catch {
      return undefined;
    }
  }

  async close(): Promise<void> {
    await this.#agent?.stop();
    await Promise.all(this.servers.map((server) => this.stop(server, 'SIGKILL')));
    await this.test.drop();
    await this.next.remove();
  }

  /** Each server that runs, in turn. */
  #next(): Running | undefined {
    const live = this.servers.flatMap(({ running }) => running ?? []);
    this.#turn += 1;
    return live[this.#turn % live.length];
  }

  #play(server: OwnServer, word: string, release: string): Play {
    const play: { exitCode: number; output: string[]; until?: Promise<unknown> } = {
      ...{ exitCode: 0, output: [`${word} ${server.name}\n`] },
    };
    const work = async () => {
      await server.onCommand(word);
      if (word === 'upgrade') server.installed = release;
      if (word !== 'restart') return;
      await this.stop(server);
      await this.start(server);
    };
    play.until = work().catch(() => {
      play.exitCode = 1;
    });
    return play;
  }
}

export async function openOwnGround(): Promise<OwnGround> {
  const [test, next] = await Promise.all([openTestStore(2), makeNextRelease()]);
  const ground = new OwnGround(test, next);
  await ground.begin();
  return ground;
}
