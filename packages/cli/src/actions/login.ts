// Signs in and out: what `halflap login`, `logout` and `whoami` do.

import { hostname } from 'node:os';
import { pinnedAuthority } from '@halflap/agent';
import { HalflapError } from '@halflap/protocol';
import type { Command } from 'commander';
import { DEFAULT_SERVER } from '../api/address.js';
import type { ApiClient } from '../api/client.js';
import { givenAccess, type ServerOptions, withAccess, withServer } from '../api/connect.js';
import { credentialsFile, readCredentials, writeCredentials } from '../api/credentials.js';
import { OPERATIONS } from '../api/operations.js';
import { grantsText } from '../api/pairs.js';
import { withSession } from '../api/session.js';
import { askLine, newPassword, secretFrom } from '../ask-line.js';
import { contextOf } from '../context.js';
import type { Printer } from '../print.js';

interface LoginOptions extends ServerOptions {
  readonly caPin?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly setup?: string | true;
  readonly expires: number;
}

export async function login(options: LoginOptions, command: Command): Promise<void> {
  const kept = readCredentials();
  const given = givenAccess(options);
  const server = given.server ?? kept.current ?? DEFAULT_SERVER;
  const pinned = options.caPin === undefined ? undefined : await authorityOf(server, options.caPin);
  const ca = pinned ?? given.ca ?? kept.servers[server]?.ca ?? undefined;
  // Of the environment it is for other commands.
  const token = options.tokenFile === undefined ? undefined : given.token;
  await withAccess(command, { server, ca, token }, async (client, printer) => {
    const made = token === undefined ? await makeToken(client, printer, options) : { token };
    const known = { token: made.token, tokenId: made.id ?? null, ca: ca ?? null };
    const who = await client.as(made.token).ask(OPERATIONS.whoAmI, {});
    writeCredentials({ current: server, servers: { ...kept.servers, [server]: known } });
    printer.json({ server, name: who.name, file: credentialsFile() });
    printer.line(`${server}: signed in as ${who.name}`);
    for (const name of ['HALFLAP_SERVER', 'HALFLAP_TOKEN']) {
      if (process.env[name]) printer.note(`${name} is set, and counts before what was kept now`);
    }
  });
}

/** Longest wait for the server to show its certificates. */
const SHOWN_MS = 10_000;

/** In PEM. @throws SERVER_UNTRUSTED; SERVER_UNREACHABLE; COMMAND_INVALID for what is no digest */
async function authorityOf(server: string, pin: string): Promise<string> {
  const { protocol, hostname: name, port } = new URL(server);
  if (protocol !== 'https:') {
    throw new HalflapError('COMMAND_INVALID', `${server} shows no certificate`, {
      hint: 'leave --ca-pin out, or give --server an address that begins with https://',
    });
  }
  const host = name.replace(/^\[|\]$/g, '');
  try {
    return await pinnedAuthority({ host, port: port === '' ? 443 : Number(port) }, pin, SHOWN_MS);
  } catch (cause) {
    if (cause instanceof HalflapError) throw cause;
    throw new HalflapError('SERVER_UNREACHABLE', `${server}: ${(cause as Error).message}`, {
      hint: 'look whether it runs, and at the address',
      cause,
    });
  }
}

/** Of the user who signs in, with his roles. */
async function makeToken(
  client: ApiClient,
  printer: Printer,
  { user, passwordFile, setup, expires }: LoginOptions,
): Promise<{ readonly id?: string; readonly token: string }> {
  const printed = { prompt: 'Token that the server printed', option: '--setup' };
  const file = setup === true ? undefined : setup;
  const setupToken = setup === undefined ? undefined : await secretFrom(printer, file, printed);
  const name = user ?? (await askLine(printer, 'User name', '--user NAME'));
  const how = { prompt: 'Password', option: '--password-file' };
  const password =
    setupToken === undefined
      ? await secretFrom(printer, passwordFile, how)
      : await newPassword(printer, passwordFile);
  const person = { name, password, ...(setupToken === undefined ? {} : { setupToken }) };
  return withSession(client, person, async (session) => {
    const { grants } = await session.ask(OPERATIONS.whoAmI, {});
    return session.ask(OPERATIONS.createApiToken, {
      body: {
        name: `halflap on ${hostname()}`,
        grants,
        expiresInSeconds: Math.round(expires / 1000),
      },
    });
  });
}

export async function logout(options: ServerOptions, command: Command): Promise<void> {
  const { printer } = contextOf(command);
  const kept = readCredentials();
  const server = givenAccess(options).server ?? kept.current;
  const known = server === null ? undefined : kept.servers[server];
  if (server === null || known === undefined) {
    throw new HalflapError('COMMAND_INVALID', `nobody is signed in at ${server ?? 'any server'}`, {
      hint: 'halflap whoami says who asks otherwise',
    });
  }
  const { token, tokenId } = known;
  let revoked = false;
  if (tokenId !== null) {
    const access = { server, token, ca: known.ca ?? undefined };
    await withAccess(command, access, async (client) => {
      revoked = await revoke(client, tokenId, printer);
    });
  }
  const { [server]: _, ...servers } = kept.servers;
  writeCredentials({ current: Object.keys(servers)[0] ?? null, servers });
  printer.json({ server, revoked });
  printer.line(`${server}: signed out`);
}

/** What keeps the server from it keeps nobody from signing out here. */
async function revoke(client: ApiClient, id: string, printer: Printer): Promise<boolean> {
  try {
    await client.ask(OPERATIONS.revokeApiToken, { params: { id } });
    return true;
  } catch (error) {
    if (!(error instanceof HalflapError)) throw error;
    printer.note(`the token was not revoked: ${error.message}`);
    return error.code === 'API_UNAUTHENTICATED';
  }
}

export async function whoAmI(_options: ServerOptions, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const { csrfToken: _, ...who } = await client.ask(OPERATIONS.whoAmI, {});
    printer.json({ server: client.server, ...who });
    const roles = grantsText(who.grants).replaceAll('\n', ', ');
    printer.line(`${client.server}: ${who.name}, ${roles === '' ? 'without a role' : roles}`);
  });
}
