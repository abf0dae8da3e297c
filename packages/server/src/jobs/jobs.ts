// Jobs, as a server starts and stops them: one part drives jobs, the other speaks with agents.

import type { Duty } from '../agents/session.js';
import type { Authority } from '../authority/authority.js';
import type { Log, Store } from '../store/store.js';
import { Delivery } from './delivery.js';
import type { Doorbell } from './doorbell.js';
import { Driver } from './driver.js';
import { Endings } from './endings.js';
import { type Followed, follow, News } from './follow.js';
import { settleEnded } from './give-up.js';
import type { Pieces } from './output.js';
import { purgeJobs } from './purge.js';

export interface JobsOptions {
  readonly store: Store;
  readonly authority: Authority;
  readonly doorbell: Doorbell;
  /** The name of this server. */
  readonly server: string;
  /** After this time of silence another server goes on with the jobs that this one drives. */
  readonly leaseSeconds: number;
  /** How long a job is kept after its end. */
  readonly keptDays: number;
  readonly log: Log;
}

export interface Jobs {
  /** What the agents' endpoint tells of sessions. */
  readonly duty: Duty;
  /** A job was made, or this one cancelled: it is looked at without delay. */
  kick(job?: string): void;
  /** @see follow */
  follow(run: Followed, signal: AbortSignal): AsyncGenerator<Pieces, void, undefined>;
  /** Idempotent. The endpoint has stopped before. */
  stop(): Promise<void>;
}

/** How often old jobs are looked for. */
const PURGE_MS = 3600 * 1000;
/** How often it is looked whether shards that were given up are back. */
const SETTLE_MS = 15_000;

export function startJobs(options: JobsOptions): Jobs {
  const { store, authority, doorbell, server, leaseSeconds, log } = options;
  const news = new News();
  const driver = new Driver({ store, doorbell, server, leaseSeconds, log });
  const endings = new Endings({ store, doorbell, log });
  const changed = (job: string) => {
    if (!driver.kick(job)) endings.add(job);
  };
  const unsubscribe = doorbell.onEnded((ended) => {
    for (const job of ended) driver.kick(job);
  });
  const duty = new Delivery({ store, authority, doorbell, server, log, news, onEnded: changed });
  const purge = () =>
    purgeJobs(store, options.keptDays, log).catch((error) =>
      log.warn({ error }, 'old jobs were not taken away'),
    );
  const purging = setInterval(() => void purge(), PURGE_MS);
  const settle = () =>
    settleEnded(store).catch((error) => log.warn({ error }, 'runs that were given up stay open'));
  const settling = setInterval(() => void settle(), SETTLE_MS);
  return {
    duty,
    kick(job) {
      if (job === undefined) driver.kick();
      else changed(job);
    },
    follow: (run, signal) => follow({ store, news }, run, signal),
    async stop() {
      clearInterval(purging);
      clearInterval(settling);
      unsubscribe();
      await Promise.all([driver.stop(), duty.stop(), endings.stop()]);
    },
  };
}
