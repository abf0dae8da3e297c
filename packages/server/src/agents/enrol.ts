// A host becomes known: a token is redeemed, the host gets its row and its first certificate.
//
// Its id follows from its key, so an enrolment whose answer was lost can be repeated: it finds the
// host that is there already, and uses the token no second time.

import { HalflapError } from '@halflap/protocol';
import type { Enrolled, EnrolmentAsked } from '@halflap/protocol/agent';
import type { ClientBase } from 'pg';
import type { Authority } from '../authority/authority.js';
import type { HostCertificate } from '../authority/certificates.js';
import { keyOf } from '../authority/certificates.js';
import { bucketOf } from '../store/buckets.js';
import { digestId } from '../store/digest-id.js';
import type { Store } from '../store/store.js';
import { noteEvent } from './events.js';
import { writeKept } from './trust.js';

/** What a token says about the hosts that enrol with it. */
export interface Enrolment {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly needsApproval: boolean;
}

/**
 * Within a transaction of the home shard. The same host may redeem the same token again.
 * @throws ENROLMENT_REFUSED
 */
export type Redeem = (
  client: ClientBase,
  asked: { readonly token: string; readonly host: string },
) => Promise<Enrolment>;

export interface EnrolOptions {
  readonly store: Store;
  readonly authority: Authority;
  readonly redeem: Redeem;
}

/** @throws ENROLMENT_REFUSED, API_INVALID for a request that is none, STORE_UNAVAILABLE. */
export async function enrol(options: EnrolOptions, asked: EnrolmentAsked): Promise<Enrolled> {
  const { store, authority, redeem } = options;
  const host = digestId(await keyOfRequest(asked.request));
  const enrolment = await store.home.transaction((client) =>
    redeem(client, { token: asked.token, host }),
  );
  const certificate = await authority.issueHost(host, asked.request);
  const keys = authority.orderKeys.map(({ id, publicKey }) => ({ id, publicKey }));
  const state = await store.withHost(host, async (client) => {
    const found = await writeHost(client, { host, asked, enrolment });
    await keepCertificate(client, host, certificate);
    await writeKept(client, host, {
      ...{ keys: keys.map(({ id }) => id), authorities: authority.pins },
      certificate: `sha256:${certificate.fingerprint}`,
    });
    return found;
  });
  return { host, state, chain: certificate.pem, authorities: authority.certificates, keys };
}

/** In the transaction that has the host's bucket. */
export async function keepCertificate(
  client: ClientBase,
  host: string,
  certificate: HostCertificate,
): Promise<void> {
  const { serial, fingerprint, authority, notBefore, notAfter } = certificate;
  await client.query(
    `insert into host_certificates
       (serial, host_id, fingerprint, authority, not_before, not_after)
     values ($1, $2, $3, $4, $5, $6)`,
    [serial, host, fingerprint, authority, notBefore, notAfter],
  );
}

async function keyOfRequest(request: string): Promise<Uint8Array> {
  try {
    return await keyOf(request);
  } catch (cause) {
    throw new HalflapError('API_INVALID', 'request: not a certificate request', {
      hint: 'send one in PKCS #10, as PEM, signed by its own key',
      cause,
    });
  }
}

interface NewHost {
  readonly host: string;
  readonly asked: EnrolmentAsked;
  readonly enrolment: Enrolment;
}

async function writeHost(
  client: ClientBase,
  { host, asked, enrolment }: NewHost,
): Promise<Enrolled['state']> {
  const wanted = enrolment.needsApproval ? 'pending' : 'active';
  const { rowCount } = await client.query(
    `insert into hosts
       (id, bucket, state, hostname, labels, enrolment_id, machine_id, agent_version)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (id) do nothing`,
    [
      host,
      bucketOf(host),
      wanted,
      asked.hostname,
      JSON.stringify(enrolment.labels),
      enrolment.id,
      asked.machineId,
      asked.agentVersion,
    ],
  );
  if (rowCount === 1) {
    await noteEvent(client, host, { kind: 'enrolled', message: `${asked.hostname} has enrolled` });
    return wanted;
  }
  const { rows } = await client.query<{ state: string }>('select state from hosts where id = $1', [
    host,
  ]);
  const state = rows[0]?.state;
  if (state === 'active' || state === 'pending') return state;
  throw new HalflapError('ENROLMENT_REFUSED', `host ${host} has been revoked`, {
    hint: 'remove the state directory of its agent, which then makes a new key, and enrol again',
  });
}
