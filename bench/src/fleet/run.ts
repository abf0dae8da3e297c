// The run: three servers over four shards, agents, jobs, changing facts; each server in turn dies
// and comes back, and so does a shard; then the verdict.

import { openGate } from '../app/gate.js';
import { type FleetChild, type Ground, lasting, withGround } from '../app/ground.js';
import type { HostFacts } from '../simulator/host-facts.js';
import type { LedgerLine } from '../simulator/ledger.js';
import { type Chance, chanceFrom } from './chance.js';
import type { FleetRunOptions } from './options.js';
import { Place } from './places.js';
import { keepReading } from './reading.js';
import { Account, Asker } from './requests.js';
import { judge, type Verdict } from './verdict.js';
import { keepWorking } from './work.js';

export interface Failure {
  /** Of whom: a server that is killed, a shard that is cut off. */
  readonly what: string;
  /** From the failure on, until the server serves again or the shard is open again. */
  readonly downMs: number;
  /** From the failure on, until every agent has a session. */
  readonly allBackMs: number;
}

export interface FleetReport extends Verdict {
  readonly enrolMs: number;
  readonly failures: readonly Failure[];
  /** From the last failure's end until every job has ended and every fact is stored. */
  readonly settleMs: number;
  readonly changes: number;
  readonly account: Account;
}

const SHARDS = 4;
const SERVERS = ['ada', 'ben', 'cleo'];
/** Rows of choices. */
const ROWS = { failures: 1, work: 10, reading: 20 } as const;
const LANES = 2;
const LOOK_SECONDS = 0.1;

type Tell = (line: string) => void;

export function runFleet(options: FleetRunOptions, tell: Tell): Promise<FleetReport> {
  return withGround({ shards: SHARDS, isDurable: false }, async (ground) => {
    const chance = chanceFrom(options.seed, ROWS.failures);
    // The home shard's loss takes everything along but what is under way: it has tests of its own.
    const cut = chance.pick(ground.shards.slice(1));
    const gate = await openGate(cut.url);
    try {
      const shards = ground.shards.map((one) => (one === cut ? { ...one, url: gate.url } : one));
      const places = SERVERS.map(
        (name) =>
          new Place(name, (_, ports) =>
            ground.startServer(options.pace, { name, shards, ...(ports !== null && { ports }) }),
          ),
      );
      await Promise.all(places.map((place) => place.start()));
      return await new Run({ options, ground, chance, places, tell }).play({ ...cut, gate });
    } finally {
      await gate.close();
    }
  });
}

interface RunParts {
  readonly options: FleetRunOptions;
  readonly ground: Ground;
  readonly chance: Chance;
  readonly places: readonly Place[];
  readonly tell: Tell;
}

interface CutShard {
  readonly name: string;
  readonly gate: Awaited<ReturnType<typeof openGate>>;
}

/** What goes on beside the failures, and how it is ended. */
interface Going {
  /** No further job; resolves with the ids of all that were made. */
  endWork(): Promise<string[]>;
  endReading(): Promise<void>;
}

