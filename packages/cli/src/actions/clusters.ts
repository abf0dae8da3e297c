// What `halflap clusters …` does.

import { readFileSync } from 'node:fs';
import { EXIT, HalflapError } from '@halflap/protocol';
import type { ClusterSummary, Evolution, Matrix } from '@halflap/server';
import type { Command } from 'commander';
import { withServer } from '../api/connect.js';
import { readEvents } from '../api/event-reader.js';
import { OPERATIONS } from '../api/operations.js';
import type { ListOptions } from '../api/pages.js';
import { type Column, showList } from '../api/show-list.js';
import { withCluster } from '../api/with-cluster.js';
import { confirm } from '../ask-line.js';
import { readBundle } from '../bundle-file.js';
import { stateText } from '../campaign-view.js';
import { matrixText } from '../matrix-view.js';
import type { Colors, Printer } from '../print.js';
import { ago } from '../quantities.js';
import { parseSection } from '../yaml-reader.js';

export async function list(options: ListOptions, command: Command): Promise<void> {
  await withServer(command, (client, printer) =>
    showList(client, printer, {
      operation: OPERATIONS.listClusters,
      options,
      noun: ['cluster', 'clusters'],
      columns: columns(printer.colors, new Date()),
    }),
  );
}

export async function add(file: string, _options: object, command: Command): Promise<void> {
  const body = readDeclaration(file, 'a cluster');
  await withServer(command, async (client, printer) => {
    const { id } = await client.ask(OPERATIONS.addCluster, { body });
    printer.json({ id });
    printer.line(`cluster ${id}: declared`);
  });
}

export async function change(
  name: string,
  file: string,
  _options: object,
  command: Command,
): Promise<void> {
  const body = readDeclaration(file, 'a cluster');
  await withCluster(command, name, async ({ client, printer, id }) => {
    await client.ask(OPERATIONS.changeCluster, { params: { id }, body });
    printer.json({ id, changed: true });
    printer.line(`cluster ${id}: declared anew`);
  });
}

/** @throws CONFIG_INVALID, which quotes no value: one may be an address with a password */
export function readDeclaration(file: string, what: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new HalflapError('CONFIG_INVALID', `cannot read ${file}`, {
      detail: { file },
      hint: `name a file that declares ${what}`,
      cause,
    });
  }
  return parseSection(text, file, what).map.toJSON() as Record<string, unknown>;
}

export async function show(name: string, _options: object, command: Command): Promise<void> {
  await withCluster(command, name, async ({ client, printer, id }) => {
    const cluster = await client.ask(OPERATIONS.showCluster, { params: { id } });
    printer.json({ cluster });
    printer.line(`cluster ${cluster.id}, revision ${cluster.revision}`);
    printer.line(JSON.stringify(cluster.declaration, null, 2));
  });
}

export async function matrix(
  name: string,
  { watch }: { readonly watch?: boolean },
  command: Command,
): Promise<void> {
  await withCluster(command, name, async ({ client, printer, id }) => {
    const params = { id };
    if (watch !== true) {
      tell(printer, await client.ask(OPERATIONS.showMatrix, { params }));
      return;
    }
    const body = await client.watch(OPERATIONS.watchMatrix, { params }, undefined);
    for await (const { event, data } of readEvents(body)) {
      if (event !== 'matrix') continue;
      printer.clear();
      tell(printer, JSON.parse(data) as Matrix);
      if (printer.isClosed()) break;
    }
  });
}

function tell(printer: Printer, seen: Matrix): void {
  printer.json({ matrix: seen });
  printer.line(matrixText(seen, printer));
  const states = new Set(seen.cells.flat().map(({ state }) => state));
  if (states.has('unreachable')) process.exitCode = EXIT.unreachable;
  else if (states.has('refused') || states.has('waiting')) process.exitCode = EXIT.refused;
  else process.exitCode = EXIT.done;
}

export async function remove(
  name: string,
  { yes }: { readonly yes?: boolean },
  command: Command,
): Promise<void> {
  await withCluster(command, name, async ({ client, printer, id }) => {
    await confirm(printer, `Forget the cluster ${name}, and its campaigns?`, yes === true);
    await client.ask(OPERATIONS.removeCluster, { params: { id } });
    printer.json({ id, removed: true });
    printer.line(`cluster ${name}: forgotten`);
  });
}

interface BundlesOptions extends ListOptions {
  readonly app?: string;
}

export async function bundles(options: BundlesOptions, command: Command): Promise<void> {
  await withServer(command, (client, printer) =>
    showList(client, printer, {
      operation: OPERATIONS.listEvolutions,
      query: { app: options.app },
      options,
      noun: ['bundle', 'bundles'],
      columns: [
        { title: 'hash', cell: ({ hash }: Evolution) => hash.slice(0, 12) },
        { title: 'app', cell: ({ app }) => app },
        { title: 'from', cell: ({ from }) => from },
        { title: 'to', cell: ({ to }) => to },
        { title: 'added by', cell: ({ addedBy }) => addedBy },
        { title: 'added', cell: ({ addedAt }) => ago(addedAt, new Date()) },
      ],
    }),
  );
}

export async function addBundle(file: string, _options: object, command: Command): Promise<void> {
  const bundle = readBundle(file);
  await withServer(command, async (client, printer) => {
    const added = await client.ask(OPERATIONS.addEvolution, { body: { bundle } });
    printer.json({ bundle: added });
    printer.line(`${added.app} ${added.from} → ${added.to}, hash ${added.hash.slice(0, 12)}`);
  });
}

function columns(colors: Colors, now: Date): Column<ClusterSummary>[] {
  return [
    { title: 'cluster', cell: ({ name }) => name },
    { title: 'app', cell: ({ app }) => app },
    { title: 'shards', cell: ({ shards }) => String(shards.length) },
    {
      title: 'campaign',
      cell: ({ campaign }) =>
        campaign === null
          ? ''
          : `${stateText(campaign.state, colors)} ${campaign.from} → ${campaign.to}`,
    },
    { title: 'declared', cell: ({ changedAt }) => ago(changedAt, now) },
  ];
}
