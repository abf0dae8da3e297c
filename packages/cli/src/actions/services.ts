// What `halflap services …` does.

import type { HostService, ServiceName } from '@halflap/server';
import type { Command } from 'commander';
import { withServer } from '../api/connect.js';
import { findHost } from '../api/find-host.js';
import { harmless } from '../api/harmless.js';
import { onlyWithHost } from '../api/only-with-host.js';
import { OPERATIONS } from '../api/operations.js';
import type { ListOptions } from '../api/pages.js';
import { type Column, showList } from '../api/show-list.js';
import { type Colors, count } from '../print.js';
import { ago } from '../quantities.js';

interface Options extends ListOptions {
  readonly host?: string;
  readonly search?: string;
  readonly active?: string;
  readonly partial?: boolean;
}

export async function list(options: Options, command: Command): Promise<void> {
  const { host, search, active } = options;
  if (host === undefined) onlyWithHost({ active });
  await withServer(command, async (client, printer) => {
    const noun = ['service', 'services'] as const;
    const { colors } = printer;
    if (host === undefined) {
      await showList(client, printer, {
        operation: OPERATIONS.listServices,
        query: { search },
        options,
        noun,
        columns: names(colors),
      });
      return;
    }
    await showList(client, printer, {
      operation: OPERATIONS.listHostServices,
      params: { id: await findHost(client, host, 'look') },
      query: { search, active },
      options,
      noun,
      columns: ofHost(colors, new Date()),
    });
  });
}

export async function journal(
  host: string,
  service: string,
  { lines }: { readonly lines?: number },
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findHost(client, host, 'look');
    const told = await client.ask(OPERATIONS.readJournal, {
      params: { id, service },
      query: { lines },
    });
    printer.json(told);
    for (const line of told.lines) printer.line(harmless(line));
  });
}

function names(colors: Colors): Column<ServiceName>[] {
  return [
    { title: 'service', cell: ({ name }) => name },
    {
      title: 'state',
      cell: ({ states }) => states.map(({ state }) => stateText(state, colors)).join('\n'),
    },
    { title: 'hosts', cell: ({ states }) => states.map(({ hosts }) => count(hosts)).join('\n') },
  ];
}

function ofHost(colors: Colors, now: Date): Column<HostService>[] {
  return [
    { title: 'service', cell: ({ name }) => name },
    { title: 'state', cell: ({ active, sub }) => `${stateText(active, colors)} (${sub})` },
    { title: 'since', cell: ({ since }) => (since === null ? '' : ago(since, now)) },
    { title: 'at boot', cell: ({ enabled }) => enabled ?? '' },
    { title: 'description', cell: ({ description }) => description },
  ];
}

function stateText(state: string, colors: Colors): string {
  if (state === 'failed') return colors.red(state);
  return state === 'active' ? colors.green(state) : state;
}
