// What `halflap campaign …` shows, and how a campaign is planned.

import { EXIT, HalflapError } from '@halflap/protocol';
import type { CampaignEvent, CampaignPlanned, CampaignSummary, WhatIf } from '@halflap/server';
import type { Command } from 'commander';
import { withServer } from '../api/connect.js';
import { findCampaign, findCluster } from '../api/find-campaign.js';
import { OPERATIONS } from '../api/operations.js';
import type { ListOptions } from '../api/pages.js';
import { type Column, showList } from '../api/show-list.js';
import { withCluster } from '../api/with-cluster.js';
import { exitOf, type FollowOptions, showFollowed, tell } from '../campaign-follow.js';
import { campaignText, stateText } from '../campaign-view.js';
import { matrixText } from '../matrix-view.js';
import { type Colors, utc } from '../print.js';
import { ago } from '../quantities.js';
import { readDeclaration } from './clusters.js';

interface PlanOptions {
  readonly to?: string;
  readonly until: string;
  readonly policy?: string;
  readonly step?: readonly string[];
  readonly exclude?: readonly string[];
  readonly reason?: string;
}

export async function plan(name: string, options: PlanOptions, command: Command): Promise<void> {
  const { to, until: goal, policy: file, step: order, exclude = [], reason } = options;
  const policy = file === undefined ? undefined : readDeclaration(file, 'a policy');
  const left = exclude.map((what) => ({ ...partsOf(what), reason: reason ?? 'left out' }));
  await withCluster(command, name, async ({ client, printer, id: cluster }) => {
    const body = { cluster, to, goal, policy, order, exclude: left };
    const planned = await client.ask(OPERATIONS.planCampaign, { body });
    const { id, changed } = planned;
    if (id === null) {
      printer.json({ campaign: null, changed });
      printer.line(`${name}: ${nothingText(goal, planned)}, nothing to do`);
      return;
    }
    const campaign = await client.ask(OPERATIONS.showCampaign, { params: { id } });
    printer.json({ campaign, changed });
    printer.line(campaignText(campaign, printer));
    if (!changed) printer.note('it was planned before, in the same words');
    if (campaign.state !== 'planned') return;
    printer.note(`halflap campaign approve ${id} approves it, halflap campaign start starts it`);
  });
}

function nothingText(goal: string, { from, to }: CampaignPlanned): string {
  if (goal === 'back') return `already at ${from}`;
  return goal === 'expanded' ? `already expanded to ${to}` : `already at ${to}`;
}

/** `server/app1`. @throws COMMAND_INVALID */
export function partsOf(what: string): { readonly kind: string; readonly name: string } {
  const [, kind, name] = /^(server|shard)\/(.+)$/.exec(what) ?? [];
  if (kind !== undefined && name !== undefined) return { kind, name };
  throw new HalflapError('COMMAND_INVALID', `${what} is neither server/NAME nor shard/NAME`, {
    hint: 'write server/app1, or shard/eu1',
  });
}

interface CampaignsOptions extends ListOptions {
  readonly cluster?: string;
  readonly state?: readonly string[];
}

export async function list(options: CampaignsOptions, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const { cluster: name, state } = options;
    const cluster = name === undefined ? undefined : (await findCluster(client, name)).id;
    await showList(client, printer, {
      operation: OPERATIONS.listCampaigns,
      query: { cluster, state },
      options,
      noun: ['campaign', 'campaigns'],
      columns: columns(printer.colors, new Date()),
    });
  });
}

export async function status(
  text: string,
  options: FollowOptions,
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findCampaign(client, text);
    if (options.follow === true) {
      await showFollowed(client, printer, { ...options, id });
      return;
    }
    const campaign = await client.ask(OPERATIONS.showCampaign, { params: { id } });
    tell(printer, campaign);
    process.exitCode = exitOf(campaign);
  });
}

export async function whatIf(
  name: string,
  step: string,
  _options: object,
  command: Command,
): Promise<void> {
  await withCluster(command, name, async ({ client, printer, id }) => {
    const answer = await client.ask(OPERATIONS.whatIf, { params: { id }, query: { step } });
    printer.json({ whatIf: answer });
    printer.line(whatIfText(answer, printer.colors));
    if (answer.refusals.length > 0) process.exitCode = EXIT.refused;
  });
}

function whatIfText(answer: WhatIf, colors: Colors): string {
  const { step, refusals, closes, opens, pointOfNoReturn } = answer;
  const lineOf = ({ by, name, why, remedy }: WhatIf['refusals'][number]) =>
    `  ${by} ${name}: ${why}; ${remedy}`;
  const head =
    refusals.length === 0 ? colors.green(`${step} is safe`) : colors.red(`${step} is not safe`);
  return [
    head,
    ...refusals.map(lineOf),
    ...(closes.length === 0 ? [] : ['it would make impossible:']),
    ...closes.flatMap(({ id, refusals: why }) => [
      `  ${id}`,
      ...why.map((one) => `  ${lineOf(one)}`),
    ]),
    ...(opens.length === 0 ? [] : [`it would make possible: ${opens.join(', ')}`]),
    ...(pointOfNoReturn === null ? [] : [colors.yellow(pointOfNoReturn)]),
  ].join('\n');
}

interface HistoryOptions extends ListOptions {
  readonly at?: string;
}

export async function history(
  text: string,
  options: HistoryOptions,
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findCampaign(client, text);
    if (options.at !== undefined) {
      const asked = { params: { id }, query: { at: options.at } };
      const matrix = await client.ask(OPERATIONS.showCampaignMatrix, asked);
      printer.json({ matrix });
      printer.line(matrixText(matrix, printer));
      return;
    }
    await showList(client, printer, {
      operation: OPERATIONS.listCampaignEvents,
      params: { id },
      options,
      noun: ['event', 'events'],
      columns: [
        { title: 'number', cell: ({ number }: CampaignEvent) => number },
        { title: 'at (UTC)', cell: ({ at }) => utc(new Date(at)) },
        { title: 'kind', cell: ({ kind }) => kind },
        { title: 'step', cell: ({ step }) => step ?? '' },
        { title: 'by', cell: ({ by }) => by ?? '' },
        { title: 'message', cell: ({ message }) => message },
      ],
    });
  });
}

function columns(colors: Colors, now: Date): Column<CampaignSummary>[] {
  return [
    { title: 'campaign', cell: ({ id }) => id },
    { title: 'cluster', cell: ({ cluster }) => cluster.name },
    {
      title: 'way',
      cell: ({ goal, from, to }) => (goal === 'back' ? `${to} → ${from}` : `${from} → ${to}`),
    },
    { title: 'state', cell: ({ state }) => stateText(state, colors) },
    { title: 'steps', cell: ({ done, steps }) => `${done} of ${steps}` },
    { title: 'planned by', cell: ({ plannedBy }) => plannedBy },
    { title: 'planned', cell: ({ plannedAt }) => ago(plannedAt, now) },
    { title: 'reason', cell: ({ reason }) => reason ?? '' },
  ];
}
