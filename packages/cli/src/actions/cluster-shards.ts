// What `halflap clusters shards …` does.

import { EXIT } from '@halflap/protocol';
import type { Quarantined, Shard, ShardStep } from '@halflap/server';
import type { Command } from 'commander';
import { OPERATIONS } from '../api/operations.js';
import type { ListOptions } from '../api/pages.js';
import { type Column, showList } from '../api/show-list.js';
import { withCluster } from '../api/with-cluster.js';
import { type Colors, count } from '../print.js';
import { ago } from '../quantities.js';
import { shardText } from '../shard-view.js';

export async function show(
  name: string,
  shard: string,
  _options: object,
  command: Command,
): Promise<void> {
  await withCluster(command, name, async ({ client, printer, id }) => {
    const seen = await client.ask(OPERATIONS.showShard, { params: { id, shard } });
    printer.json({ shard: seen });
    printer.line(shardText(seen, { ...printer, now: new Date() }));
    process.exitCode = exitOf(seen);
  });
}

function exitOf({ state, blocked, quarantined, work }: Shard) {
  if (state === 'away') return EXIT.unreachable;
  const differs = work.some(({ differences }) => differences > 0);
  return state !== 'known' || blocked !== null || quarantined > 0 || differs
    ? EXIT.refused
    : EXIT.done;
}

export async function journal(
  name: string,
  shard: string,
  options: ListOptions,
  command: Command,
): Promise<void> {
  await withCluster(command, name, async ({ client, printer, id }) => {
    await showList(client, printer, {
      operation: OPERATIONS.listShardJournal,
      params: { id, shard },
      options,
      noun: ['step', 'steps'],
      columns: stepColumns(printer.colors, new Date()),
    });
  });
}

interface QuarantineOptions extends ListOptions {
  readonly relation?: string;
}

export async function quarantine(
  name: string,
  shard: string,
  { relation, ...options }: QuarantineOptions,
  command: Command,
): Promise<void> {
  await withCluster(command, name, async ({ client, printer, id }) => {
    await showList(client, printer, {
      operation: OPERATIONS.listQuarantine,
      params: { id, shard },
      query: { relation },
      options,
      noun: ['row', 'rows'],
      columns: rowColumns(new Date()),
    });
  });
}

interface RetryOptions {
  readonly row?: readonly string[];
  readonly reason?: string;
}

export async function retry(
  name: string,
  shard: string,
  { row: rows, reason }: RetryOptions,
  command: Command,
): Promise<void> {
  await withCluster(command, name, async ({ client, printer, id }) => {
    const body = {
      ...(rows === undefined ? {} : { rows }),
      ...(reason === undefined ? {} : { reason }),
    };
    const done = await client.ask(OPERATIONS.retryQuarantine, { params: { id, shard }, body });
    printer.json({ id, shard, ...done });
    const { tried, carried, left } = done;
    printer.line(
      `${shard}: ${count(carried)} of ${count(tried)} rows carried, ${count(left)} left`,
    );
    if (left > 0) process.exitCode = EXIT.refused;
  });
}

export async function drift(
  name: string,
  shard: string,
  _options: object,
  command: Command,
): Promise<void> {
  await withCluster(command, name, async ({ client, printer, id }) => {
    const found = await client.ask(OPERATIONS.showDrift, { params: { id, shard } });
    printer.json({ drift: found });
    const { state, release, why, differences } = found;
    if (state === 'same') printer.line(`${shard} is as release ${release} has it`);
    else if (state === 'differs') printer.line(differences.join('\n'));
    else printer.line(`${shard}: ${why}`);
    if (state === 'differs') process.exitCode = EXIT.refused;
    if (state === 'away') process.exitCode = EXIT.unreachable;
  });
}

function stepColumns(colors: Colors, now: Date): Column<ShardStep>[] {
  return [
    { title: 'evolution', cell: ({ evolution }) => evolution },
    { title: 'step', cell: ({ step }) => step },
    { title: 'begun', cell: ({ startedAt }) => ago(startedAt, now) },
    {
      title: 'finished',
      cell: ({ finishedAt }) =>
        finishedAt === null ? colors.yellow('not yet') : ago(finishedAt, now),
    },
    { title: 'by', cell: ({ runner }) => runner },
    { title: '', cell: ({ notes }) => notes.join('\n') },
  ];
}

function rowColumns(now: Date): Column<Quarantined>[] {
  return [
    { title: 'row', cell: ({ id }) => id },
    { title: 'relation', cell: ({ relation }) => relation },
    { title: 'key', cell: ({ key }) => JSON.stringify(key) },
    { title: 'SQLSTATE', cell: ({ sqlstate }) => sqlstate },
    { title: 'reason', cell: ({ reason }) => reason },
    { title: 'noticed', cell: ({ noticedAt }) => ago(noticedAt, now) },
  ];
}
