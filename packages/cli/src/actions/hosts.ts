// What `halflap hosts …` does.

import { didYouMean } from '@halflap/engine/suggest';
import { HalflapError } from '@halflap/protocol';
import type { HostEvent, HostJob } from '@halflap/server';
import type { Command } from 'commander';
import { withServer } from '../api/connect.js';
import { findHost } from '../api/find-host.js';
import { type HostFilterOptions, hostQuery } from '../api/host-filters.js';
import { OPERATIONS } from '../api/operations.js';
import type { ListOptions } from '../api/pages.js';
import { type Column, showList } from '../api/show-list.js';
import { HOST_COLUMN_NAMES, type HostColumn, hostColumns, hostText } from '../host-view.js';
import { type Colors, utc } from '../print.js';

interface HostListOptions extends HostFilterOptions, ListOptions {
  readonly sort: string;
  readonly desc?: boolean;
  readonly columns?: readonly string[];
  readonly partial?: boolean;
}

export async function list(options: HostListOptions, command: Command): Promise<void> {
  const columns = options.columns?.map(columnOf);
  await withServer(command, (client, printer) =>
    showList(client, printer, {
      operation: OPERATIONS.listHosts,
      query: {
        ...hostQuery(options),
        sort: options.sort,
        order: options.desc === true ? 'desc' : 'asc',
      },
      options,
      noun: ['host', 'hosts'],
      columns: hostColumns(columns, { now: new Date(), colors: printer.colors }),
    }),
  );
}

export async function show(name: string, _options: object, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findHost(client, name, 'look');
    const host = await client.ask(OPERATIONS.showHost, { params: { id } });
    printer.json({ host });
    printer.line(hostText(host, { now: new Date(), colors: printer.colors }));
  });
}

export async function events(name: string, options: ListOptions, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findHost(client, name, 'look');
    await showList(client, printer, {
      operation: OPERATIONS.listHostEvents,
      params: { id },
      options,
      noun: ['event', 'events'],
      columns: eventColumns(printer.colors),
    });
  });
}

export async function jobs(name: string, options: ListOptions, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findHost(client, name, 'look');
    await showList(client, printer, {
      operation: OPERATIONS.listHostJobs,
      params: { id },
      options,
      noun: ['job', 'jobs'],
      columns: JOB_COLUMNS,
    });
  });
}

const JOB_COLUMNS: Column<HostJob>[] = [
  { title: 'job', cell: ({ job }) => job },
  { title: 'name', cell: ({ name }) => name },
  { title: 'state', cell: ({ state }) => state },
  { title: 'ended (UTC)', cell: ({ endedAt }) => (endedAt === null ? '' : utc(new Date(endedAt))) },
  { title: 'message', cell: ({ message }) => message ?? '' },
];

function eventColumns(colors: Colors): Column<HostEvent>[] {
  const paint = { info: String, warning: colors.yellow, error: colors.red };
  return [
    { title: 'at (UTC)', cell: ({ at }) => utc(new Date(at)) },
    { title: 'severity', cell: ({ severity }) => paint[severity](severity) },
    { title: 'kind', cell: ({ kind }) => kind },
    { title: 'message', cell: ({ message }) => message },
  ];
}

/** @throws COMMAND_INVALID */
function columnOf(name: string): HostColumn {
  const found = HOST_COLUMN_NAMES.find((one) => one === name);
  if (found !== undefined) return found;
  const advice = didYouMean(name, HOST_COLUMN_NAMES);
  throw new HalflapError('COMMAND_INVALID', `--columns: there is no column ${name}${advice}`, {
    hint: `the columns are ${HOST_COLUMN_NAMES.join(', ')}`,
  });
}
