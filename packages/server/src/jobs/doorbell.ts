// Tells a server that there is something for hosts whose sessions it has. It may be lost, early or
// late: whoever hears it looks into the store, and looks there anyway every few seconds.

import { checkOf } from '@halflap/protocol/agent';
import { Type } from 'typebox';
import type { Bus } from '../bus/bus.js';
import type { Place } from '../store/many-hosts.js';
import type { Log } from '../store/store.js';

export interface Doorbell {
  /** Resolves when it listens; what comes before that is found by looking. */
  readonly begun: Promise<void>;
  /** There is something for these hosts; in the transaction that makes the news. */
  ring(place: Place, server: string, hosts: readonly string[]): Promise<void>;
  /** @returns what ends it. */
  on(server: string, heard: Heard): () => void;
  /** Runs of these jobs have ended: whoever drives one may go on. */
  ended(place: Place, jobs: readonly string[]): Promise<void>;
  /** @returns what ends it. */
  onEnded(heard: Heard): () => void;
}

type Heard = (ids: readonly string[]) => void;

/** Who listens in this process, by what he listens for. */
class Listeners {
  readonly #heard = new Map<string, Set<Heard>>();

  add(name: string, heard: Heard): () => void {
    const before = this.#heard.get(name) ?? new Set();
    this.#heard.set(name, before.add(heard));
    return () => {
      before.delete(heard);
    };
  }

  tell(name: string, ids: readonly string[]): void {
    for (const heard of this.#heard.get(name) ?? []) heard(ids);
  }
}

const ENDED = 'ended';
const toServer = (server: string) => `server ${server}`;

const TOPICS = { released: 'jobs.released', ended: 'jobs.ended' } as const;
const MOST_IDS = 1000;
const ids = () => Type.Array(Type.String(), { maxItems: MOST_IDS });
const checkReleased = checkOf(Type.Object({ server: Type.String(), hosts: ids() }));
const checkEnded = checkOf(Type.Object({ jobs: ids() }));

/** Between all servers, by the bus, whose broker may be away. */
export function busDoorbell(bus: Bus, log: Log): Doorbell {
  const listeners = new Listeners();
  const begun = bus.follow({
    name: 'jobs',
    topics: Object.values(TOPICS),
    handle: async ({ topic, body }) => {
      const released = topic === TOPICS.released ? checkReleased(body) : null;
      if (released?.ok) listeners.tell(toServer(released.value.server), released.value.hosts);
      const ended = topic === TOPICS.ended ? checkEnded(body) : null;
      if (ended?.ok) listeners.tell(ENDED, ended.value.jobs);
    },
    onMissed: (why) => log.debug({ why }, 'news of jobs may have been missed'),
  });
  return {
    begun,
    async ring({ client, shard }, server, hosts) {
      await bus.publish(shard, client, { topic: TOPICS.released, body: { server, hosts } });
    },
    on: (server, heard) => listeners.add(toServer(server), heard),
    async ended({ client, shard }, jobs) {
      const body = { jobs: jobs.slice(0, MOST_IDS) };
      await bus.publish(shard, client, { topic: TOPICS.ended, body });
    },
    onEnded: (heard) => listeners.add(ENDED, heard),
  };
}
