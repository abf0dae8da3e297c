// What `halflap alerts …` does, but for rules and targets.

import type { Alert, AlertDelivery } from '@halflap/server';
import type { Command } from 'commander';
import { findTarget } from '../api/alert-target.js';
import type { ApiClient } from '../api/client.js';
import { withServer } from '../api/connect.js';
import { findBeginning } from '../api/find-beginning.js';
import { findHost } from '../api/find-host.js';
import { OPERATIONS } from '../api/operations.js';
import type { ListOptions } from '../api/pages.js';
import { type Column, showList } from '../api/show-list.js';
import { type Colors, count, utc } from '../print.js';
import { ago } from '../quantities.js';

interface AlertsOptions extends ListOptions {
  readonly state?: string;
  readonly severity?: string;
  readonly kind?: string;
  readonly host?: string;
  readonly acknowledged?: boolean;
  readonly unacknowledged?: boolean;
}

export async function list(options: AlertsOptions, command: Command): Promise<void> {
  const { state, severity, kind, host, acknowledged, unacknowledged } = options;
  await withServer(command, async (client, printer) => {
    const about = host === undefined ? undefined : await findHost(client, host, 'look');
    await showList(client, printer, {
      operation: OPERATIONS.listAlerts,
      query: {
        ...{ state, severity, kind, host: about },
        acknowledged: unacknowledged === true ? false : acknowledged,
      },
      options,
      noun: ['alert', 'alerts'],
      columns: alertColumns(printer.colors, new Date()),
    });
  });
}

export async function acknowledge(
  texts: readonly string[],
  _options: object,
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    // All of them are known before the first is acknowledged.
    const ids: string[] = [];
    for (const text of texts) ids.push(await findAlert(client, text, { state: 'open' }));
    for (const id of ids) {
      await client.ask(OPERATIONS.acknowledgeAlert, { params: { id }, body: {} });
      printer.line(`alert ${id}: acknowledged`);
    }
    printer.json({ alerts: ids, acknowledged: true });
  });
}

interface DeliveriesOptions extends ListOptions {
  readonly state?: string;
  readonly target?: string;
  readonly alert?: string;
}

export async function deliveries(options: DeliveriesOptions, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const { state, target: name, alert: text } = options;
    const target = name === undefined ? undefined : (await findTarget(client, name)).id;
    const alert = text === undefined ? undefined : await findAlert(client, text);
    await showList(client, printer, {
      operation: OPERATIONS.listAlertDeliveries,
      query: { state, target, alert },
      options,
      noun: ['delivery', 'deliveries'],
      columns: deliveryColumns(printer.colors, new Date()),
    });
  });
}

export async function retry(
  texts: readonly string[],
  _options: object,
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const ids: string[] = [];
    for (const text of texts) ids.push(await findDelivery(client, text));
    for (const id of ids) {
      await client.ask(OPERATIONS.retryAlertDelivery, { params: { id }, body: {} });
      printer.line(`delivery ${id}: is tried again`);
    }
    printer.json({ deliveries: ids, retried: true });
  });
}

function findAlert(client: ApiClient, text: string, query: { readonly state?: string } = {}) {
  return findBeginning(client, text, {
    what: 'alert',
    operation: OPERATIONS.listAlerts,
    query,
    about: ({ rule, name }: Alert) => `${rule} of ${name}`,
    list: 'halflap alerts list',
  });
}

function findDelivery(client: ApiClient, text: string): Promise<string> {
  return findBeginning(client, text, {
    what: 'delivery',
    operation: OPERATIONS.listAlertDeliveries,
    about: ({ targetName, event, state }: AlertDelivery) => `${event} to ${targetName}, ${state}`,
    list: 'halflap alerts deliveries list',
  });
}

function alertColumns(colors: Colors, now: Date): Column<Alert>[] {
  const paint = ({ state, severity }: Alert, text: string) => {
    if (state === 'resolved') return colors.dim(text);
    if (severity === 'info') return text;
    return severity === 'error' ? colors.red(text) : colors.yellow(text);
  };
  return [
    { title: 'alert', cell: ({ id }) => id },
    { title: 'state', cell: (alert) => paint(alert, alert.state) },
    { title: 'severity', cell: (alert) => paint(alert, alert.severity) },
    { title: 'rule', cell: ({ rule }) => rule },
    { title: 'of', cell: ({ name }) => name },
    { title: 'message', cell: ({ message }) => message },
    { title: 'opened', cell: ({ openedAt }) => ago(openedAt, now) },
    { title: 'acknowledged by', cell: ({ acknowledgedBy }) => acknowledgedBy ?? '' },
  ];
}

function deliveryColumns(colors: Colors, now: Date): Column<AlertDelivery>[] {
  const stateText = (state: AlertDelivery['state']) => {
    if (state === 'delivered') return colors.green(state);
    return state === 'given_up' ? colors.red(state) : state;
  };
  return [
    { title: 'delivery', cell: ({ id }) => id },
    { title: 'target', cell: ({ targetName }) => targetName },
    { title: 'event', cell: ({ event }) => event },
    { title: 'alert', cell: ({ alert }) => alert ?? '' },
    { title: 'state', cell: ({ state }) => stateText(state) },
    { title: 'attempts', cell: ({ attempts }) => count(attempts) },
    { title: 'last answer', cell: lastText },
    {
      title: 'next (UTC)',
      cell: ({ nextAttemptAt: next }) => (next === null ? '' : utc(new Date(next)).slice(0, 16)),
    },
    { title: 'made', cell: ({ madeAt }) => ago(madeAt, now) },
  ];
}

function lastText({ lastStatus, lastError }: AlertDelivery): string {
  return [lastStatus === null ? '' : `status ${lastStatus}`, lastError ?? '']
    .filter((part) => part !== '')
    .join(', ');
}
