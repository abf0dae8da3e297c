// The HTTP API of release 1.0 as a value: routes over its shards, no port, no process.

import { optionalNumber, optionalText, optionalTexts, page, text } from '../http/input.js';
import type { Service } from '../http/process.js';
import { type Answer, type Call, found, HttpError, ok, router, sqlState } from '../http/router.js';
import * as hosts from './hosts.js';
import type { Shards } from './shards.js';

const UNIQUE_VIOLATION = '23505';

export function createApp(shards: Shards, server: string): Service {
  const one = (call: Call) => {
    const name = call.params.name ?? '';
    const shard = shards.of(name);
    return { name, shard, database: shards.on(shard, call.tally) };
  };
  const routes = {
    'GET /healthz': async () => ok({ release: '1.0', server }),
    'GET /status': async () => ok({ release: '1.0', server, shards: modes(shards) }),
    'GET /hosts': (call: Call) => gather(shards, call),
    'POST /hosts': (call: Call) => create(shards, call),
    'GET /hosts/:name': async (call: Call) => {
      const { name, database } = one(call);
      return ok(found(await hosts.findHost(database, name), `host ${name}`));
    },
    'GET /hosts/:name/events': async (call: Call) => {
      const { name, database } = one(call);
      return ok({ events: await hosts.listEvents(database, name) });
    },
    'PATCH /hosts/:name': async (call: Call) => {
      const { name, database } = one(call);
      return ok(found(await hosts.editHost(database, name, editOf(call)), `host ${name}`));
    },
    'POST /hosts/:name/heartbeat': async (call: Call) => {
      const { name, database } = one(call);
      const count = await hosts.recordHeartbeat(database, name, {
        load: optionalNumber(call.body, 'load'),
        agentVersion: optionalText(call.body, 'agentVersion'),
      });
      return ok({ heartbeatCount: found(count, `host ${name}`) });
    },
    'PUT /hosts/:name/status': (call: Call) => putStatus(shards, call),
    'DELETE /hosts/:name': async (call: Call) => {
      const { name, database } = one(call);
      found((await hosts.deleteHost(database, name)) || undefined, `host ${name}`);
      return { status: 204 };
    },
  };
  return {
    listener: router(routes, { 'x-inventory-release': '1.0', 'x-inventory-server': server }),
    close: () => shards.close(),
  };
}

function modes(shards: Shards): { name: string; mode: 'native' }[] {
  return shards.names.map((name) => ({ name, mode: 'native' }));
}

/**
 * One page over all shards: each gives its own first rows, the merged list keeps the first of
 * all.
 */
async function gather(shards: Shards, call: Call): Promise<Answer> {
  const { after, limit } = page(call.query);
  const lists = await Promise.all(
    shards.names.map((shard) => hosts.listHosts(shards.on(shard, call.tally), after, limit)),
  );
  const merged = lists.flat().sort((left, right) => (left.name < right.name ? -1 : 1));
  return ok({ hosts: merged.slice(0, limit) });
}

async function create(shards: Shards, call: Call): Promise<Answer> {
  const name = text(call.body, 'name');
  text(call.body, 'owner');
  try {
    const host = await shards.transaction(shards.of(name), call.tally, (database) =>
      hosts.createHost(database, name, editOf(call)),
    );
    return { status: 201, body: host };
  } catch (error) {
    if (sqlState(error) !== UNIQUE_VIOLATION) throw error;
    throw new HttpError(409, `host ${name} exists`);
  }
}

async function putStatus(shards: Shards, call: Call): Promise<Answer> {
  const name = call.params.name ?? '';
  const status = { status: text(call.body, 'status'), reason: optionalText(call.body, 'reason') };
  const host = await shards.transaction(shards.of(name), call.tally, (database) =>
    hosts.setStatus(database, name, status),
  );
  return ok(found(host, `host ${name}`));
}

function editOf(call: Call): hosts.HostEdit {
  return {
    owner: optionalText(call.body, 'owner'),
    site: optionalText(call.body, 'site'),
    memoryMb: optionalNumber(call.body, 'memoryMb'),
    tags: optionalTexts(call.body, 'tags'),
  };
}
