// What the home shard says of the cluster: its keys, jobs that nobody drives, the audit log's end.

import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import type { ClientBase } from 'pg';
import { type Verified, verifyAuditEnd } from '../audit/verify.js';
import { unseal } from '../authority/sealing.js';
import type { StoreShard } from '../store/install.js';
import { type LookOptions, lookAt } from './store-facts.js';

export interface KeyFacts {
  readonly id: string;
  readonly kind: 'authority' | 'orders';
  readonly createdAt: Date;
  /** Null for a key without an end. */
  readonly expiresAt: Date | null;
  /** SHA-256 of the public part, in hexadecimal digits. */
  readonly fingerprint: string;
  /** Whether it opens with the servers' secret; null where that is not known. */
  readonly opens: boolean | null;
}

export interface HomeFacts {
  readonly keys: readonly KeyFacts[];
  /**
   * In PEM: what the certificates of this cluster are from, two while one is replaced; null before
   * a server made one.
   */
  readonly authority: string | null;
  /** Of the last AUDIT_ENTRIES. */
  readonly audit: Verified;
  readonly jobs: {
    readonly open: number;
    /** Open ones without a server, for longer than any server needs to take one over. */
    readonly undriven: number;
  };
  readonly users: number;
  /** Deliveries of alerts that nobody has tried for long. */
  readonly overdueDeliveries: number;
}

/** Entries of the audit log that a quick look checks. */
export const AUDIT_ENTRIES = 1000;
/** Some leases of a job. */
const UNDRIVEN_SECONDS = 60;
const OVERDUE_SECONDS = 300;

/**
 * @param secret the servers' own; undefined where it is not known
 * @throws what PostgreSQL and its driver do: no connection, no store of this release.
 */
export function readHomeFacts(
  home: StoreShard,
  secret: Buffer | undefined,
  options: LookOptions,
): Promise<HomeFacts> {
  return lookAt(home, options, async (client) => {
    const { rows } = await client.query<KeyRow>(KEYS);
    const counts = await client.query<CountRow>(COUNTS, [UNDRIVEN_SECONDS, OVERDUE_SECONDS]);
    const roots = rows
      .filter(({ kind }) => kind === 'authority')
      .map(({ public_part: pem }) => pem);
    const [counted] = counts.rows;
    if (counted === undefined) throw new Error('a count has no row');
    const { open, undriven, users, overdue } = counted;
    return {
      keys: rows.map((row) => keyFacts(row, secret)),
      authority: roots.length === 0 ? null : roots.join('\n'),
      audit: await auditEnd(client),
      jobs: { open, undriven },
      users,
      overdueDeliveries: overdue,
    };
  });
}

const auditEnd = (client: ClientBase) => verifyAuditEnd(client, AUDIT_ENTRIES);

interface KeyRow {
  readonly id: string;
  readonly kind: 'authority' | 'orders';
  readonly public_part: string;
  readonly sealed: Buffer;
  readonly created_at: Date;
}

function keyFacts(row: KeyRow, secret: Buffer | undefined): KeyFacts {
  const { id, kind, created_at: createdAt, public_part: text } = row;
  const opens = secret === undefined ? null : doesOpen(row, secret);
  if (kind === 'authority') {
    const certificate = new X509Certificate(text);
    const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
    return { id, kind, createdAt, expiresAt: new Date(certificate.validTo), fingerprint, opens };
  }
  const der = createPublicKey(text).export({ type: 'spki', format: 'der' });
  return { id, kind, createdAt, expiresAt: null, fingerprint: digest(der), opens };
}

function doesOpen({ kind, sealed }: KeyRow, secret: Buffer): boolean {
  try {
    unseal(secret, `${kind} key`, sealed);
    return true;
  } catch {
    return false;
  }
}

function digest(der: Buffer): string {
  return createHash('sha256').update(der).digest('hex');
}

const KEYS = `
select id, kind, public_part, sealed, created_at
from cluster_keys
where retired_at is null
order by kind, created_at`;

interface CountRow {
  readonly open: number;
  readonly undriven: number;
  readonly users: number;
  readonly overdue: number;
}

const COUNTS = `
select count(j.id)::int as open,
  count(j.id) filter (
    where coalesce(l.expires_at, j.created_at) < now() - make_interval(secs => $1)
  )::int as undriven,
  (select count(*)::int from users where state = 'active') as users,
  (select count(*)::int from alert_deliveries
    where state = 'pending' and next_attempt_at < now() - make_interval(secs => $2)) as overdue
from jobs j
left join leases l on l.name = 'job/' || j.id
where j.state in ('running', 'stopping')`;
