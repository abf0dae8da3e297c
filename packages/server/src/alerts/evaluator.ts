// Looks at all rules, and makes the open alerts what they find. Every server has one; one at a time
// looks, by its lease on the home shard, and another goes on when that one is silent.
//
// Invariant: what has changed and what is to be told of it commit together, as the lease's owner.
// While the home shard is away nothing changes, and the next look catches up: an alert follows from
// what is found and from what is open, and not from what happened meanwhile.

import { randomUUID } from 'node:crypto';
import { bucketOf } from '../store/buckets.js';
import { askHome, atHome } from '../store/home.js';
import { assertOwner, giveLease, type Lease, takeLease } from '../store/leases.js';
import type { Log, Store } from '../store/store.js';
import { type Difference, differenceOf, type OpenAlert } from './difference.js';
import { type Findings, findCampaigns, findHosts, findJobs, silentShards } from './findings.js';
import { addStartingRules, HOST_CHECKS, RULE_COLUMNS, type RuleRow } from './rules.js';
import { resolve, writeDifference } from './write.js';

export interface EvaluatorOptions {
  readonly store: Store;
  /** The name of this server. */
  readonly server: string;
  /** Milliseconds that only go on. */
  readonly now: () => number;
  readonly log: Log;
}

export interface Looked {
  readonly opened: number;
  readonly resolved: number;
}

const LEASE = 'alerts';
/** Longer than a look takes when shards keep it waiting. */
const LEASE_SECONDS = 90;
/** After a longer pause nobody has watched the hosts, and they had nowhere to connect to. */
const PAUSE_SECONDS = 300;

export class Evaluator {
  readonly #options: EvaluatorOptions;
  readonly #owner: string;
  #lease: Lease | null = null;
  #hasRules = false;
  /** Since when shards have been silent, by this server's own account. */
  readonly #silentSince = new Map<string, number>();

  constructor(options: EvaluatorOptions) {
    this.#options = options;
    this.#owner = `${options.server} ${randomUUID()}`;
  }

  /**
   * One look at all rules; null when another server does it.
   * @throws STORE_UNAVAILABLE when the home shard is away; LEASE_LOST
   */
  async look(): Promise<Looked | null> {
    const { store } = this.#options;
    const name = { name: LEASE, owner: this.#owner };
    const lease = await takeLease(store.home, name, LEASE_SECONDS);
    this.#lease = lease;
    if (lease === null) return null;
    if (!this.#hasRules) await atHome(store, addStartingRules);
    this.#hasRules = true;
    const known = await this.#known();
    const differences = await this.#differences(known);
    return this.#write(lease, known, differences);
  }

  /** Lets another server look at once. */
  async stop(): Promise<void> {
    if (this.#lease !== null) await giveLease(this.#options.store.home, this.#lease);
    this.#lease = null;
  }

  async #known(): Promise<Known> {
    const { store } = this.#options;
    const rules = await askHome<RuleRow>(
      store,
      `select ${RULE_COLUMNS} from alert_rules as r order by r.id`,
      [],
    );
    const open = await askHome<OpenAlert>(
      store,
      `select id, rule_id, subject, subject_name, host_id, labels, message
       from alerts where state = 'open' order by number`,
      [],
    );
    const [watch] = await askHome<{ seconds: number }>(
      store,
      `select extract(epoch from now() - since)::float8 as seconds from alert_watch
       where looked_at > now() - make_interval(secs => $1)`,
      [PAUSE_SECONDS],
    );
    return { rules, open, watchedSeconds: watch?.seconds ?? 0 };
  }

  async #differences({ rules, open, watchedSeconds }: Known) {
    const { store } = this.#options;
    const before = await store.refresh();
    const silent = await silentShards(store);
    const found = new Map<string, Findings>();
    for (const rule of rules) {
      if (rule.enabled) found.set(rule.id, await this.#find(rule, silent));
    }
    // A host that moved meanwhile may have been found on neither shard.
    const after = await store.refresh();
    const hasMoved = ({ host_id: host }: OpenAlert) =>
      host !== null && before.shardOf(bucketOf(host)) !== after.shardOf(bucketOf(host));
    const differences = new Map<RuleRow, Difference>();
    for (const rule of rules) {
      const findings = found.get(rule.id);
      if (findings === undefined) continue;
      const those = open.filter((alert) => alert.rule_id === rule.id && !hasMoved(alert));
      const mayOpen = rule.kind !== 'host_offline' || watchedSeconds >= rule.threshold * 60;
      differences.set(rule, differenceOf(those, findings, mayOpen));
    }
    return differences;
  }

  #find(rule: RuleRow, silent: ReadonlySet<string>): Promise<Findings> | Findings {
    const { store } = this.#options;
    if (rule.kind === 'job_failed') return findJobs(store, rule);
    if (rule.kind === 'campaign_waits') return findCampaigns(store, rule);
    if (HOST_CHECKS[rule.kind] === undefined) return this.#findShards(rule, silent);
    const answering = store.fleet.names.filter((shard) => !silent.has(shard));
    return findHosts(store, rule, answering);
  }

  #findShards({ threshold }: RuleRow, silent: ReadonlySet<string>): Findings {
    const now = this.#options.now();
    for (const shard of this.#silentSince.keys()) {
      if (!silent.has(shard)) this.#silentSince.delete(shard);
    }
    for (const shard of silent) {
      if (!this.#silentSince.has(shard)) this.#silentSince.set(shard, now);
    }
    const late = [...this.#silentSince].filter(([, at]) => now - at >= threshold * 60_000);
    const message = 'the shard does not answer; nothing is known of its hosts';
    return {
      found: late.map(([name]) => ({
        ...{ subject: name, name, hostId: null, labels: null, message },
      })),
      isJudged: (shard) => !silent.has(shard),
    };
  }

  #write(lease: Lease, known: Known, differences: ReadonlyMap<RuleRow, Difference>) {
    // Those of a rule that was removed, too: a look may have been under way then.
    const on = new Set(known.rules.filter(({ enabled }) => enabled).map(({ id }) => id));
    const ended = known.open.filter(({ rule_id: rule }) => !on.has(rule)).map(({ id }) => id);
    return atHome(this.#options.store, async (client): Promise<Looked> => {
      await assertOwner(client, lease);
      await client.query(
        `insert into alert_watch as w (since, looked_at) values (now(), now())
         on conflict (id) do update
           set looked_at = now(), since = case
             when w.looked_at > now() - make_interval(secs => $1) then w.since else now() end`,
        [PAUSE_SECONDS],
      );
      let [opened, resolved] = [0, ended.length];
      for (const [rule, difference] of differences) {
        if (isNothing(difference)) continue;
        opened += (await writeDifference(client, rule, difference)).length;
        resolved += difference.resolved.length;
      }
      await resolve(client, ended);
      return { opened, resolved };
    });
  }
}

interface Known {
  readonly rules: readonly RuleRow[];
  readonly open: readonly OpenAlert[];
  /** For how long hosts have been watched without a pause. */
  readonly watchedSeconds: number;
}

function isNothing({ opened, changed, resolved }: Difference): boolean {
  return opened.length + changed.length + resolved.length === 0;
}
