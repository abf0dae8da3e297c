// What `halflap bus …` does.

import { HalflapError } from '@halflap/protocol';
import type { BusGroup, BusParked } from '@halflap/server';
import type { Command } from 'commander';
import type { ApiClient } from '../api/client.js';
import { withServer } from '../api/connect.js';
import { findBeginning } from '../api/find-beginning.js';
import { OPERATIONS } from '../api/operations.js';
import { fetchList, type ListOptions } from '../api/pages.js';
import { type Column, listText, showList, tellMissing } from '../api/show-list.js';
import { confirm } from '../ask-line.js';
import { type Colors, count } from '../print.js';
import { ago } from '../quantities.js';

interface PartialOption {
  readonly partial?: boolean;
}

export async function status(options: PartialOption, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const { items, shards } = await client.ask(OPERATIONS.listBusGroups, {});
    printer.json({ groups: items, shards });
    const shown = {
      noun: ['group', 'groups'] as const,
      columns: groupColumns(printer.colors, new Date()),
    };
    printer.line(listText({ items, total: null, hasMore: false }, shown, printer));
    tellMissing(shards, printer, options);
  });
}

interface ParkedOptions extends ListOptions, PartialOption {
  readonly group?: string;
  readonly topic?: string;
}

export async function parked(options: ParkedOptions, command: Command): Promise<void> {
  const { group, topic } = options;
  await withServer(command, (client, printer) =>
    showList(client, printer, {
      operation: OPERATIONS.listBusParked,
      query: { group, topic },
      options,
      noun: ['message', 'messages'],
      columns: parkedColumns(new Date()),
    }),
  );
}

export async function giveBack(
  texts: readonly string[],
  { group }: { readonly group?: string },
  command: Command,
): Promise<void> {
  if ((texts.length === 0) === (group === undefined)) {
    throw new HalflapError('COMMAND_INVALID', 'either messages or a group', {
      hint: 'halflap bus give-back MESSAGE, or --group GROUP',
    });
  }
  await withServer(command, async (client, printer) => {
    const ids =
      group === undefined ? await findAll(client, texts) : await idsOf(client, group, printer.note);
    for (const id of ids) {
      const { topic, group: of } = await client.ask(OPERATIONS.giveBackParked, {
        ...{ params: { id }, body: {} },
      });
      printer.line(`message ${id}: ${topic} is tried again by ${of}`);
    }
    printer.json({ messages: ids, givenBack: true });
    if (ids.length === 0) printer.line('no messages');
  });
}

export async function discard(
  texts: readonly string[],
  { yes }: { readonly yes?: boolean },
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const ids = await findAll(client, texts);
    const number = ids.length === 1 ? 'a message' : `${count(ids.length)} messages`;
    await confirm(printer, `Take ${number} away for good?`, yes === true);
    const messages: BusParked[] = [];
    for (const id of ids) {
      const message = await client.ask(OPERATIONS.discardParked, { params: { id } });
      messages.push(message);
      printer.line(`message ${id}: ${message.topic} is discarded, ${message.group} had it`);
    }
    printer.json({ messages, discarded: true });
  });
}

/** All of them are known before anything is done. */
async function findAll(client: ApiClient, texts: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const text of texts) {
    const id = await findBeginning(client, text, {
      what: 'parked message',
      operation: OPERATIONS.listBusParked,
      about: ({ group, topic }: BusParked) => `${topic} of ${group}`,
      list: 'halflap bus parked',
    });
    ids.push(id);
  }
  return ids;
}

async function idsOf(client: ApiClient, group: string, note: (text: string) => void) {
  const all = { limit: Number.POSITIVE_INFINITY, note };
  const listing = { what: 'messages', query: { group } };
  const { items, shards } = await fetchList(client, OPERATIONS.listBusParked, listing, all);
  const silent = shards.filter(({ ok }) => !ok).map(({ shard }) => shard);
  if (silent.length === 0) return items.map(({ id }) => id);
  throw new HalflapError(
    'STORE_UNAVAILABLE',
    `${silent.join(', ')} does not answer: its messages are missing`,
    { hint: 'repeat it; or name the messages that halflap bus parked shows' },
  );
}

function groupColumns(colors: Colors, now: Date): Column<BusGroup>[] {
  return [
    { title: 'group', cell: ({ group }) => group },
    { title: 'shard', cell: ({ shard }) => shard },
    { title: 'waiting', cell: ({ waiting }) => count(waiting) },
    { title: 'claimed', cell: ({ claimed }) => count(claimed) },
    { title: 'unreadable', cell: ({ unreadable }) => some(unreadable, colors.yellow) },
    { title: 'parked', cell: ({ parked: given }) => some(given, colors.red) },
    { title: 'oldest', cell: ({ since }) => (since === null ? '' : ago(since, now)) },
  ];
}

function some(number: number, paint: (text: string) => string): string {
  return number === 0 ? '0' : paint(count(number));
}

function parkedColumns(now: Date): Column<BusParked>[] {
  return [
    { title: 'message', cell: ({ id }) => id },
    { title: 'group', cell: ({ group }) => group },
    { title: 'topic', cell: ({ topic }) => topic },
    { title: 'reason', cell: ({ reason }) => reason },
    { title: 'attempts', cell: ({ attempts }) => count(attempts) },
    { title: 'server', cell: ({ server }) => server ?? '' },
    { title: 'parked', cell: ({ parkedAt }) => ago(parkedAt, now) },
  ];
}
