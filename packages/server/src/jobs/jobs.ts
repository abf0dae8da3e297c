// Jobs, as a server starts and stops them: one part drives jobs, the other speaks with agents.

import type { Duty } from '../agents/session.js';
import type { Authority } from '../authority/authority.js';
import type { Log, Store } from '../store/store.js';
import { Delivery } from './delivery.js';
import type { Doorbell } from './doorbell.js';
import { Driver } from './driver.js';
import { type Followed, follow, News } from './follow.js';
import type { Pieces } from './output.js';

export interface JobsOptions {
  readonly store: Store;
  readonly authority: Authority;
  readonly doorbell: Doorbell;
  /** The name of this server. */
  readonly server: string;
  /** After this time of silence another server goes on with the jobs that this one drives. */
  readonly leaseSeconds: number;
  readonly log: Log;
}

export interface Jobs {
  /** What the agents' endpoint tells of sessions. */
  readonly duty: Duty;
  /** A job was made or cancelled: it is looked at without delay. */
  kick(): void;
  /** @see follow */
  follow(run: Followed, signal: AbortSignal): AsyncGenerator<Pieces, void, undefined>;
  /** Idempotent. The endpoint has stopped before. */
  stop(): Promise<void>;
}

export function startJobs(options: JobsOptions): Jobs {
  const { store, authority, doorbell, server, leaseSeconds, log } = options;
  const news = new News();
  const driver = new Driver({ store, doorbell, server, leaseSeconds, log });
  const kick = () => driver.kick();
  const duty = new Delivery({ store, authority, doorbell, server, log, news, onEnded: kick });
  return {
    duty,
    kick,
    follow: (run, signal) => follow({ store, news }, run, signal),
    async stop() {
      await Promise.all([driver.stop(), duty.stop()]);
    },
  };
}
