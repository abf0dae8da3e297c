// What `halflap clusters features …`, `… messages …` and `… behaviours …` do: they ask a server,
// where `halflap features` and its neighbours ask the shards.

import { HalflapError } from '@halflap/protocol';
import type {
  ClusterBehaviour,
  ClusterFeature,
  ClusterMessages,
  FeatureMoved,
} from '@halflap/server';
import type { Command } from 'commander';
import type { ApiClient } from '../api/client.js';
import { harmless } from '../api/harmless.js';
import { OPERATIONS } from '../api/operations.js';
import { type Column, listText, tellMissing } from '../api/show-list.js';
import { withCluster } from '../api/with-cluster.js';
import { confirm } from '../ask-line.js';
import { count, type Printer } from '../print.js';

export async function features(name: string, _options: object, command: Command): Promise<void> {
  await withCluster(command, name, async ({ client, printer, id }) => {
    const params = { id };
    const seen = await client.ask(OPERATIONS.listClusterFeatures, { params });
    printer.json(seen);
    printer.line(textOf(seen.features, FEATURES, printer));
    for (const one of seen.features) tellAgainst(one, printer);
    tellMissing(seen.shards, printer, {});
  });
}

function tellAgainst(one: ClusterFeature, { line }: Printer): void {
  const { feature, state, against, againstInAll } = one;
  if (against.length === 0 || state === 'enabled') return;
  line(`\nagainst ${harmless(feature)}:`);
  for (const text of against) line(`  ${harmless(text)}`);
  const more = againstInAll - against.length;
  if (more > 0) line(`  and ${count(more)} more`);
}

interface ActOptions {
  readonly timeout: number;
  readonly acceptNoWayBack?: boolean;
}

export async function enable(
  name: string,
  feature: string,
  { timeout, acceptNoWayBack = false }: ActOptions,
  command: Command,
): Promise<void> {
  await move(command, { name, feature, timeoutMs: timeout }, (client, params) =>
    client.ask(OPERATIONS.enableFeature, { params, body: { acceptNoWayBack } }),
  );
}

export async function disable(
  name: string,
  feature: string,
  { timeout }: ActOptions,
  command: Command,
): Promise<void> {
  await move(command, { name, feature, timeoutMs: timeout }, (client, params) =>
    client.ask(OPERATIONS.disableFeature, { params, body: {} }),
  );
}

interface Moving {
  readonly name: string;
  readonly feature: string;
  readonly timeoutMs: number;
}

type Act = (
  client: ApiClient,
  params: { readonly id: string; readonly feature: string },
) => Promise<FeatureMoved>;

/** A server goes on for some seconds with each request. @throws WAIT_TIMED_OUT */
async function move(command: Command, { name, feature, timeoutMs }: Moving, act: Act) {
  const deadline = performance.now() + timeoutMs;
  await withCluster(command, name, async ({ client, printer, id }) => {
    for (;;) {
      const { state, changed, waitsFor } = await act(client, { id, feature });
      if (state !== 'underway') {
        printer.json({ feature, state, changed });
        printer.line(`${feature}: ${state}${changed ? '' : ' already'} in ${name}`);
        return;
      }
      const evidence = waitsFor.map(harmless);
      if (performance.now() > deadline) {
        throw new HalflapError('WAIT_TIMED_OUT', `feature ${feature} is not everywhere yet`, {
          detail: { evidence },
          hint: 'a server that is gone is waited for until its lease ends; the command goes on',
        });
      }
      printer.note(`waits until it is heard of: ${evidence.join(', ') || 'shards are slow'}`);
    }
  });
}

export async function messages(name: string, _options: object, command: Command): Promise<void> {
  await withCluster(command, name, async ({ client, printer, id }) => {
    const params = { id };
    const seen = await client.ask(OPERATIONS.listClusterMessages, { params });
    printer.json(seen);
    const { level, speakers, parked, more } = seen;
    printer.line(level === null ? 'no server lives' : `servers write as ${harmless(level)} does`);
    for (const { release, servers, types } of speakers) {
      const known = types.length === 0 ? 'no messages' : types.map(harmless).join(', ');
      const who = servers.map(harmless).join(', ');
      printer.line(`${harmless(release)}: ${known} (${who})`);
    }
    printer.line(textOf(parked, PARKED, printer));
    if (more) printer.note('there are more: give these back, or discard them, and look again');
    tellMissing(seen.shards, printer, {});
  });
}

interface PickOptions {
  readonly shard: string;
  readonly id?: readonly string[];
}

