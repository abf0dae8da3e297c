// Halflap itself, as a customer runs it: two servers on a PostgreSQL of their own, one agent for
// this machine, the first user, and the inventory declared as a cluster with a campaign to 2.0.

import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type PostgresServer, startPostgres } from '@halflap/engine/testing';
import pg from 'pg';
import type { Closing } from './closing.js';
import { gone, type Operator } from './operator.js';
import { type Line, type Program, startProgram } from './programs.js';
import { end, SERVERS } from './servers.js';
import type { ShardUrls } from './shards.js';

/** Names of Halflap's servers; people and the operator come to the first. */
export const HALFLAP_SERVERS = ['one', 'two'] as const;

const STORE_SHARDS = ['s1', 's2'] as const;
const HOME = STORE_SHARDS[0];

export const USER = 'admin';

export interface Place {
  readonly directory: string;
  readonly operator: Operator;
  readonly closing: Closing;
  readonly signal: AbortSignal;
  /** Where the console is wanted; 0 lets the system choose. */
  readonly port: number;
}

interface Listening {
  readonly program: Program;
  readonly address: string;
  readonly agents: number;
  readonly pin: string;
  readonly setupToken: string | null;
}

export class Halflap {
  readonly password: string;
  readonly #place: Place;
  readonly #store: PostgresServer;
  readonly #servers = new Map<string, Listening>();
  #token = '';

  constructor(place: Place, store: PostgresServer) {
    this.#place = place;
    this.#store = store;
    this.password = randomBytes(9).toString('base64url');
  }

  /** Where the console and the API are. */
  get address(): string {
    return this.#of('one').address;
  }

  /** The addresses of all servers, and what one asks them with. */
  get access(): { readonly addresses: readonly string[]; readonly token: string } {
    const addresses = [...this.#servers.values()].map(({ address }) => address);
    return { addresses, token: this.#token };
  }

  /** Servers, the first user, the agent. */
  async start(program: string): Promise<void> {
    const { closing } = this.#place;
    closing.add(() => this.#stopServers());
    await this.#configure();
    // The first one makes the store.
    await this.#startServer('one', this.#place.port);
    await this.#startServer('two', 0);
    await this.#signIn();
    await this.#startAgent(program);
  }

  /** The server that drives a campaign, by its lease. */
  async driverOf(campaign: string): Promise<string | undefined> {
    const client = new pg.Client({ connectionString: this.#store.url(HOME) });
    await client.connect();
    try {
      const { rows } = await client.query<{ owner: string }>(
        'select owner from leases where name = $1 and expires_at > now()',
        [`campaign/${campaign}`],
      );
      return rows[0]?.owner.split(' ')[0];
    } finally {
      await client.end();
    }
  }

  /** As a power failure would: the other server goes on. */
  async kill(server: string): Promise<void> {
    const { program } = this.#of(server);
    program.process.kill('SIGKILL');
    await program.ended;
  }

  /** At the same ports. */
  async restart(server: string): Promise<void> {
    const { address, agents } = this.#of(server);
    await this.#startServer(server, Number(new URL(address).port), agents);
  }

  async #configure(): Promise<void> {
    const { directory } = this.#place;
    const secret = randomBytes(32).toString('hex');
    await writeFile(join(directory, 'secret'), `${secret}\n`, { mode: 0o600 });
    const lines = ['app: halflap', 'shards:'];
    for (const name of STORE_SHARDS) {
      const file = `${name}.url`;
      await writeFile(join(directory, file), this.#store.url(name), { mode: 0o600 });
      lines.push(`  - name: ${name}`, `    url_file: ${file}`);
    }
    lines.push('server:', `  home: ${HOME}`, '  secret_file: secret');
    await writeFile(join(directory, 'servers.yaml'), `${lines.join('\n')}\n`);
  }

  async #startServer(name: string, port: number, agents = 0): Promise<void> {
    const { directory } = this.#place;
    const local = (of: number) => `127.0.0.1:${of}`;
    let onServed: (line: Line) => void = () => {};
    const served = new Promise<Line>((resolve) => {
      onServed = resolve;
    });
    const program = startProgram(
      [
        ...['--config', 'servers.yaml', 'serve', '--name', name],
        ...['--listen', local(port), '--agents', local(agents)],
      ],
      {
        directory,
        onLine: (line) => {
          if (line.event === 'served') onServed(line);
        },
      },
    );
    const line = await Promise.race([served, program.ended.then(() => null)]);
    if (line === null) throw new Error(`halflap serve did not start: ${program.noise().trim()}`);
    this.#servers.set(name, {
      program,
      address: String(line.listen),
      agents: Number(line.agents),
      pin: String(line.pin),
      setupToken: typeof line.setupToken === 'string' ? line.setupToken : null,
    });
  }

  async #signIn(): Promise<void> {
    const { directory, operator } = this.#place;
    const { address, setupToken } = this.#of('one');
    await writeFile(join(directory, 'setup'), `${setupToken}\n`, { mode: 0o600 });
    await writeFile(join(directory, 'password'), `${this.password}\n`, { mode: 0o600 });
    await operator.run(
      ...['login', '--server', address, '--setup', 'setup'],
      ...['--user', USER, '--password-file', 'password'],
    );
    const kept = await readFile(join(directory, 'halflap', 'credentials.json'), 'utf8');
    this.#token = JSON.parse(kept).servers[address].token;
  }

  /** Of this machine: all servers of the inventory run on it. */
  async #startAgent(program: string): Promise<void> {
    const { directory, operator, closing } = this.#place;
    const policy = `allow:\n  command: { programs: [${JSON.stringify(program)}] }\n`;
    await writeFile(join(directory, 'agent-policy.yaml'), policy, { mode: 0o600 });
    const { token, pin } = await operator.run('tokens', 'create', 'this machine', '--uses', '1');
    await writeFile(join(directory, 'enrol'), `${token}\n`, { mode: 0o600 });
    let onSession: () => void = () => {};
    const connected = new Promise<true>((resolve) => {
      onSession = () => resolve(true);
    });
    const addresses = [...this.#servers.values()].flatMap(({ agents }) => [
      ...['--server', `127.0.0.1:${agents}`],
    ]);
    const agent = startProgram(
      [
        ...['agent', ...addresses, '--enrol-file', 'enrol', '--ca-pin', String(pin)],
        ...['--state', join(directory, 'agent'), '--policy', 'agent-policy.yaml'],
      ],
      {
        directory,
        onLine: ({ event, state }) => {
          if (event === 'session' && state === 'open') onSession();
        },
      },
    );
    closing.add(() => end(agent.process));
    const isConnected = await Promise.race([connected, agent.ended]);
    if (isConnected === true) return;
    throw new Error(`halflap agent did not start: ${agent.noise().trim()}`);
  }

  #of(server: string): Listening {
    const found = this.#servers.get(server);
    if (found === undefined) throw new Error(`server ${server} of Halflap was never started`);
    return found;
  }

  async #stopServers(): Promise<void> {
    await Promise.all(
      [...this.#servers.values()].map(async ({ program }) => {
        await end(program.process);
        await gone(program.process);
      }),
    );
  }
}

