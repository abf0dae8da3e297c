// The bus between the servers, as administrators see it: what waits for each group, what was given
// up, and what becomes of that. Each message is on one shard, whichever server is asked.

import { type Static, Type } from 'typebox';
import {
  type Backlog,
  backlogOf,
  discard,
  findParked,
  giveBack,
  PARKED,
  type Parked,
} from '../../bus/backlog.js';
import { Conditions } from '../conditions.js';
import { type FleetPage, fleetPage, type Gathering, shardAnswers } from '../fleet-page.js';
import { isoOf } from '../host-shapes.js';
import { unavailable } from '../problem.js';
import { act, bodyOf, found, type Route, read } from '../route.js';
import {
  count,
  fleetPageOf,
  id,
  instant,
  limitOf,
  name,
  nullable,
  paging,
  ShardAnswer,
} from '../shapes.js';

export const BusGroup = Type.Object({
  shard: Type.String(),
  group: Type.String(),
  waiting: Type.Integer({ minimum: 0, description: 'To be taken, now or after a pause.' }),
  claimed: Type.Integer({ minimum: 0, description: 'A server is at it.' }),
  unreadable: Type.Integer({
    ...{ minimum: 0, description: 'Of those waiting: for a server of a newer release.' },
  }),
  parked: Type.Integer({ minimum: 0, description: 'Given up.' }),
  since: nullable(instant()),
});

export const BusGroups = Type.Object({
  items: Type.Array(BusGroup),
  shards: Type.Array(ShardAnswer),
});

export const BusParked = Type.Object({
  id: id('Names the message, for its group.'),
  shard: Type.String(),
  group: Type.String(),
  message: id('The same for all groups.'),
  topic: Type.String(),
  key: nullable(Type.String()),
  reason: Type.String({ description: 'Why it was given up.' }),
  attempts: count(),
  losses: Type.Integer({ minimum: 0, description: 'Servers that have vanished over it.' }),
  server: nullable(Type.String({ description: 'Which has given it up.' })),
  parkedAt: instant(),
  publishedAt: instant(),
  envelope: Type.String({ description: 'The message as it was published: JSON.' }),
});

const params = { id: id() };
const permission = 'bus:manage';

export function busRoutes(on: Gathering): readonly Route[] {
  return [listGroups(on), listParked(on), giveBackOne(on), discardOne(on)];
}

function listGroups(on: Gathering): Route {
  return read({
    method: 'GET',
    path: '/api/v1/bus/groups',
    summary: 'How much waits for each group of the bus on each shard.',
    permission,
    answer: BusGroups,
    async handle() {
      const { rows, outcomes } = await backlogOf(on.store.fleet, on.settings.shardMs);
      return { items: rows.map(groupOf), shards: shardAnswers(on, outcomes) };
    },
  });
}

function listParked(on: Gathering): Route {
  return read({
    method: 'GET',
    path: '/api/v1/bus/parked',
    summary: 'Messages of the bus that were given up, the latest first.',
    permission,
    query: {
      ...paging,
      group: Type.Optional(name(100)),
      topic: Type.Optional(name(100)),
      total: Type.Optional(Type.Boolean({ description: 'Count them, too.' })),
    },
    answer: fleetPageOf(BusParked),
    async handle({ query: { group, topic, cursor, total = false, ...query } }) {
      const conditions = new Conditions();
      if (group !== undefined) conditions.add(`p.group_name = ${conditions.place(group)}`);
      if (topic !== undefined) conditions.add(`p.topic = ${conditions.place(topic)}`);
      const list = {
        ...{ columns: `${PARKED.id} as id, ${PARKED.columns}`, from: PARKED.from, conditions },
        ...{ direction: 'desc' as const, id: PARKED.id, shardColumn: 'shard' },
        sort: { expression: 'p.parked_at', type: 'timestamptz' },
        mark: { parked: [group, topic] },
      };
      const page: FleetPage<Parked> = await fleetPage(on, list, {
        ...{ limit: limitOf(query), cursor, total },
      });
      const { rows, next, shards } = page;
      return { items: rows.map(parkedOf), next, total: page.total, shards };
    },
  });
}

function giveBackOne(on: Gathering): Route {
  return act({
    method: 'POST',
    path: '/api/v1/bus/parked/:id/give-back',
    summary: 'Has a message tried again from the beginning, behind what waits of its key.',
    permission,
    params,
    body: bodyOf({}),
    answer: BusParked,
    audit: { act: 'bus-message.give-back', on: ({ params }) => `bus message ${params.id}` },
    handle: ({ params }) => settle(on, params.id, giveBack),
  });
}

function discardOne(on: Gathering): Route {
  return act({
    method: 'DELETE',
    path: '/api/v1/bus/parked/:id',
    summary: 'Takes a message away for good; the answer is the last that is seen of it.',
    permission,
    params,
    answer: BusParked,
    audit: { act: 'bus-message.discard', on: ({ params }) => `bus message ${params.id}` },
    handle: ({ params }) => settle(on, params.id, discard),
  });
}

/** @throws API_NOT_FOUND; STORE_UNAVAILABLE when a shard that is away may have it */
async function settle(on: Gathering, id: string, how: typeof giveBack) {
  const { fleet } = on.store;
  const { shardMs } = on.settings;
  const { parked, outcomes } = await findParked(fleet, id, shardMs);
  const silent = outcomes.find(({ ok }) => !ok);
  if (parked === undefined && silent !== undefined) throw unavailable(silent.error);
  const there = found(parked, `parked message ${id}`);
  const isDone = await how(fleet.shard(there.shard), there, shardMs);
  return parkedOf(found(isDone ? there : undefined, `parked message ${id}`));
}

function groupOf({ since, seconds: _, ...backlog }: Backlog): Static<typeof BusGroup> {
  return { ...backlog, since: isoOf(since) };
}

function parkedOf({ position: _, parkedAt, publishedAt, ...row }: Parked) {
  return { ...row, parkedAt: parkedAt.toISOString(), publishedAt: publishedAt.toISOString() };
}
