// The cluster's own authority: whom its servers and agents trust, and what orders are signed with.
//
// Both keys are made by the first server that needs them, on the home shard, and sealed there
// (sealing.ts). All servers have the same; each keeps them in memory, so that a home shard that is
// away keeps no agent from connecting.

import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
} from 'node:crypto';
import type { ClientBase } from 'pg';
import type { Store } from '../store/store.js';
import {
  createAuthority,
  type HostCertificate,
  issueHost,
  issueServer,
  type Keys,
  pinOf,
} from './certificates.js';
import { seal, unseal } from './sealing.js';

export interface AuthorityOptions {
  /** SECRET_BYTES that only the servers of this cluster have. */
  readonly secret: Buffer;
  /** How long a host's certificate is good for; it is renewed at two thirds. */
  readonly hostCertificateDays: number;
  readonly clock: () => Date;
}

/** A key that orders are signed with: its id, and for agents its public half in PEM. */
export interface OrderKey {
  readonly id: string;
  readonly publicKey: string;
}

/** An endpoint's certificate outlasts any server's run; a server makes a new one when it starts. */
const SERVER_CERTIFICATE_DAYS = 825;

type KeyRow = { id: string; kind: Kind; public_part: string; sealed: Buffer };
type Kind = 'authority' | 'orders';

export class Authority {
  readonly #keys: Keys;
  readonly #orders: OrderKey & { readonly privateKey: KeyObject };
  readonly #options: AuthorityOptions;

  constructor(rows: readonly KeyRow[], options: AuthorityOptions) {
    const authority = rowOf(rows, 'authority');
    const orders = rowOf(rows, 'orders');
    const open = ({ kind, sealed }: KeyRow) => unseal(options.secret, `${kind} key`, sealed);
    this.#keys = { certificate: authority.public_part, privateKey: open(authority) };
    this.#orders = {
      id: orders.id,
      publicKey: orders.public_part,
      privateKey: createPrivateKey(open(orders)),
    };
    this.#options = options;
  }

  /** What agents trust, in PEM. */
  get certificate(): string {
    return this.#keys.certificate;
  }

  /** By which an agent knows the authority before it has it. */
  pin(): Promise<string> {
    return pinOf(this.#keys.certificate);
  }

  /** What agents check orders with. */
  get orderKeys(): readonly OrderKey[] {
    const { id, publicKey } = this.#orders;
    return [{ id, publicKey }];
  }

  /** @returns key id and signature, Ed25519, base64. */
  signOrder(text: string): { readonly key: string; readonly signature: string } {
    const { id, privateKey } = this.#orders;
    return { key: id, signature: sign(null, Buffer.from(text), privateKey).toString('base64') };
  }

  issueHost(id: string, request: string): Promise<HostCertificate> {
    const { hostCertificateDays: days, clock } = this.#options;
    return issueHost(this.#keys, { id, request, days }, clock());
  }

  issueServer(names: readonly string[]): Promise<Keys> {
    return issueServer(this.#keys, { names, days: SERVER_CERTIFICATE_DAYS }, this.#options.clock());
  }
}

/**
 * The authority of the store's cluster, made when there is none.
 * @throws CONFIG_INVALID when the servers' secret is not the one that it was made with.
 */
export async function openAuthority(store: Store, options: AuthorityOptions): Promise<Authority> {
  const rows = await store.home.transaction(async (client) => {
    await client.query('lock table cluster_keys in exclusive mode');
    const found = await readKeys(client);
    if (found.length > 0) return found;
    const { privateKey, certificate } = await createAuthority(options.clock());
    await keep(client, { kind: 'authority', privateKey, publicPart: certificate }, options);
    const pair = generateKeyPairSync('ed25519', {
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const orders = { privateKey: pair.privateKey, publicPart: pair.publicKey };
    await keep(client, { kind: 'orders', ...orders }, options);
    return readKeys(client);
  });
  return new Authority(rows, options);
}

async function readKeys(client: ClientBase): Promise<KeyRow[]> {
  const { rows } = await client.query<KeyRow>(
    'select id, kind, public_part, sealed from cluster_keys where retired_at is null',
  );
  return rows;
}

async function keep(
  client: ClientBase,
  made: { readonly kind: Kind; readonly privateKey: string; readonly publicPart: string },
  { secret, clock }: AuthorityOptions,
): Promise<void> {
  await client.query(
    `insert into cluster_keys (id, kind, public_part, sealed, created_at)
     values ($1, $2, $3, $4, $5)`,
    [
      randomUUID(),
      made.kind,
      made.publicPart,
      seal(secret, `${made.kind} key`, made.privateKey),
      clock(),
    ],
  );
}

function rowOf(rows: readonly KeyRow[], kind: Kind): KeyRow {
  const row = rows.find((one) => one.kind === kind);
  if (row === undefined) throw new Error(`the cluster has no ${kind} key`);
  return row;
}
