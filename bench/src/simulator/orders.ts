// Runs orders by pretending: each takes a while, says something and ends as it is told to. It keeps
// the promises of a real agent: a run is begun once, and told until a server has kept it.

import type { Clock, OrdersDuty, RunFrame } from '@halflap/agent';
import type { Cancel, Order, OutputKept, Result, ResultKept, Run } from '@halflap/protocol/agent';
import { checkOrder } from '@halflap/protocol/agent';
import type { Ledger } from './ledger.js';

/** How a pretended order goes. */
export interface Performance {
  readonly delayMs: number;
  readonly exitCode: number;
  /** Pieces of stdout. */
  readonly output: readonly string[];
}

export interface SimulatedOrdersOptions {
  readonly host: string;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly perform: (order: Order) => Performance;
  readonly emit: (frame: RunFrame) => void;
}

interface Known {
  readonly beganAt: string;
  readonly performance: Performance;
  /** Null while it runs. */
  result: Result | null;
  below: number;
  isKept: boolean;
  takeBack: () => void;
}

export class SimulatedOrders implements OrdersDuty {
  readonly #options: SimulatedOrdersOptions;
  readonly #known = new Map<string, Known>();
  #isConnected = false;

  constructor(options: SimulatedOrdersOptions) {
    this.#options = options;
  }

  unfinished(): readonly string[] {
    return [...this.#known].filter(([, { isKept }]) => !isKept).map(([run]) => run);
  }

  async connected(): Promise<void> {
    this.#isConnected = true;
    for (const [run, known] of this.#known) if (!known.isKept) this.#tell(run, known);
  }

  disconnected(): void {
    this.#isConnected = false;
  }

  async take({ order: text }: Run): Promise<void> {
    const { host, ledger } = this.#options;
    const order = read(text);
    if (order === null || order.host !== host) {
      ledger.strays.push(text);
      return;
    }
    ledger.note(order.run, host, 'taken');
    const known = this.#known.get(order.run);
    if (known === undefined) this.#begin(order);
    else this.#tell(order.run, known);
  }

  async cancel({ run }: Cancel): Promise<void> {
    const known = this.#known.get(run);
    if (known === undefined) {
      const result = this.#resultOf(null, { state: 'cancelled', message: 'it never came here' });
      this.#emit({ type: 'ended', run, result });
    } else if (known.result === null) {
      known.takeBack();
      this.#end(run, known, { state: 'cancelled', message: 'a server asked for its end' });
    } else {
      this.#tell(run, known);
    }
  }

  async outputKept({ run, below }: OutputKept): Promise<void> {
    const known = this.#known.get(run);
    if (known !== undefined) known.below = Math.max(known.below, below);
  }

  async resultKept({ run }: ResultKept): Promise<void> {
    const known = this.#known.get(run);
    if (known !== undefined) known.isKept = true;
  }

  #begin(order: Order): void {
    const { host, clock, ledger, perform } = this.#options;
    ledger.note(order.run, host, 'begun');
    const performance = perform(order);
    const known: Known = {
      beganAt: new Date(clock.now()).toISOString(),
      performance,
      result: null,
      below: 0,
      isKept: false,
      takeBack: clock.after(performance.delayMs, () => {
        const { exitCode } = performance;
        const state = exitCode === 0 ? 'succeeded' : 'failed';
        this.#end(order.run, known, { state, exitCode, message: `exit code ${exitCode}` });
      }),
    };
    this.#known.set(order.run, known);
    this.#tell(order.run, known);
  }

  #end(run: string, known: Known, how: Pick<Result, 'state' | 'message'> & Partial<Result>): void {
    this.#options.ledger.note(run, this.#options.host, 'ended');
    known.result = this.#resultOf(known, how);
    this.#tellEnd(run, known);
  }

  #tell(run: string, known: Known): void {
    this.#emit({ type: 'begun', run, at: known.beganAt });
    this.#tellEnd(run, known);
  }

  #tellEnd(run: string, { performance, result, below }: Known): void {
    if (result === null) return;
    for (const [number, text] of performance.output.entries()) {
      if (number >= below) this.#emit({ type: 'output', run, number, stream: 'stdout', text });
    }
    this.#emit({ type: 'ended', run, result });
  }

  #resultOf(known: Known | null, how: Pick<Result, 'state' | 'message'> & Partial<Result>): Result {
    const output = known?.performance.output ?? [];
    return {
      exitCode: null,
      signal: null,
      startedAt: known?.beganAt ?? null,
      endedAt: new Date(this.#options.clock.now()).toISOString(),
      outputBytes: output.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
      droppedBytes: 0,
      ...how,
    };
  }

  #emit(frame: RunFrame): void {
    if (this.#isConnected) this.#options.emit(frame);
  }
}

function read(text: string): Order | null {
  try {
    const checked = checkOrder(JSON.parse(text));
    return checked.ok ? checked.value : null;
  } catch {
    return null;
  }
}
