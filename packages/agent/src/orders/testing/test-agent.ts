// For tests: the runs of one host, a cluster's key that signs orders for it, and all frames that
// they tell. The supervisors are those of the built package.

import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Order, Result, Work } from '@halflap/protocol/agent';
import { systemClock } from '../../clock.js';
import { readValue } from '../../durable.js';
import type { Log } from '../../log.js';
import type { FrameOf, OrderLog, ToldFrame } from '../events.js';
import { type Claim, FACTS } from '../journal.js';
import { isAlive, type ProcessMark } from '../liveness.js';
import type { OrdersOptions } from '../options.js';
import { Orders } from '../orders.js';

export const SUPERVISOR = [
  process.execPath,
  fileURLToPath(new URL('../../../dist/orders/supervisor.js', import.meta.url)),
];

const { privateKey, publicKey } = generateKeyPairSync('ed25519');

export const CLUSTER_KEY = {
  id: 'k1',
  publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
};

const LOOK_EVERY_MS = 20;
const SOON = '2100-01-01T00:00:00Z';

export class TestAgent {
  readonly directory: string;
  readonly host = randomUUID();
  readonly told: ToldFrame[] = [];
  readonly logged: OrderLog[] = [];
  readonly #news = new EventEmitter();
  #orders: Orders;
  #given: Partial<OrdersOptions>;

  private constructor(directory: string, given: Partial<OrdersOptions>) {
    this.directory = directory;
    this.#given = given;
    this.#orders = this.#make();
  }

  /** A host that allows everything, connected. */
  static async start(given: Partial<OrdersOptions> = {}): Promise<TestAgent> {
    const directory = await fs.mkdtemp(join(tmpdir(), 'halflap-orders-'));
    // Other users must be able to reach what tests put there.
    await fs.chmod(directory, 0o755);
    const agent = new TestAgent(directory, given);
    await agent.allow('allow: { packages: true, service: true, command: true, file: true }');
    await agent.orders.start();
    await agent.orders.connected();
    return agent;
  }

  get orders(): Orders {
    return this.#orders;
  }

  get state(): string {
    return join(this.directory, 'state');
  }

  get policyFile(): string {
    return join(this.directory, 'policy.yaml');
  }

  /** A file for what a command leaves behind. */
  path(name: string): string {
    return join(this.directory, name);
  }

  allow(policy: string): Promise<void> {
    return fs.writeFile(this.policyFile, policy);
  }

  order(work: Work, about: Partial<Order> = {}): Order {
    return {
      ...{ format: 1, run: randomUUID(), job: randomUUID(), host: this.host, work },
      ...{ beginBefore: SOON, timeoutSeconds: 60, outputLimitBytes: 1024 * 1024 },
      ...about,
    };
  }

  take(order: Order | string) {
    return this.#orders.take(signed(order));
  }

  /** Takes an order for a shell and waits until its end is told. */
  async run(work: Work, about: Partial<Order> = {}): Promise<Result> {
    const order = this.order(work, about);
    await this.take(order);
    return this.result(order.run);
  }

  result(run: string): Promise<Result> {
    return this.until(() => this.endsOf(run)[0]?.result);
  }

  endsOf(run: string): FrameOf<'ended'>[] {
    return this.told.filter((frame) => frame.type === 'ended' && frame.run === run) as never;
  }

  piecesOf(run: string): FrameOf<'output'>[] {
    return this.told.filter((frame) => frame.type === 'output' && frame.run === run) as never;
  }

  textOf(run: string): string {
    return this.piecesOf(run)
      .map(({ text }) => text)
      .join('');
  }

  /** Waits until something is there; looked for at each frame and each line of the log. */
  async until<Value>(find: () => Value | undefined | false): Promise<Value> {
    for (;;) {
      const found = find();
      if (found !== undefined && found !== false) return found;
      await once(this.#news, 'news');
    }
  }

  /** Another process of the agent, as far as its memory is concerned. */
  async restart(given: Partial<OrdersOptions> = {}): Promise<void> {
    await this.#orders.stop();
    this.#given = { ...this.#given, ...given };
    this.#orders = this.#make();
    await this.#orders.start();
    await this.#orders.connected();
  }

  /** Ends what still runs, which would write where everything is being taken away. */
  async remove(): Promise<void> {
    await this.#orders.stop();
    const runs = join(this.state, 'runs');
    for (const run of await fs.readdir(runs)) {
      const claim = await readValue<Claim>(join(runs, run), FACTS.claim);
      const supervisor = claim?.supervisor ?? null;
      if (supervisor !== null) await endSupervisor(supervisor);
    }
    await fs.rm(this.directory, { recursive: true, force: true });
  }

  #make(): Orders {
    return new Orders({
      ...{ state: this.state, host: this.host, keys: [CLUSTER_KEY], policyFile: this.policyFile },
      ...{ supervisor: SUPERVISOR, clock: systemClock },
      emit: (frame) => this.#hear(this.told, frame),
      log: this.#log(),
      ...this.#given,
    });
  }

  #log(): Log {
    const line = (detail: object, message: string) =>
      this.#hear(this.logged, { ...(detail as Omit<OrderLog, 'message'>), message });
    return { debug: line, info: line, warn: line, error: line };
  }

  #hear<Value>(list: Value[], value: Value): void {
    list.push(value);
    this.#news.emit('news');
  }
}

async function endSupervisor(supervisor: ProcessMark): Promise<void> {
  if (await isAlive(supervisor)) process.kill(supervisor.pid, 'SIGTERM');
  while (await isAlive(supervisor)) await pause(LOOK_EVERY_MS);
}

/** The frame of an order that the cluster has signed. */
export function signed(order: Order | string): FrameOf<'run'> {
  const text = typeof order === 'string' ? order : JSON.stringify(order);
  const signature = sign(null, Buffer.from(text), privateKey).toString('base64');
  return { type: 'run', fence: 1, order: text, key: CLUSTER_KEY.id, signature };
}

export function command(program: string, ...args: string[]): Work & { kind: 'command' } {
  return { kind: 'command', program, args, user: null, directory: null, environment: {} };
}

/** A script for the shell. */
export const shell = (script: string) => command('/bin/sh', '-c', script);
