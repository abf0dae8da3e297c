// What `halflap campaign …` does to a campaign. What is so already is no mistake: nothing changes,
// and the command says so.

import type { Campaign } from '@halflap/server';
import type { Command } from 'commander';
import { withServer } from '../api/connect.js';
import { findCampaign } from '../api/find-campaign.js';
import { OPERATIONS } from '../api/operations.js';
import { confirm } from '../ask-line.js';
import { type FollowOptions, showFollowed } from '../campaign-follow.js';
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
    if (digest === undefined && yes !== true && !isApproved(campaign, step)) {
      printer.note(campaignText(campaign, printer));
      const what = step === undefined ? 'this plan' : `${step}, which nothing leads back from`;
      await confirm(printer, `Approve ${what}?`, false);
    }
    const body = step === undefined ? { digest: digest ?? campaign.digest } : { step };
    const { changed } = await client.ask(OPERATIONS.approveCampaign, { params, body });
    printer.json({ id, approved: step ?? body.digest, changed });
    printer.line(`campaign ${id}: ${step ?? 'its plan'} is ${already(changed)}approved`);
  });
}

function isApproved({ approvedBy, plan }: Campaign, step: string | undefined): boolean {
  if (step === undefined) return approvedBy !== null;
  const own = plan.find(({ id }) => id === step)?.ownApproval;
  return typeof own?.approvedBy === 'string';
}

function already(changed: boolean): string {
  return changed ? '' : 'already ';
}

export async function start(text: string, options: FollowOptions, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findCampaign(client, text);
    const { changed } = await client.ask(OPERATIONS.startCampaign, { params: { id }, body: {} });
    printer.json({ id, started: true, changed });
    const shows = `halflap campaign status ${id} --follow shows it`;
    printer.line(`campaign ${id}: ${already(changed)}started; ${shows}`);
    if (options.follow === true) await showFollowed(client, printer, { ...options, id });
  });
}

/** An act that takes no more than a reason; `word` says what was done, `so` that it was so. */
function told(
  operation: (typeof OPERATIONS)['pauseCampaign' | 'resumeCampaign' | 'cancelCampaign'],
  word: string,
  so = `already ${word}`,
) {
  return async (text: string, { reason }: Reason, command: Command): Promise<void> => {
    await withServer(command, async (client, printer) => {
      const id = await findCampaign(client, text);
      const body = reason === undefined ? {} : { reason };
      const { changed } = await client.ask(operation, { params: { id }, body });
      printer.json({ id, [word]: true, changed });
      printer.line(`campaign ${id}: ${changed ? word : so}`);
    });
  };
}

export const pause = told(OPERATIONS.pauseCampaign, 'paused');
export const resume = told(OPERATIONS.resumeCampaign, 'resumed', 'already running');
export const cancel = told(OPERATIONS.cancelCampaign, 'cancelled');

export async function retry(
  text: string,
  step: string,
  _options: object,
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findCampaign(client, text);
    const asked = { params: { id }, body: { step } };
    const { changed } = await client.ask(OPERATIONS.retryStep, asked);
    printer.json({ id, step, retried: true, changed });
    printer.line(`campaign ${id}: ${step} is ${already(changed)}carried out again`);
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
    const asked = { params: { id }, body: { step, reason } };
    const { changed } = await client.ask(OPERATIONS.skipStep, asked);
    printer.json({ id, step, skipped: true, changed });
    printer.line(`campaign ${id}: ${step} is ${already(changed)}left out`);
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
    const asked = { params: { id }, body };
    const { changed } = await client.ask(OPERATIONS.excludeFromCampaign, asked);
    printer.json({ id, ...parts, excluded: true, changed });
    printer.line(`campaign ${id}: ${what} is ${already(changed)}left out`);
  });
}

export async function back(text: string, { reason }: Reason, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findCampaign(client, text);
    const body = reason === undefined ? {} : { reason };
    const made = await client.ask(OPERATIONS.planBack, { params: { id }, body });
    printer.json({ id: made.id, backOf: id, changed: made.changed });
    const planned = made.changed ? 'it is' : 'it was planned before, and is';
    printer.line(`campaign ${made.id}: leads back; ${planned} to be approved and started`);
  });
}
