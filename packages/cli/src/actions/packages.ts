// What `halflap packages …` does.

import type { HostPackage, PackageName } from '@halflap/server';
import type { Command } from 'commander';
import { withServer } from '../api/connect.js';
import { findHost } from '../api/find-host.js';
import { onlyWithHost } from '../api/only-with-host.js';
import { OPERATIONS } from '../api/operations.js';
import type { ListOptions } from '../api/pages.js';
import { type Column, showList } from '../api/show-list.js';
import { type Colors, count } from '../print.js';

interface Options extends ListOptions {
  readonly host?: string;
  readonly search?: string;
  readonly upgradable?: boolean;
  readonly security?: boolean;
  readonly held?: boolean;
  readonly partial?: boolean;
}

export async function list(options: Options, command: Command): Promise<void> {
  const { host, search, upgradable, security, held } = options;
  if (host === undefined) onlyWithHost({ upgradable, security, held });
  await withServer(command, async (client, printer) => {
    const noun = ['package', 'packages'] as const;
    if (host === undefined) {
      const operation = OPERATIONS.listPackages;
      const query = { search };
      await showList(client, printer, { operation, query, options, noun, columns: NAMES });
      return;
    }
    await showList(client, printer, {
      operation: OPERATIONS.listHostPackages,
      params: { id: await findHost(client, host, 'look') },
      query: { search, upgradable, security, held },
      options,
      noun,
      columns: ofHost(printer.colors),
    });
  });
}

const NAMES: readonly Column<PackageName>[] = [
  { title: 'package', cell: ({ name }) => name },
  {
    title: 'version',
    cell: ({ versions }) => versions.map(({ version }) => version).join('\n'),
  },
  {
    title: 'hosts',
    cell: ({ versions }) => versions.map(({ hosts }) => count(hosts)).join('\n'),
  },
];

function ofHost(colors: Colors): Column<HostPackage>[] {
  return [
    { title: 'package', cell: ({ name }) => name },
    { title: 'version', cell: ({ version }) => version },
    { title: 'upgrade to', cell: ({ candidate }) => candidate ?? '' },
    {
      title: 'remarks',
      cell: ({ security, held }) =>
        [security ? colors.red('security') : '', held ? 'held' : ''].join(' ').trim(),
    },
    { title: 'architecture', cell: ({ architecture }) => architecture },
    { title: 'from', cell: ({ manager }) => manager },
  ];
}
