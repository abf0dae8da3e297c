// What `halflap campaign …` does to a campaign.

import type { Command } from 'commander';
import { withServer } from '../api/connect.js';
import { findCampaign } from '../api/find-campaign.js';
import { OPERATIONS } from '../api/operations.js';
import { confirm } from '../ask-line.js';
import { campaignText } from '../campaign-view.js';
import { partsOf } from './campaign.js';

interface Reason {
  readonly reason?: string;
}

interface ApproveOptions {
  readonly digest?: string;
  readonly step?: string;
  readonly yes?: boolean;
}

export async function approve(
  text: string,
  { digest, step, yes }: ApproveOptions,
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findCampaign(client, text);
    const params = { id };
    const campaign = await client.ask(OPERATIONS.showCampaign, { params });
    if (digest === undefined && yes !== true) {
      printer.note(campaignText(campaign, printer));
      const what = step === undefined ? 'this plan' : `${step}, which nothing leads back from`;
      await confirm(printer, `Approve ${what}?`, false);
    }
    const body = step === undefined ? { digest: digest ?? campaign.digest } : { step };
    await client.ask(OPERATIONS.approveCampaign, { params, body });
    printer.json({ id, approved: step ?? body.digest });
    printer.line(`campaign ${id}: ${step ?? 'its plan'} is approved`);
  });
}

export async function start(text: string, _options: object, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findCampaign(client, text);
    await client.ask(OPERATIONS.startCampaign, { params: { id }, body: {} });
    printer.json({ id, started: true });
    printer.line(`campaign ${id}: started; halflap campaign status ${id} --follow shows it`);
  });
}

/** An act that takes no more than a reason; `word` says what it is then. */
function told(
  operation: (typeof OPERATIONS)['pauseCampaign' | 'resumeCampaign' | 'cancelCampaign'],
  word: string,
) {
  return async (text: string, { reason }: Reason, command: Command): Promise<void> => {
    await withServer(command, async (client, printer) => {
      const id = await findCampaign(client, text);
      const body = reason === undefined ? {} : { reason };
      await client.ask(operation, { params: { id }, body });
      printer.json({ id, [word]: true });
      printer.line(`campaign ${id}: ${word}`);
    });
  };
}

export const pause = told(OPERATIONS.pauseCampaign, 'paused');
export const resume = told(OPERATIONS.resumeCampaign, 'resumed');
export const cancel = told(OPERATIONS.cancelCampaign, 'cancelled');

export async function retry(
  text: string,
  step: string,
  _options: object,
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findCampaign(client, text);
    await client.ask(OPERATIONS.retryStep, { params: { id }, body: { step } });
    printer.json({ id, step, retried: true });
    printer.line(`campaign ${id}: ${step} is carried out again`);
  });
}

export async function skip(
  text: string,
  step: string,
  { reason }: Reason,
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findCampaign(client, text);
    await client.ask(OPERATIONS.skipStep, { params: { id }, body: { step, reason } });
    printer.json({ id, step, skipped: true });
    printer.line(`campaign ${id}: ${step} is left out`);
  });
}

export async function exclude(
  text: string,
  what: string,
  { reason }: Reason,
  command: Command,
): Promise<void> {
  const parts = partsOf(what);
  await withServer(command, async (client, printer) => {
    const id = await findCampaign(client, text);
    const body = { ...parts, reason };
    await client.ask(OPERATIONS.excludeFromCampaign, { params: { id }, body });
    printer.json({ id, ...parts, excluded: true });
    printer.line(`campaign ${id}: ${what} is left out`);
  });
}

export async function back(text: string, { reason }: Reason, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findCampaign(client, text);
    const body = reason === undefined ? {} : { reason };
    const made = await client.ask(OPERATIONS.planBack, { params: { id }, body });
    printer.json({ id: made.id, backOf: id });
    printer.line(`campaign ${made.id}: leads back; it is to be approved and started`);
  });
}
