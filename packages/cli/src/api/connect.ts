// Which server a command asks, and as whom: what the command line says, else the environment, else
// what `halflap login` has kept.

import { HalflapError } from '@halflap/protocol';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import type { Printer } from '../print.js';
import { readAuthority } from '../read-authority.js';
import { readSecret } from '../secrets.js';
import { DEFAULT_SERVER, parseServer } from './address.js';
import { type ApiClient, createClient } from './client.js';
import { type Credentials, readCredentials } from './credentials.js';

/** What every command that asks a server takes: options.ts declares it. */
export interface ServerOptions {
  readonly server?: string;
  readonly tokenFile?: string;
  readonly ca?: string;
}

export interface Access {
  readonly server: string;
  readonly token: string | undefined;
  readonly ca: string | undefined;
}

/** Runs `body` with a client, which the first Ctrl-C ends together with what it waits for. */
export async function withServer(
  command: Command,
  body: (client: ApiClient, printer: Printer) => Promise<void>,
): Promise<void> {
  await withAccess(command, accessOf(command.optsWithGlobals<ServerOptions>()), body);
}

/** The same, where it is known already who asks. */
export async function withAccess(
  command: Command,
  access: Access,
  body: (client: ApiClient, printer: Printer) => Promise<void>,
): Promise<void> {
  const { printer } = contextOf(command);
  const { note, isJson } = printer;
  const ask = async (signal: AbortSignal) => {
    const client = createClient({ ...access, signal, note, isForPeople: !isJson });
    try {
      await body(client, printer);
    } finally {
      client.close();
    }
  };
  await interruptible(note, ask, STOPPING);
}

const STOPPING = 'stopping; what a server has begun goes on there (Ctrl-C again ends at once)';

/** @throws CONFIG_INVALID, COMMAND_INVALID */
export function accessOf(options: ServerOptions): Access {
  const given = givenAccess(options);
  // A file that is damaged keeps nobody from a command that needs nothing of it.
  const isWhole = given.server !== undefined && given.token !== undefined;
  const kept: Credentials = isWhole ? { current: null, servers: {} } : readCredentials();
  const server = given.server ?? kept.current ?? DEFAULT_SERVER;
  const known = Object.hasOwn(kept.servers, server) ? kept.servers[server] : undefined;
  const token = given.token ?? (known && readSecret({ literal: known.token }, 'token'));
  return { server, token, ca: given.ca ?? known?.ca ?? undefined };
}

/** What the command line and the environment say. */
export function givenAccess({ server, tokenFile, ca }: ServerOptions): Partial<Access> {
  const { HALFLAP_SERVER, HALFLAP_TOKEN, HALFLAP_CA } = process.env;
  const address =
    server === undefined
      ? HALFLAP_SERVER && parseServer(HALFLAP_SERVER, 'HALFLAP_SERVER')
      : parseServer(server, '--server');
  const token = tokenFile === undefined ? tokenIn(HALFLAP_TOKEN) : tokenOf({ file: tokenFile });
  const file = ca ?? HALFLAP_CA;
  return {
    ...(address ? { server: address } : {}),
    ...(token === undefined ? {} : { token }),
    ...(file ? { ca: readAuthority(file) } : {}),
  };
}

/** @throws CONFIG_INVALID when it cannot be one */
export function tokenOf(source: { readonly literal: string } | { readonly file: string }): string {
  const token = readSecret(source, 'token').trim();
  if (/^[\x21-\x7e]{1,4096}$/.test(token)) return token;
  throw new HalflapError('CONFIG_INVALID', 'the token has other characters than a token may have', {
    hint: 'leave the token alone on one line',
  });
}

function tokenIn(variable: string | undefined): string | undefined {
  return variable === undefined || variable === '' ? undefined : tokenOf({ literal: variable });
}
