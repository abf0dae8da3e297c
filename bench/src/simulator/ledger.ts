// What really happened with orders on all simulated hosts, whatever servers believe: a test asks it
// whether anything ran twice, ran elsewhere, or never ran.

export interface RunEntry {
  readonly host: string;
  /** How often a server sent it. */
  readonly taken: number;
  /** How often it was begun: once, or something is wrong. */
  readonly begun: number;
  readonly ended: number;
}

/** Of the run of that id. */
export interface LedgerLine extends RunEntry {
  readonly run: string;
}

export class Ledger {
  readonly #runs = new Map<string, RunEntry>();
  /** Orders that came to another host than they name, or that are no orders. */
  readonly strays: string[] = [];

  note(run: string, host: string, what: 'taken' | 'begun' | 'ended'): void {
    const before = this.#runs.get(run) ?? { host, taken: 0, begun: 0, ended: 0 };
    this.#runs.set(run, { ...before, [what]: before[what] + 1 });
  }

  get runs(): ReadonlyMap<string, RunEntry> {
    return this.#runs;
  }

  /** Ids of runs that were begun more than once. */
  get ranTwice(): string[] {
    return [...this.#runs].filter(([, { begun }]) => begun > 1).map(([run]) => run);
  }
}
