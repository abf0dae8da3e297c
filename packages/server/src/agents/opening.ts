// A session begins: whether the host may, and the number by which it is the host's only one.

import type { Goodbye, Hello, Range } from '@halflap/protocol/agent';
import { commonRevision } from '@halflap/protocol/agent';
import type { Store } from '../store/store.js';

export interface Opening {
  readonly store: Store;
  readonly server: string;
  /** Revisions of the protocol that this server speaks. */
  readonly protocol: Range;
  /** How long the host counts as connected without a heartbeat. */
  readonly leaseSeconds: number;
}

/** Who connects, as its certificate says. */
export interface Peer {
  readonly host: string;
  /** SHA-256 of the certificate, in lower-case hexadecimal digits. */
  readonly fingerprint: string;
}

export interface Opened {
  readonly fence: number;
  readonly protocol: number;
  /** The revision of its facts that the store has. */
  readonly revision: number;
  /** The digest of the authority that its certificate is from. */
  readonly issuedBy: string;
}

export type Refusal = Omit<Goodbye, 'type'>;

/** How long a host that waits for approval, or speaks no common protocol, waits to ask again. */
const ASK_AGAIN_MS = { pending: 30_000, protocol: 300_000, revoked: 3_600_000 } as const;

/** Takes the session of a host away from whichever server had it. @throws STORE_UNAVAILABLE */
export async function openSession(
  { store, server, protocol: spoken, leaseSeconds }: Opening,
  peer: Peer,
  hello: Hello,
): Promise<Opened | Refusal> {
  const protocol = commonRevision(hello.protocol, spoken);
  if (protocol === null) {
    const { oldest, newest } = hello.protocol;
    return refuse(
      'protocol',
      `${oldest} to ${newest} against ${spoken.oldest} to ${spoken.newest}`,
    );
  }
  return store.withHost(peer.host, async (client) => {
    const { rows } = await client.query<Standing>(
      `select h.state, c.authority, c.revoked_at is null and c.serial is not null as is_good
       from hosts as h
       left join host_certificates as c on c.host_id = h.id and c.fingerprint = $2
       where h.id = $1
       for update of h`,
      [peer.host, peer.fingerprint],
    );
    const [found] = rows;
    if (found === undefined) return refuse('revoked', 'the host is not known any more');
    if (!found.is_good) return refuse('revoked', 'the certificate has been revoked');
    if (found.state === 'revoked') return refuse('revoked', 'the host has been revoked');
    if (found.state === 'pending') return refuse('pending', 'the host waits for approval');
    const values = [
      peer.host,
      server,
      leaseSeconds,
      hello.agentVersion,
      protocol,
      hello.allowed,
      JSON.stringify(hello.abilities),
      hello.fence ?? 0,
      ...[hello.kept?.keys ?? null, hello.kept?.authorities ?? null, found.authority],
    ];
    const opened = await client.query<{ fence: number; revision: number }>(
      `update hosts
       set fence = greatest(fence, $8::bigint) + 1, server = $2,
         connected_at = now(), last_seen_at = now(),
         session_expires_at = now() + make_interval(secs => $3),
         agent_version = $4, protocol = $5, allowed = $6, abilities = $7,
         trusted_keys = coalesce($9, trusted_keys),
         trusted_authorities = coalesce($10, trusted_authorities), certificate_authority = $11
       where id = $1
       returning fence::int, revision::int`,
      values,
    );
    const row = opened.rows[0];
    if (row === undefined) throw new Error('a row that is locked has gone');
    return { ...row, protocol, issuedBy: found.authority };
  });
}

type Standing = { state: string; authority: string; is_good: boolean };

function refuse(reason: keyof typeof ASK_AGAIN_MS, detail: string): Refusal {
  return { reason, detail, reconnectAfterMs: ASK_AGAIN_MS[reason] };
}
