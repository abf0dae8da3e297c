// What `halflap campaign signals` and `halflap campaign report` do.

import { resolve } from 'node:path';
import type { CampaignSignal, CampaignSignals } from '@halflap/server';
import type { Command } from 'commander';
import { withServer } from '../api/connect.js';
import { findCampaign } from '../api/find-campaign.js';
import { OPERATIONS } from '../api/operations.js';
import { writeNew } from '../new-file.js';
import { type Colors, type Printer, utc } from '../print.js';
import { table } from '../table.js';

export async function signals(
  text: string,
  { minutes }: { readonly minutes?: number },
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findCampaign(client, text);
    const asked = { params: { id }, query: { minutes } };
    const answer = await client.ask(OPERATIONS.showCampaignSignals, asked);
    printer.json({ ...answer });
    printer.line(signalsText(answer, printer));
  });
}

function signalsText(answer: CampaignSignals, { colors, width }: Printer): string {
  const { signals: all, steps } = answer;
  if (all.length === 0) return 'the cluster declares no signals, or none was asked yet';
  const rows = all.map((signal) => [
    ...[signal.name, valueText(signal.before, signal), nowText(signal, colors)],
    ...[valueText(signal.highest, signal), limitText(signal)],
  ]);
  const heads = ['step', 'begun (UTC)', ...all.map(({ name }) => name)];
  const beside = steps.map(({ step, startedAt, highest }) => [
    ...[step, utc(new Date(startedAt))],
    ...all.map((signal, at) => valueText(highest[at] ?? null, signal)),
  ]);
  return [
    table(['signal', 'before', 'now', 'highest', 'stops above'], rows, width),
    ...(beside.length === 0 ? [] : ['', 'the highest during each step:', '']),
    ...(beside.length === 0 ? [] : [table(heads, beside, width)]),
  ].join('\n');
}

function nowText(signal: CampaignSignal, colors: Colors): string {
  const { away, now, stopAbove } = signal;
  if (away !== null) return colors.yellow(`not known: ${away}`);
  const text = valueText(now, signal);
  return stopAbove !== null && now !== null && now > stopAbove ? colors.red(text) : text;
}

function valueText(value: number | null, { unit }: CampaignSignal): string {
  return value === null ? '–' : `${Number(value.toPrecision(6))} ${unit}`.trim();
}

function limitText(signal: CampaignSignal): string {
  const { stopAbove, stopAfterSeconds } = signal;
  return stopAbove === null
    ? 'nothing'
    : `${valueText(stopAbove, signal)} for ${stopAfterSeconds} s`;
}

/** As long as it may be read by others: there is no secret in it. */
const FOR_ALL = 0o644;

export async function report(
  text: string,
  { out }: { readonly out?: string },
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findCampaign(client, text);
    const answer = await client.ask(OPERATIONS.reportCampaign, { params: { id } });
    const { html, ...known } = answer;
    printer.json({ report: known });
    if (printer.isJson && out === undefined) return;
    const { cluster, from, to } = answer.campaign;
    const file = resolve(out ?? `${cluster.name}-${from}-${to}-${id.slice(0, 8)}.html`);
    writeNew(file, html, FOR_ALL);
    printer.line(`${file}: everything that is known of campaign ${id}`);
  });
}