class Run {
  readonly #parts: RunParts;
  readonly #account = new Account();
  readonly #asker: Asker;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#asker = new Asker(this.#account, parts.ground.token);
  }

  async play(cut: CutShard): Promise<FleetReport> {
    const { options, tell, chance, places } = this.#parts;
    const fleet = await this.#enrol();
    const { hosts } = fleet.ready;
    const going = this.#go(hosts);
    const failures: Failure[] = [];
    const acts = [
      ...places.map((place) => () => this.#kill(fleet, place)),
      () => this.#cut(fleet, cut),
    ];
    for (const act of chance.shuffled(acts)) {
      await lasting(chance.between(0, 2 * options.calmMs) / 1000);
      const failure = await act();
      failures.push(failure);
      tell(`${failure.what}: all agents are back ${seconds(failure.allBackMs)} after it`);
    }
    const endedAt = performance.now();
    const made = await going.endWork();
    await this.#allEnded();
    tell(`${made.length} jobs have ended`);
    await fleet.ask('rest');
    await fleet.ask('until', { open: options.agents });
    const settleMs = performance.now() - endedAt;
    await going.endReading();
    const { enrolMs } = fleet.ready;
    const verdict = await this.#judge(fleet, made);
    const { reported: changes } = await fleet.ask<{ readonly reported: number }>('state');
    return { ...verdict, enrolMs, failures, settleMs, changes, account: this.#account };
  }

  async #enrol(): Promise<FleetChild> {
    const { options, ground, places, tell } = this.#parts;
    const { agents, seed, haste, changesPerSecond, orderMs } = options;
    tell(`${agents} agents enrol with ${places.length} servers`);
    const servers = places.flatMap(({ child }) => child ?? []);
    const orders = { mostMs: orderMs, seed };
    const size = { count: agents, isBrief: false, changesPerSecond, haste, orders };
    const fleet = await ground.startFleet(servers, size);
    await fleet.ask('untilReported', { reported: agents });
    await fleet.ask('until', { open: agents });
    tell(`all have told all of their facts; jobs and failures begin`);
    return fleet;
  }

  #go(hosts: readonly string[]): Going {
    const { options, places } = this.#parts;
    const { seed, jobHosts: mostHosts, readerPauseMs: pauseMs } = options;
    const [working, reading] = [new AbortController(), new AbortController()];
    const asker = this.#asker;
    const lanes = Array.from({ length: LANES }, (_, at) =>
      keepWorking({
        ...{ places, asker, hosts, mostHosts, signal: working.signal },
        chance: chanceFrom(seed, ROWS.work + at),
      }),
    );
    const readers = places.map((place, at) =>
      keepReading({
        ...{ place, asker, hosts, pauseMs, signal: reading.signal },
        chance: chanceFrom(seed, ROWS.reading + at),
      }),
    );
    return {
      async endWork() {
        working.abort();
        return (await Promise.all(lanes)).flat();
      },
      async endReading() {
        reading.abort();
        await Promise.all(readers);
      },
    };
  }

  async #kill(fleet: FleetChild, place: Place): Promise<Failure> {
    const { options, chance } = this.#parts;
    const beganAt = performance.now();
    await place.kill();
    const allBack = this.#allBack(fleet, beganAt);
    await lasting(chance.between(0, options.calmMs) / 1000);
    await place.start();
    const downMs = performance.now() - beganAt;
    return { what: `server ${place.name} is killed`, downMs, allBackMs: await allBack };
  }

  async #cut(fleet: FleetChild, { name, gate }: CutShard): Promise<Failure> {
    const { options, chance } = this.#parts;
    const how = chance.shuffled(['shut', 'silent'] as const);
    const beganAt = performance.now();
    for (const mode of how) {
      gate.set(mode);
      await lasting(options.cutMs / how.length / 1000);
    }
    gate.set('open');
    const downMs = performance.now() - beganAt;
    const allBackMs = await this.#allBack(fleet, beganAt);
    return { what: `shard ${name} is cut off, ${how.join(', then ')}`, downMs, allBackMs };
  }

  /** Agents do not notice at once that their server is gone; it may have had none. */
  async #allBack(fleet: FleetChild, beganAt: number): Promise<number> {
    const { agents } = this.#parts.options;
    await Promise.race([fleet.ask('below', { open: agents }), lasting(1)]);
    await fleet.ask('until', { open: agents });
    return performance.now() - beganAt;
  }

  async #allEnded(): Promise<void> {
    const { store } = this.#parts.ground;
    for (;;) {
      const { rows } = await store.home.query(
        'select from jobs where ended_at is null limit 1',
        [],
      );
      if (rows.length === 0) return;
      await lasting(LOOK_SECONDS);
    }
  }

  async #judge(fleet: FleetChild, made: readonly string[]): Promise<Verdict> {
    const { ground, places } = this.#parts;
    const { open } = await fleet.ask<{ readonly open: number }>('state');
    const ledger = await fleet.ask<{ runs: LedgerLine[]; strays: number }>('ledger');
    const verdict = await judge({
      store: ground.store,
      servers: places.map(({ name }) => name),
      facts: await fleet.ask<HostFacts[]>('facts'),
      ...{ ledger: ledger.runs, strays: ledger.strays, open, made },
    });
    const { faults } = this.#account;
    const promise = 'every request to a living server was answered, or refused clearly';
    return { ...verdict, promises: [...verdict.promises, { promise, faults }] };
  }
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
