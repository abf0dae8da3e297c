// What `halflap api-tokens …` does.

import type { ApiToken } from '@halflap/server';
import type { Command } from 'commander';
import { withServer } from '../api/connect.js';
import { findNamed } from '../api/find-named.js';
import { OPERATIONS } from '../api/operations.js';
import type { ListOptions } from '../api/pages.js';
import { grantsText, readGrants } from '../api/pairs.js';
import { type Column, showList } from '../api/show-list.js';
import { type Colors, utc } from '../print.js';
import { ago } from '../quantities.js';

export async function list(options: ListOptions, command: Command): Promise<void> {
  await withServer(command, (client, printer) =>
    showList(client, printer, {
      operation: OPERATIONS.listApiTokens,
      options,
      noun: ['token', 'tokens'],
      columns: columns(printer.colors, new Date()),
    }),
  );
}

interface CreateOptions {
  readonly role: readonly string[];
  readonly expires: number;
}

export async function create(
  name: string,
  { role, expires }: CreateOptions,
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const expiresInSeconds = Math.round(expires / 1000);
    const body = { name, grants: readGrants(role), expiresInSeconds };
    const made = await client.ask(OPERATIONS.createApiToken, { body });
    printer.json(made);
    printer.line(made.token);
    printer.note('nothing shows this token again');
  });
}

export async function revoke(name: string, _options: object, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const token = await findNamed(client, name, {
      what: 'API token',
      operation: OPERATIONS.listApiTokens,
      about: (one: ApiToken) => `${one.prefix}…  of ${one.user}, ${stateOf(one, new Date())}`,
    });
    await client.ask(OPERATIONS.revokeApiToken, { params: { id: token.id } });
    printer.json({ id: token.id, revoked: true });
    printer.line(`${token.name}: revoked`);
  });
}

function columns(colors: Colors, now: Date): Column<ApiToken>[] {
  const stateText = (token: ApiToken) => {
    const state = stateOf(token, now);
    return state === 'usable' ? colors.green(state) : colors.dim(state);
  };
  return [
    { title: 'name', cell: ({ name }) => name },
    { title: 'id', cell: ({ id }) => id },
    { title: 'user', cell: ({ user }) => user },
    { title: 'state', cell: stateText },
    { title: 'roles', cell: ({ grants }) => grantsText(grants) },
    { title: 'expires (UTC)', cell: ({ expiresAt }) => utc(new Date(expiresAt)).slice(0, 16) },
    { title: 'used', cell: ({ usedAt }) => (usedAt === null ? 'never' : ago(usedAt, now)) },
  ];
}

function stateOf({ revokedAt, expiresAt }: ApiToken, now: Date): string {
  if (revokedAt !== null) return 'revoked';
  return new Date(expiresAt) <= now ? 'expired' : 'usable';
}
