// Where a server listens for agents.

import { isIP } from 'node:net';
import { HalflapError } from '@halflap/protocol';

export interface Address {
  /** A name, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
}

const PATTERN = /^(?:https:\/\/)?(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})\/?$/;

/**
 * `HOST:PORT`, `[IPV6]:PORT`, or the same as an https address.
 *
 * @throws COMMAND_INVALID
 */
export function parseAddress(text: string): Address {
  const [, bracketed, plain, digits] = PATTERN.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  const isHost = bracketed === undefined || isIP(bracketed) === 6;
  if (host !== undefined && isHost && port >= 1 && port <= 65_535) return { host, port };
  throw new HalflapError('COMMAND_INVALID', `${JSON.stringify(text)} is no address of a server`, {
    hint: 'write HOST:PORT, as in halflap.example.com:8443',
  });
}

/** As people and addresses of the web write it. */
export function textOf({ host, port }: Address): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** The name to ask for in a TLS handshake; none for IP addresses (RFC 6066, section 3). */
export function serverName({ host }: Address): string {
  return isIP(host) === 0 ? host : '';
}
