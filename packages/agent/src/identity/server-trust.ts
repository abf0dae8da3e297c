// Which server an agent speaks to: one whose certificate is of an authority that it trusts, says
// that it is for servers, and names either the cluster or the host that was dialled.
//
// Before a host has enrolled it knows the authority only by a file, or by a digest that somebody
// typed. By a digest, the chain that the server shows is searched for that very certificate; then
// it is the only authority that counts, and the server is dialled anew, so that one and the same
// check decides in every case.

import { createHash } from 'node:crypto';
import * as tls from 'node:tls';
import { HalflapError } from '@halflap/protocol';
import { type Address, serverName, textOf } from '../address.js';

/** Every server of a cluster has this name beside its own. */
export const SERVER_NAME = 'halflap-server';

/** How a host that has not enrolled yet knows the authority. */
export type FirstTrust =
  /** Certificates in PEM. */
  | { readonly authorities: string }
  /** `sha256:` and the digest of the authority's certificate (DER), in hexadecimal digits. */
  | { readonly pin: string };

/** Extended key usage of servers (RFC 5280, section 4.2.1.12). */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
/** Of the error for a certificate that is for something else; like Node's own codes for names. */
const NO_SERVER = 'ERR_TLS_CERT_PURPOSE';
/** OpenSSL's and Node's codes of a chain or a name that does not hold. */
const UNTRUSTED =
  /^(?:DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|CERT_|INVALID_|ERR_TLS_CERT_)|_CERT_IN_CHAIN$/;
const PIN = /^sha256:([0-9a-f]{64})$/i;
/** A chain is not longer; it also ends the walk where certificates name each other in a circle. */
const LONGEST_CHAIN = 10;

/** What each connection to a server has in common, with TLS of Node. */
export function tlsOptions(address: Address, authorities: string) {
  return {
    ca: authorities,
    minVersion: 'TLSv1.3',
    servername: serverName(address),
    rejectUnauthorized: true,
    checkServerIdentity,
  } as const;
}

/**
 * Undefined for the certificate of a server of the cluster; the chain itself is checked before. A
 * host of the cluster has a certificate of the same authority: it is none of a server.
 */
export function checkServerIdentity(
  dialled: string,
  certificate: tls.PeerCertificate,
): Error | undefined {
  if (!certificate.ext_key_usage?.includes(SERVER_AUTH)) {
    return Object.assign(new Error('its certificate is not one of a server'), { code: NO_SERVER });
  }
  if (tls.checkServerIdentity(SERVER_NAME, certificate) === undefined) return undefined;
  return tls.checkServerIdentity(dialled, certificate);
}

/** Whether a connection failed because the server is not trusted. */
export function isUntrusted(error: unknown): boolean {
  return UNTRUSTED.test((error as NodeJS.ErrnoException).code ?? '');
}

/**
 * The authority that a pin means, in PEM, out of the chain that the server shows.
 *
 * @throws COMMAND_INVALID for a pin that is none, SERVER_UNTRUSTED when the chain does not have it,
 * and what a connection fails with.
 */
export async function pinnedAuthority(
  address: Address,
  pin: string,
  timeoutMs: number,
): Promise<string> {
  const digest = PIN.exec(pin)?.[1]?.toLowerCase();
  if (digest === undefined) {
    throw new HalflapError('COMMAND_INVALID', `${JSON.stringify(pin)} is no digest`, {
      hint: 'write sha256: and 64 hexadecimal digits, as halflap tokens create prints them',
    });
  }
  const chain = await shownChain(address, timeoutMs);
  const found = chain.find((der) => createHash('sha256').update(der).digest('hex') === digest);
  if (found !== undefined) return pem(found);
  throw new HalflapError(
    'SERVER_UNTRUSTED',
    `${textOf(address)} shows no certificate of the authority ${pin.toLowerCase()}`,
    { hint: 'compare the digest with the one that halflap tokens create prints on a server' },
  );
}

/** Certificates in DER. Nothing is sent or believed but the handshake. */
function shownChain(address: Address, timeoutMs: number): Promise<Buffer[]> {
  const { host, port } = address;
  return new Promise((resolve, reject) => {
    const servername = serverName(address);
    const socket = tls.connect({ host, port, servername, rejectUnauthorized: false });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no handshake in time')));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      const chain: Buffer[] = [];
      let next: tls.DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
      while (next?.raw !== undefined && chain.length < LONGEST_CHAIN) {
        chain.push(next.raw);
        next = next.issuerCertificate;
      }
      socket.destroy();
      resolve(chain);
    });
  });
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