export async function giveBack(
  name: string,
  { shard, id: ids }: PickOptions,
  command: Command,
): Promise<void> {
  await withCluster(command, name, async ({ client, printer, id }) => {
    const params = { id };
    const body = { shard, ids };
    const given = await client.ask(OPERATIONS.giveBackMessages, { params, body });
    printer.json({ shard, givenBack: given.ids });
    printer.line(`${shard}: ${given.ids.length} given back`);
  });
}

export async function discard(
  name: string,
  { shard, id: ids = [], yes }: PickOptions & { readonly yes?: boolean },
  command: Command,
): Promise<void> {
  await withCluster(command, name, async ({ client, printer, id }) => {
    const params = { id };
    const number = ids.length === 1 ? 'a message' : `${count(ids.length)} messages`;
    await confirm(printer, `Take ${number} away for good?`, yes === true);
    const gone = await client.ask(OPERATIONS.discardMessages, { params, body: { shard, ids } });
    printer.json({ shard, discarded: gone.ids });
    printer.line(`${shard}: ${gone.ids.length} discarded`);
  });
}

export async function behaviours(name: string, _options: object, command: Command): Promise<void> {
  await withCluster(command, name, async ({ client, printer, id }) => {
    const params = { id };
    const seen = await client.ask(OPERATIONS.listClusterBehaviours, { params });
    printer.json(seen);
    printer.line(textOf(seen.behaviours, BEHAVIOURS, printer));
    for (const { behaviour, warning } of seen.behaviours) {
      if (warning !== null) printer.note(harmless(`warning: ${behaviour} ${warning}`));
    }
    tellMissing(seen.shards, printer, {});
  });
}

interface Shown<Item> {
  readonly noun: readonly [string, string];
  readonly columns: readonly Column<Item>[];
}

/** What servers say of themselves and of messages is nobody's word but theirs. */
function textOf<Item>(items: readonly Item[], { noun, columns }: Shown<Item>, printer: Printer) {
  const safe = columns.map(({ title, cell }) => {
    return { title, cell: (item: Item) => harmless(cell(item)) };
  });
  return listText({ items, total: null, hasMore: false }, { noun, columns: safe }, printer);
}

const FEATURES: Shown<ClusterFeature> = {
  noun: ['feature', 'features'],
  columns: [
    { title: 'feature', cell: ({ feature }) => feature },
    { title: 'since', cell: ({ since }) => since },
    { title: 'state', cell: ({ state }) => state },
    {
      title: 'supported by',
      cell: ({ servers }) => {
        const supporting = servers.filter(({ supports }) => supports);
        return `${supporting.length} of ${servers.length} servers`;
      },
    },
    { title: 'way back', cell: ({ reversible }) => (reversible ? 'disable' : 'none') },
    { title: 'about', cell: ({ about }) => about },
  ],
};

const PARKED: Shown<ClusterMessages['parked'][number]> = {
  noun: ['parked message', 'parked messages'],
  columns: [
    { title: 'shard', cell: ({ shard }) => shard },
    { title: 'id', cell: ({ id }) => id },
    { title: 'consumer', cell: ({ consumer }) => consumer },
    { title: 'type', cell: ({ type }) => type ?? '?' },
    { title: 'level', cell: ({ level }) => level ?? '?' },
    { title: 'server', cell: ({ server }) => server },
    { title: 'times', cell: ({ times }) => count(times) },
    {
      title: 'reason',
      cell: ({ reason, returnedAt }) => (returnedAt === null ? reason : `given back; ${reason}`),
    },
  ],
};

const BEHAVIOURS: Shown<ClusterBehaviour> = {
  noun: ['retained behaviour', 'retained behaviours'],
  columns: [
    { title: 'behaviour', cell: ({ behaviour }) => behaviour },
    { title: 'changed in', cell: ({ changedIn }) => changedIn ?? '?' },
    { title: 'retained', cell: ({ uses }) => count(uses.retained) },
    { title: 'changed', cell: ({ uses }) => count(uses.changed) },
    {
      title: 'last retained by',
      cell: ({ retained }) => {
        const [last] = retained.toSorted((a, b) => b.lastUsed.localeCompare(a.lastUsed));
        return last === undefined ? 'nobody' : `${last.server}, ${last.lastUsed.slice(0, 10)}`;
      },
    },
    { title: 'expires', cell: ({ expires }) => expires ?? '' },
    { title: 'about', cell: ({ about }) => about ?? '' },
  ],
};
