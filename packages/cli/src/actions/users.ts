// What `halflap users …` does.

import type { User } from '@halflap/server';
import type { Command } from 'commander';
import type { ApiClient } from '../api/client.js';
import { withServer } from '../api/connect.js';
import { findNamed } from '../api/find-named.js';
import { OPERATIONS } from '../api/operations.js';
import type { ListOptions } from '../api/pages.js';
import { grantsText, readGrants } from '../api/pairs.js';
import { withSession } from '../api/session.js';
import { type Column, showList } from '../api/show-list.js';
import { confirm, newPassword, secretFrom } from '../ask-line.js';
import { type Colors, utc } from '../print.js';
import { ago } from '../quantities.js';

export async function list(options: ListOptions, command: Command): Promise<void> {
  await withServer(command, (client, printer) =>
    showList(client, printer, {
      operation: OPERATIONS.listUsers,
      options,
      noun: ['user', 'users'],
      columns: columns(printer.colors, new Date()),
    }),
  );
}

export async function show(name: string, _options: object, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const { id } = await find(client, name);
    const user = await client.ask(OPERATIONS.showUser, { params: { id } });
    printer.json({ user });
    const rows = [
      ['id', user.id],
      ['state', user.state],
      ['name', user.displayName ?? ''],
      ['email', user.email ?? ''],
      ['signs in by', user.signsInBy],
      ['signed in', user.signedInAt === null ? 'never' : `${utc(new Date(user.signedInAt))} UTC`],
      ['made', `${utc(new Date(user.madeAt))} UTC`],
      ['roles', grantsText(user.grants).replaceAll('\n', ', ')],
    ].filter(([, value]) => value !== '');
    printer.line(printer.colors.bold(user.name));
    for (const [key = '', value] of rows) printer.line(`  ${key.padEnd(11)}  ${value}`);
  });
}

interface Person {
  readonly displayName?: string;
  readonly email?: string;
}

interface CreateOptions extends Person {
  readonly role: readonly string[];
  readonly passwordFile?: string;
  /** False for --no-password. */
  readonly password: boolean;
}

export async function create(name: string, options: CreateOptions, command: Command) {
  const { role, passwordFile } = options;
  await withServer(command, async (client, printer) => {
    const password = options.password ? await newPassword(printer, passwordFile) : undefined;
    const body = { name, ...personOf(options), password, grants: readGrants(role) };
    const { id } = await client.ask(OPERATIONS.createUser, { body });
    printer.json({ id });
    printer.line(`${name}: made`);
  });
}

interface EditOptions extends Person {
  readonly state?: string;
}

export async function edit(name: string, options: EditOptions, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const { id } = await find(client, name);
    const body = { ...personOf(options), state: options.state };
    await client.ask(OPERATIONS.editUser, { params: { id }, body });
    printer.json({ id, changed: true });
    printer.line(`${name}: changed`);
  });
}

export async function roles(
  name: string,
  { role }: { readonly role: readonly string[] },
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const { id } = await find(client, name);
    const grants = readGrants(role);
    await client.ask(OPERATIONS.grantUser, { params: { id }, body: { grants } });
    printer.json({ id, grants });
    printer.line(`${name}: has the roles ${grantsText(grants).replaceAll('\n', ', ')}`);
  });
}

interface PasswordOptions {
  readonly passwordFile?: string;
  readonly oldPasswordFile?: string;
}

export async function password(
  name: string | undefined,
  { passwordFile, oldPasswordFile }: PasswordOptions,
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    if (name !== undefined) {
      const { id } = await find(client, name);
      const body = { password: await newPassword(printer, passwordFile) };
      await client.ask(OPERATIONS.setPassword, { params: { id }, body });
      printer.json({ id, changed: true });
      printer.line(`${name}: has a new password`);
      return;
    }
    const who = await client.ask(OPERATIONS.whoAmI, {});
    // Of a token, `anna/halflap`: the user comes first.
    const own = who.name.split('/')[0] ?? '';
    const how = { prompt: 'Old password', option: '--old-password-file' };
    const old = await secretFrom(printer, oldPasswordFile, how);
    const next = await newPassword(printer, passwordFile);
    await withSession(client, { name: own, password: old }, (session) =>
      session.ask(OPERATIONS.changePassword, { body: { old, new: next } }),
    );
    printer.json({ id: who.userId, changed: true });
    printer.line(`${own}: has a new password; all sessions have ended`);
  });
}

export async function remove(
  name: string,
  { yes }: { readonly yes?: boolean },
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const user = await find(client, name);
    await confirm(printer, `Remove ${user.name} with all sessions and tokens?`, yes === true);
    await client.ask(OPERATIONS.removeUser, { params: { id: user.id } });
    printer.json({ id: user.id, removed: true });
    printer.line(`${user.name}: removed`);
  });
}

function find(client: ApiClient, name: string): Promise<User> {
  const operation = OPERATIONS.listUsers;
  return findNamed(client, name, { what: 'user', operation, about: ({ state }: User) => state });
}

/** An empty text takes away what there is. */
function personOf({ displayName, email }: Person) {
  const textOrNone = (text: string | undefined) => (text === '' ? null : text);
  return { displayName: textOrNone(displayName), email: textOrNone(email) };
}

function columns(colors: Colors, now: Date): Column<User>[] {
  const stateText = (state: User['state']) => (state === 'active' ? state : colors.yellow(state));
  return [
    { title: 'user', cell: ({ name }) => name },
    { title: 'state', cell: ({ state }) => stateText(state) },
    { title: 'name', cell: ({ displayName }) => displayName ?? '' },
    { title: 'roles', cell: ({ grants }) => grantsText(grants) },
    { title: 'signs in by', cell: ({ signsInBy }) => signsInBy },
    {
      title: 'signed in',
      cell: ({ signedInAt }) => (signedInAt === null ? 'never' : ago(signedInAt, now)),
    },
  ];
}
