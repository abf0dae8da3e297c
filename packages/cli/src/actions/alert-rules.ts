// What `halflap alerts rules …` does.

import type { AlertRule } from '@halflap/server';
import type { Command } from 'commander';
import { withServer } from '../api/connect.js';
import { OPERATIONS } from '../api/operations.js';
import type { ListOptions } from '../api/pages.js';
import { type Column, showList } from '../api/show-list.js';
import { switchOf } from '../api/switched.js';
import { confirm } from '../ask-line.js';
import { type Colors, count, type Printer } from '../print.js';

export async function list(options: ListOptions, command: Command): Promise<void> {
  await withServer(command, (client, printer) =>
    showList(client, printer, {
      operation: OPERATIONS.listAlertRules,
      options,
      noun: ['rule', 'rules'],
      columns: columns(printer.colors),
    }),
  );
}

interface CreateOptions {
  readonly kind: string;
  readonly threshold: number;
  readonly severity: string;
  readonly label?: readonly string[];
  readonly disable?: boolean;
}

export async function create(id: string, options: CreateOptions, command: Command) {
  const { kind, threshold, severity, label } = options;
  await withServer(command, async (client, printer) => {
    const spec = { kind, threshold, severity, selector: label?.join(',') };
    const body = { id, ...spec, enabled: switchOf(options) };
    tell(printer, await client.ask(OPERATIONS.createAlertRule, { body }));
  });
}

interface EditOptions {
  readonly threshold?: number;
  readonly severity?: string;
  readonly label?: readonly string[];
  readonly everyHost?: boolean;
  readonly enable?: boolean;
  readonly disable?: boolean;
}

export async function edit(id: string, options: EditOptions, command: Command): Promise<void> {
  const { threshold, severity, label, everyHost } = options;
  await withServer(command, async (client, printer) => {
    const selector = everyHost === true ? null : label?.join(',');
    const body = { threshold, severity, selector, enabled: switchOf(options) };
    tell(printer, await client.ask(OPERATIONS.editAlertRule, { params: { id }, body }));
  });
}

export async function remove(
  id: string,
  { yes }: { readonly yes?: boolean },
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    await confirm(printer, `Remove the rule ${id}, and resolve its alerts?`, yes === true);
    await client.ask(OPERATIONS.removeAlertRule, { params: { id } });
    printer.json({ id, removed: true });
    printer.line(`${id}: removed`);
  });
}

/** What the rule is now. */
function tell(printer: Printer, rule: AlertRule): void {
  const { id, kind, severity, enabled } = rule;
  printer.json({ rule });
  const parts = [severity, `${kind} from ${thresholdText(rule)} on`, hostsText(rule)];
  const text = parts.filter((part) => part !== '').join(', ');
  printer.line(`${id}: ${text}${enabled ? '' : '; switched off'}`);
}

function thresholdText({ threshold, unit }: AlertRule): string {
  return `${count(threshold)} ${unit}`;
}

function hostsText({ selector }: AlertRule): string {
  return selector === null ? '' : `hosts ${selector}`;
}

function columns(colors: Colors): Column<AlertRule>[] {
  return [
    { title: 'rule', cell: ({ id }) => id },
    { title: 'severity', cell: ({ severity }) => severity },
    { title: 'kind', cell: ({ kind }) => kind },
    { title: 'from', cell: thresholdText },
    { title: 'hosts', cell: ({ selector }) => selector ?? '' },
    { title: 'state', cell: ({ enabled }) => (enabled ? 'on' : colors.yellow('off')) },
  ];
}