export async function startHalflap(place: Place, program: string): Promise<Halflap> {
  const store = await startPostgres({ signal: place.signal });
  place.closing.add(() => store.stop());
  for (const name of STORE_SHARDS) await store.createDatabase(name);
  const halflap = new Halflap(place, store);
  await halflap.start(program);
  return halflap;
}

export interface Declaring {
  readonly directory: string;
  readonly operator: Operator;
  readonly shards: ShardUrls;
  readonly bundleFile: string;
  /** What the host's agent runs. */
  readonly program: string;
  /** What the application tells of itself. */
  readonly signals: readonly object[];
}

/** The name of the cluster. */
export const CLUSTER = 'inventory';

/** The inventory as a cluster, and what leads it to 2.0. */
export async function declareCluster(declaring: Declaring): Promise<void> {
  const { directory, operator, shards, bundleFile, program, signals } = declaring;
  const command = (verb: string) => ({ run: [program, verb, '{server}', '{release}'] });
  const declared = {
    ...{ name: CLUSTER, app: 'inventory' },
    servers: { named: SERVERS.map((name) => ({ name, host: hostname() })) },
    commands: Object.fromEntries(
      ['drain', 'upgrade', 'restart', 'health', 'undrain'].map((verb) => [verb, command(verb)]),
    ),
    shards: Object.entries(shards).map(([name, url]) => ({ name, url })),
    signals,
  };
  // YAML takes JSON.
  await writeFile(join(directory, 'inventory.yaml'), JSON.stringify(declared), { mode: 0o600 });
  await operator.run('clusters', 'bundles', 'add', bundleFile);
  await operator.run('clusters', 'add', 'inventory.yaml');
}
