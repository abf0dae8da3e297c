// What `halflap authority …` does.

import type { AuthorityStatus } from '@halflap/server';
import type { Command } from 'commander';
import { withServer } from '../api/connect.js';
import { OPERATIONS } from '../api/operations.js';
import { confirm } from '../ask-line.js';
import { count, type Printer, utc } from '../print.js';
import { ago, hostsText } from '../quantities.js';
import { table } from '../table.js';

interface Options {
  readonly yes?: boolean;
}

export async function status(_options: object, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const found = await client.ask(OPERATIONS.showAuthorityStatus, {});
    printer.json(found);
    for (const line of linesOf(found, printer)) printer.line(line);
  });
}

export async function rotate({ yes = false }: Options, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    await confirm(printer, 'Make the authority that follows the present one?', yes);
    const made = await client.ask(OPERATIONS.rotateAuthority, {});
    printer.json(made);
    printer.line(`${madeText(made)}; both are trusted until halflap authority drop`);
  });
}

export async function drop(
  { yes = false, force: words }: Options & { readonly force?: string },
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    await confirm(printer, 'Drop the old authority for good?', yes);
    const dropped = await client.ask(OPERATIONS.dropAuthority, { body: { words } });
    printer.json(dropped);
    printer.line(retiredText(dropped, 'authority'));
  });
}

export async function rotateOrdersKey({ yes = false }: Options, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    await confirm(printer, 'Make the key of orders that follows the present one?', yes);
    const made = await client.ask(OPERATIONS.rotateOrdersKey, {});
    printer.json(made);
    printer.line(`${madeText(made)}; the old one stays until halflap authority retire-orders-key`);
  });
}

export async function retireOrdersKey({ yes = false }: Options, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    await confirm(printer, 'Give the old key of orders up for good?', yes);
    const retired = await client.ask(OPERATIONS.retireOrdersKey, {});
    printer.json(retired);
    printer.line(retiredText(retired, 'key of orders'));
  });
}

function madeText({ id, isNew }: { readonly id: string; readonly isNew: boolean }): string {
  return isNew ? `${id}: made` : `${id}: was there already`;
}

function retiredText({ retired }: { readonly retired: string | null }, what: string): string {
  return retired === null ? `there is no old ${what}` : `${retired}: given up`;
}

function linesOf(found: AuthorityStatus, { colors, width }: Printer): string[] {
  const { authorities, ordersKeys, servers, dependants, silentShards } = found;
  const madeOf = (madeAt: string) => utc(new Date(madeAt));
  const of = (hosts: number) => `${count(hosts)} of ${count(found.hosts)}`;
  const lines = [
    table(
      ['authority', 'state', 'made (UTC)', 'trusted by', 'certificates'],
      authorities.map(({ pin, state, madeAt, hosts, certificates }) => [
        ...[pin, state, madeOf(madeAt), of(hosts), of(certificates)],
      ]),
      width,
    ),
    '',
    table(
      ['key of orders', 'state', 'made (UTC)', 'known to'],
      ordersKeys.map(({ id, state, madeAt, hosts }) => [id, state, madeOf(madeAt), of(hosts)]),
      width,
    ),
  ];
  if (servers.length > 0) {
    const cells = servers.map(({ name, readAt, isCurrent }) => {
      const keys = isCurrent ? 'all' : colors.yellow('not all yet');
      return [name, ago(readAt, new Date()), keys];
    });
    lines.push('', table(['server', 'has looked', 'has read'], cells, width));
  }
  if (silentShards.length > 0) {
    lines.push('', colors.yellow(`not counted, no answer: ${silentShards.join(', ')}`));
  }
  if (dependants !== null) lines.push('', dependantsText(dependants));
  return lines;
}

function dependantsText({ hosts, names, words }: NonNullable<AuthorityStatus['dependants']>) {
  if (words === null) return 'no host depends on the old authority: halflap authority drop';
  const more = hosts > names.length ? ' …' : '';
  return `the old authority is needed by ${hostsText(hosts)}: ${names.join(', ')}${more}`;
}
