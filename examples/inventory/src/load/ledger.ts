// What one generator knows for certain: every write that a server acknowledged, kept outside of all
// servers and databases.
//
// Invariant: a host's edits come from its owner alone, one at a time, so `facts` is the last
// value that was acknowledged; heartbeats come from everybody and only add up.

import type { Edit } from './dialect.js';
import { type Facts, hostName, initialFacts } from './facts.js';
import type { LedgerReport } from './messages.js';

export interface Entry {
  readonly name: string;
  /** Whether this generator is the one that edits it. */
  readonly isOwned: boolean;
  exists: boolean;
  facts: Facts;
  /** Heartbeats before this generator sent any. */
  readonly initialHeartbeats: number;
  events: number;
  isUncertain: boolean;
  /** An edit is on its way: what a read may find is not known. */
  isBusy: boolean;
  /** Grows with every change of facts and existence, to notice one during a read. */
  version: number;
  /** Heartbeats of this generator that are on their way. */
  beating: number;
  isTouched: boolean;
}

const NOTHING: Facts = {
  owner: '',
  site: null,
  memoryMb: null,
  tags: [],
  status: '',
  reason: null,
};

export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #created: Entry[] = [];
  readonly #heartbeats = new Map<string, number>();
  acknowledged = 0;

  /** A host that the loader wrote. */
  initial(index: number, isOwned: boolean): Entry {
    const name = hostName(index);
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const { heartbeats, ...facts } = initialFacts(index);
    return this.#add({ name, isOwned, facts, initialHeartbeats: heartbeats, exists: true });
  }

  /** A host that is about to be created; its later incarnations keep the entry. */
  fresh(name: string): Entry {
    const entry = { name, isOwned: true, facts: NOTHING, initialHeartbeats: 0, exists: false };
    const added = this.#add(entry);
    this.#created.push(added);
    return added;
  }

  /** The hosts that this generator made, whether they still exist or not. */
  createdHosts(): readonly Entry[] {
    return this.#created;
  }

  edited(entry: Entry, edit: Edit): void {
    this.#wrote(entry);
    entry.facts = { ...entry.facts, ...edit };
  }

  statusSet(entry: Entry, status: string, reason: string | null): void {
    this.#wrote(entry);
    entry.facts = { ...entry.facts, status, reason };
    entry.events += 1;
  }

  created(entry: Entry, facts: Facts): void {
    this.#wrote(entry);
    entry.exists = true;
    entry.facts = facts;
    entry.events = 1;
    this.#heartbeats.set(entry.name, 0);
  }

  deleted(entry: Entry): void {
    this.#wrote(entry);
    entry.exists = false;
    this.#heartbeats.delete(entry.name);
  }

  /** Counts only for the incarnation to which it was sent. */
  beat(entry: Entry, isSameLife: boolean): void {
    this.acknowledged += 1;
    if (isSameLife) this.#heartbeats.set(entry.name, this.heartbeats(entry) + 1);
  }

  heartbeats(entry: Entry): number {
    return this.#heartbeats.get(entry.name) ?? 0;
  }

  report(): LedgerReport {
    const owned = [...this.#entries.values()].filter((entry) => entry.isTouched);
    return {
      kind: 'ledger',
      owned: owned.map(({ name, exists, facts, events, isUncertain }) => ({
        name,
        exists,
        facts,
        events,
        isUncertain,
      })),
      heartbeats: Object.fromEntries(this.#heartbeats),
      acknowledged: this.acknowledged,
    };
  }

  #wrote(entry: Entry): void {
    this.acknowledged += 1;
    entry.version += 1;
    entry.isTouched = true;
  }

  #add(known: Pick<Entry, 'name' | 'isOwned' | 'facts' | 'initialHeartbeats' | 'exists'>): Entry {
    const entry: Entry = {
      ...known,
      events: 0,
      isUncertain: false,
      isBusy: false,
      version: 0,
      beating: 0,
      isTouched: false,
    };
    this.#entries.set(entry.name, entry);
    return entry;
  }
}
