// The servers of the run: each a process with a name and ports of its own, which it keeps when it
// is killed and started again, so that agents find it where it was.

import type { ServerChild } from '../app/ground.js';

/** Starts the server of that name; on these ports, where it has had some. */
export type StartServer = (name: string, ports: Ports | null) => Promise<ServerChild>;

export interface Ports {
  readonly api: number;
  readonly agents: number;
}

export class Place {
  readonly name: string;
  readonly #start: StartServer;
  #child: ServerChild | null = null;
  #ports: Ports | null = null;
  #life = 0;

  constructor(name: string, start: StartServer) {
    this.name = name;
    this.#start = start;
  }

  async start(): Promise<void> {
    const child = await this.#start(this.name, this.#ports);
    const { address, agentsPort } = child.ready;
    this.#ports = { api: Number(new URL(address).port), agents: agentsPort };
    this.#life += 1;
    this.#child = child;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    await child?.kill();
  }

  /** Null while it is dead. */
  get child(): ServerChild | null {
    return this.#child;
  }

  /** Another number in each life: a request that began in an earlier one counts for nothing. */
  get life(): number {
    return this.#life;
  }
}
