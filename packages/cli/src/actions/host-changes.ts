// What `halflap hosts …` changes of a host.

import { HalflapError } from '@halflap/protocol';
import type { Command } from 'commander';
import { withServer } from '../api/connect.js';
import { findHost, labelsText } from '../api/find-host.js';
import { OPERATIONS } from '../api/operations.js';
import { readLabels } from '../api/pairs.js';
import { confirm } from '../ask-line.js';

export async function label(
  name: string,
  texts: readonly string[],
  { remove = [] }: { readonly remove?: readonly string[] },
  command: Command,
): Promise<void> {
  const set = readLabels(texts);
  if (texts.length === 0 && remove.length === 0) {
    throw new HalflapError('COMMAND_INVALID', 'no label is named', {
      hint: 'halflap hosts label HOST KEY=VALUE, or --remove KEY',
    });
  }
  await withServer(command, async (client, printer) => {
    const params = { id: await findHost(client, name, 'change') };
    const before = await client.ask(OPERATIONS.showHost, { params });
    const kept = Object.entries(before.labels).filter(([key]) => !remove.includes(key));
    const labels = { ...Object.fromEntries(kept), ...set };
    const host = await client.ask(OPERATIONS.changeHost, { params, body: { labels } });
    printer.json({ host });
    printer.line(`${host.hostname}: ${labelsText(host.labels) || 'no labels'}`);
  });
}

export async function note(
  name: string,
  text: string | undefined,
  _options: object,
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const params = { id: await findHost(client, name, 'change') };
    const host = await client.ask(OPERATIONS.changeHost, { params, body: { notes: text ?? null } });
    printer.json({ host });
    printer.line(`${host.hostname}: ${host.notes ?? 'no notes'}`);
  });
}

export async function approve(
  names: readonly string[],
  _options: object,
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    // All of them are known before the first is approved.
    const ids: string[] = [];
    for (const name of names) ids.push(await findHost(client, name, 'change'));
    for (const [at, id] of ids.entries()) {
      await client.ask(OPERATIONS.approveHost, { params: { id } });
      printer.line(`${names[at]}: approved`);
    }
    printer.json({ hosts: ids, approved: true });
  });
}

export async function revoke(
  name: string,
  { because, yes }: { readonly because: string; readonly yes?: boolean },
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findHost(client, name, 'change');
    await confirm(printer, `Shut ${name} out?`, yes === true);
    await client.ask(OPERATIONS.revokeHost, { params: { id }, body: { because } });
    printer.json({ id, revoked: true });
    printer.line(`${name}: revoked`);
  });
}

export async function remove(
  name: string,
  { yes }: { readonly yes?: boolean },
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findHost(client, name, 'change');
    await confirm(printer, `Forget ${name} and all that it told?`, yes === true);
    await client.ask(OPERATIONS.removeHost, { params: { id } });
    printer.json({ id, removed: true });
    printer.line(`${name}: removed`);
  });
}
