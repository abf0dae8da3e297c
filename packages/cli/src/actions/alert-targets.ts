// What `halflap alerts targets …` does.

import type { AlertTarget } from '@halflap/server';
import type { Command } from 'commander';
import { findTarget } from '../api/alert-target.js';
import { withServer } from '../api/connect.js';
import { OPERATIONS } from '../api/operations.js';
import type { ListOptions } from '../api/pages.js';
import { type Column, showList } from '../api/show-list.js';
import { switchOf } from '../api/switched.js';
import { confirm, secretFrom } from '../ask-line.js';
import type { Colors } from '../print.js';

export async function list(options: ListOptions, command: Command): Promise<void> {
  await withServer(command, (client, printer) =>
    showList(client, printer, {
      operation: OPERATIONS.listAlertTargets,
      options,
      noun: ['target', 'targets'],
      columns: columns(printer.colors),
    }),
  );
}

interface Filter {
  readonly kind?: readonly string[];
  readonly minimumSeverity?: string;
}

interface CreateOptions extends Filter {
  readonly urlFile?: string;
  readonly mail?: readonly string[];
}

export async function create(name: string, options: CreateOptions, command: Command) {
  const { urlFile, mail: recipients, kind: kinds, minimumSeverity } = options;
  await withServer(command, async (client, printer) => {
    const how = { prompt: 'Address of the webhook', option: '--url-file' };
    const where =
      recipients === undefined ? { url: await secretFrom(printer, urlFile, how) } : { recipients };
    const body = { name, ...where, kinds: once(kinds), minimumSeverity };
    const made = await client.ask(OPERATIONS.createAlertTarget, { body });
    printer.json(made);
    if (made.secret === null) printer.line(`${name}: made`);
    else {
      printer.line(made.secret);
      printer.note('its requests are signed by this secret, which nothing shows again');
    }
  });
}

interface EditOptions extends Filter {
  readonly everyKind?: boolean;
  readonly enable?: boolean;
  readonly disable?: boolean;
}

export async function edit(name: string, options: EditOptions, command: Command): Promise<void> {
  const { kind, everyKind, minimumSeverity } = options;
  await withServer(command, async (client, printer) => {
    const target = await findTarget(client, name);
    const kinds = everyKind === true ? null : once(kind);
    const body = { kinds, minimumSeverity, enabled: switchOf(options) };
    await client.ask(OPERATIONS.editAlertTarget, { params: { id: target.id }, body });
    printer.json({ id: target.id, changed: true });
    printer.line(`${target.name}: changed`);
  });
}

export async function remove(
  name: string,
  { yes }: { readonly yes?: boolean },
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const target = await findTarget(client, name);
    const question = `Remove ${target.name} with the log of what it was told?`;
    await confirm(printer, question, yes === true);
    await client.ask(OPERATIONS.removeAlertTarget, { params: { id: target.id } });
    printer.json({ id: target.id, removed: true });
    printer.line(`${target.name}: removed`);
  });
}

export async function test(name: string, _options: object, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const target = await findTarget(client, name);
    const params = { id: target.id };
    const { id } = await client.ask(OPERATIONS.testAlertTarget, { params, body: {} });
    printer.json({ id });
    const shown = `halflap alerts deliveries list --target ${target.name}`;
    printer.line(`delivery ${id}; what came of it: ${shown}`);
  });
}

function once(kinds: readonly string[] | undefined): readonly string[] | undefined {
  return kinds === undefined ? undefined : [...new Set(kinds)];
}

function columns(colors: Colors): Column<AlertTarget>[] {
  return [
    { title: 'target', cell: ({ name }) => name },
    { title: 'id', cell: ({ id }) => id },
    { title: 'where', cell: ({ kind, place }) => `${kind} ${place}` },
    { title: 'kinds', cell: ({ kinds }) => kinds?.join('\n') ?? 'all' },
    { title: 'from', cell: ({ minimumSeverity }) => minimumSeverity },
    { title: 'state', cell: ({ enabled }) => (enabled ? 'on' : colors.yellow('off')) },
    { title: 'made by', cell: ({ madeBy }) => madeBy },
  ];
}
