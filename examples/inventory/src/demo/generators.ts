// The load: several generator processes, commanded as one.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Command, Event, LedgerReport, Target, Tick } from '../load/messages.js';
import { end } from './servers.js';

export const GENERATORS = 2;

/** Enough to keep every server and shard busy. */
const CLIENTS = 6;

export interface Load {
  readonly seed: number;
  readonly hosts: number;
  readonly paceMs: number;
}

export class Generators {
  readonly #processes: ChildProcess[];

  constructor(onTick: (generator: number, tick: Tick) => void) {
    const main = fileURLToPath(new URL('../load/main.js', import.meta.url));
    this.#processes = Array.from({ length: GENERATORS }, () => fork(main));
    this.#processes.forEach((child, generator) => {
      child.on('message', (event: Event) => {
        if (event.kind === 'tick') onTick(generator, event);
      });
    });
  }

  async start(load: Load, targets: readonly Target[]): Promise<void> {
    this.#processes.forEach((child, generator) => {
      const config = { ...load, generator, generators: GENERATORS, clients: CLIENTS };
      child.send({ kind: 'start', config, targets } satisfies Command);
    });
  }

  setTargets(targets: readonly Target[]): void {
    for (const child of this.#processes) child.send({ kind: 'targets', targets } satisfies Command);
  }

  /** Resolves when no generator has a request on its way to the server. */
  async drain(server: string): Promise<void> {
    await this.#all({ kind: 'drain', server }, 'drained');
  }

  /** Resolves when nothing is on its way. */
  async pause(): Promise<void> {
    await this.#all({ kind: 'pause' }, 'paused');
  }

  resume(): void {
    for (const child of this.#processes) child.send({ kind: 'resume' } satisfies Command);
  }

  async ledgers(): Promise<LedgerReport[]> {
    return this.#all({ kind: 'report' }, 'ledger');
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map(end));
  }

  /** Sends a command to each and waits for the answer of each. */
  #all<Kind extends Event['kind']>(
    command: Command,
    answer: Kind,
  ): Promise<Extract<Event, { kind: Kind }>[]> {
    return Promise.all(
      this.#processes.map(
        (child) =>
          new Promise<Extract<Event, { kind: Kind }>>((resolve, reject) => {
            const lost = () => reject(new Error(`a load generator ended before ${answer}`));
            const listener = (event: Event) => {
              if (event.kind !== answer) return;
              child.off('message', listener);
              child.off('exit', lost);
              resolve(event as Extract<Event, { kind: Kind }>);
            };
            child.on('message', listener);
            child.once('exit', lost);
            child.send(command);
          }),
      ),
    );
  }
}
