// Addresses of servers as people give them.

import { HalflapError } from '@halflap/protocol';

/** Where `halflap serve` listens when it is told nothing. */
export const DEFAULT_SERVER = 'http://127.0.0.1:8440';

/**
 * The base address, without a slash at the end. `what` names its source in errors.
 * @throws COMMAND_INVALID for what is none, and for one to which a token would go unencrypted
 */
export function parseServer(text: string, what: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (url === undefined || !isWeb || url.search !== '' || url.hash !== '') {
    throw invalid(
      `${what}: ${text} is no address of a server`,
      'https://HOST, or https://HOST:PORT',
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(`${what} holds a name or a password`, 'a token says who asks: halflap login');
  }
  if (url.protocol === 'http:' && !isOwnMachine(url.hostname)) {
    throw invalid(
      `${what}: to ${url.host} a token would go unencrypted`,
      'https://…; http:// is for a server on this machine',
    );
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}

function isOwnMachine(hostname: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}

function invalid(message: string, hint: string): HalflapError {
  return new HalflapError('COMMAND_INVALID', message, { hint });
}
