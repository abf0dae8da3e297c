// Rules: what they look at, and those that a new cluster has.
//
// Each kind has one statement, which a shard answers for all of its hosts at once: in place of a
// threshold and a selector for each host, both are values of the statement.

import type { ClientBase } from 'pg';

export const SEVERITIES = ['info', 'warning', 'error'] as const;
export type Severity = (typeof SEVERITIES)[number];

interface Kind {
  /** Of its threshold. */
  readonly unit: string;
  readonly most: number;
  /** Whether it is about hosts, and may have a selector. */
  readonly of: 'hosts' | 'fleet';
}

export const KINDS = {
  host_offline: { unit: 'minutes', most: 525_600, of: 'hosts' },
  service_failed: { unit: 'services', most: 1000, of: 'hosts' },
  security_updates: { unit: 'packages', most: 100_000, of: 'hosts' },
  reboot_needed: { unit: 'days since it was booted', most: 3650, of: 'hosts' },
  disk_full: { unit: 'percent', most: 100, of: 'hosts' },
  shard_unreachable: { unit: 'minutes', most: 1440, of: 'fleet' },
  job_failed: { unit: 'hours for which it is shown', most: 8760, of: 'fleet' },
  campaign_waits: { unit: 'minutes', most: 525_600, of: 'fleet' },
} as const satisfies Record<string, Kind>;

export type RuleKind = keyof typeof KINDS;
export const RULE_KINDS = Object.keys(KINDS) as readonly RuleKind[];

export type RuleRow = {
  readonly id: string;
  readonly kind: RuleKind;
  readonly selector: string | null;
  readonly threshold: number;
  readonly severity: Severity;
  readonly enabled: boolean;
};

/** What a RuleRow is selected by, of `alert_rules as r`. */
export const RULE_COLUMNS = 'r.id, r.kind, r.selector, r.threshold, r.severity, r.enabled';

type Start = readonly [id: string, kind: RuleKind, threshold: number, severity: Severity];

/** Each is one that somebody would want to be woken for, or would want to read in the morning. */
const STARTING: readonly Start[] = [
  // An agent comes back within a minute after its server has gone.
  ['host-offline', 'host_offline', 10, 'warning'],
  ['service-failed', 'service_failed', 1, 'warning'],
  ['security-updates', 'security_updates', 1, 'info'],
  ['reboot-needed', 'reboot_needed', 0, 'info'],
  ['disk-nearly-full', 'disk_full', 90, 'warning'],
  ['disk-full', 'disk_full', 97, 'error'],
  ['shard-unreachable', 'shard_unreachable', 1, 'error'],
  ['job-failed', 'job_failed', 24, 'warning'],
  ['campaign-waits', 'campaign_waits', 0, 'warning'],
];

/**
 * Puts the rules of a new cluster there, when nobody has looked at rules before: one that was
 * removed does not come back.
 */
export async function addStartingRules(client: Pick<ClientBase, 'query'>): Promise<void> {
  const [ids, kinds, thresholds, severities] = [0, 1, 2, 3].map((at) =>
    STARTING.map((rule) => rule[at]),
  );
  await client.query(
    `with first_look as (
       insert into alert_watch (since, looked_at) values (now(), now())
       on conflict (id) do nothing
       returning id
     )
     insert into alert_rules (id, kind, threshold, severity)
     select r.*
     from unnest($1::text[], $2::text[], $3::int[], $4::text[]) as r, first_look
     on conflict (id) do nothing`,
    [ids, kinds, thresholds, severities],
  );
}

interface HostCheck {
  /** What must hold of `h`, or of what `from` adds; the threshold is at `$1`. */
  readonly condition: string;
  readonly message: string;
  readonly from?: string;
}

const OFFLINE_SINCE = 'coalesce(greatest(h.session_expires_at, h.last_seen_at), h.enrolled_at)';

/** Of kinds that are about hosts: of `hosts as h`. */
export const HOST_CHECKS: Readonly<Partial<Record<RuleKind, HostCheck>>> = {
  host_offline: {
    condition: `${OFFLINE_SINCE} <= now() - make_interval(mins => $1::int)`,
    message: `'its agent is not connected'`,
  },
  service_failed: {
    condition: 'h.services_failed >= greatest($1::int, 1)',
    // What failed is asked for hosts of the answer only.
    message: `'failed: ' || coalesce((
      select string_agg(left(s.name, 100), ', ' order by s.name)
      from (
        select name from host_services
        where host_id = h.id and active_state = 'failed' order by name limit 5
      ) as s), h.services_failed || ' services')`,
  },
  security_updates: {
    condition: 'h.packages_security >= greatest($1::int, 1)',
    message: `'security fixes to install: ' || h.packages_security`,
  },
  reboot_needed: {
    condition: `h.reboot_reasons <> '{}'
      and coalesce(h.booted_at <= now() - make_interval(days => $1::int), true)`,
    message: `'wants to be booted again: ' || left(array_to_string(h.reboot_reasons, ', '), 200)`,
  },
  disk_full: {
    condition: 'd.fullest >= $1::int',
    message: `d.what`,
    from: `, lateral (
      select max(p.percent) as fullest,
        string_agg(p.mount || ' is ' || p.percent || ' % full', ', ' order by p.mount)
          filter (where p.percent >= $1::int) as what
      from (
        select left(disk ->> 'mount', 100) as mount,
          floor(100 * (disk ->> 'usedBytes')::numeric
            / nullif((disk ->> 'sizeBytes')::numeric, 0))::int as percent
        from jsonb_array_elements(h.disks) as disk
      ) as p) as d`,
  },
};
