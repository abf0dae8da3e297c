// Alerts, as a server starts and stops them: one part looks at rules, the other tells of alerts.

import { Rounds } from '../rounds.js';
import type { Log, Store } from '../store/store.js';
import { Evaluator } from './evaluator.js';
import { type SenderOptions, sendDue } from './sender.js';

export interface AlertsOptions extends SenderOptions {
  /** The name of this server. */
  readonly server: string;
  readonly now: () => number;
}

export interface Alerts {
  /** There is something to tell. */
  kick(): void;
  /** Ends after what is under way. Idempotent. */
  stop(): Promise<void>;
}

/** Between two looks at the rules, for what is due, and for what is old. */
const EVERY_MS = { look: 30_000, send: 5000, purge: 3600_000 } as const;
/** How long alerts are kept after they were resolved, with what was told of them. */
const KEPT_DAYS = 90;
/** Rows of one removal: the rest waits for the next one. */
const MOST_OLD = 5000;

export function startAlerts(options: AlertsOptions): Alerts {
  const { store, log } = options;
  const evaluator = new Evaluator(options);
  const sending = new Rounds(async () => {
    const tried = await logged(log, 'alerts were not sent', () => sendDue(options));
    return tried !== undefined && tried > 0 ? 0 : EVERY_MS.send;
  });
  const looking = new Rounds(async () => {
    const looked = await logged(log, 'rules were not looked at', () => evaluator.look());
    if (looked && looked.opened + looked.resolved > 0) sending.kick();
    return EVERY_MS.look;
  });
  const purging = new Rounds(async () => {
    await logged(log, 'old alerts were not taken away', () => purgeAlerts(store));
    return EVERY_MS.purge;
  });
  return {
    kick: () => sending.kick(),
    async stop() {
      await Promise.all([looking.stop(), sending.stop(), purging.stop()]);
      await logged(log, 'the lease of the rules was not given back', () => evaluator.stop());
    },
  };
}

/** Takes away what was resolved long ago, and gives up what no target was there for. */
export async function purgeAlerts(store: Store): Promise<void> {
  await store.home.query(
    `delete from alerts where id in (
       select id from alerts
       where state = 'resolved' and resolved_at < now() - make_interval(days => $1)
       order by resolved_at limit $2)`,
    [KEPT_DAYS, MOST_OLD],
  );
  await store.home.query(
    `delete from alert_deliveries
     where event = 'test' and made_at < now() - make_interval(days => $1)`,
    [KEPT_DAYS],
  );
  await store.home.query(
    `update alert_deliveries set state = 'given_up'
     where state = 'pending' and give_up_at <= now()
       and next_attempt_at <= now() - interval '1 hour'`,
    [],
  );
}

async function logged<Value>(log: Log, message: string, work: () => Promise<Value>) {
  try {
    return await work();
  } catch (error) {
    log.warn({ error }, message);
    return undefined;
  }
}
