// The HTTP API of release 2.0 as a value: routes over its fleet, no port, no process.

import type { Fleet } from '@halflap/client';
import { optionalNumber, optionalText, optionalTexts, page, text } from '../http/input.js';
import type { Service } from '../http/process.js';
import { type Answer, type Call, found, HttpError, ok, router, sqlState } from '../http/router.js';
import { on, type Place, servedMode, transaction, upserting } from './database.js';
import * as hosts from './hosts.js';

const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';
const MEBIBYTE = 2 ** 20;
const NO_HEARTBEAT = { lastSeen: null, count: 0, load: null, agentVersion: null };

export function createApp(fleet: Fleet, server: string): Service {
  const placeOf = (call: Call): Place => ({
    fleet,
    hostName: call.params.name ?? '',
    tally: call.tally,
  });
  const routes = {
    'GET /healthz': async () => ok({ release: '2.0', server }),
    'GET /status': async () => ok({ release: '2.0', server, shards: shardsOf(fleet) }),
    'GET /hosts': (call: Call) => gather(fleet, call),
    'POST /hosts': (call: Call) => create(fleet, call),
    'GET /hosts/:name': async (call: Call) => {
      const place = placeOf(call);
      const host = found(await hosts.findHost(on(place), place.hostName), place.hostName);
      return ok(isAsBefore(fleet, call, host) ? { ...host, heartbeat: NO_HEARTBEAT } : host);
    },
    'GET /hosts/:name/events': async (call: Call) => {
      const place = placeOf(call);
      return ok({ events: await hosts.listEvents(on(place), place.hostName) });
    },
    'PATCH /hosts/:name': async (call: Call) => {
      const place = placeOf(call);
      const edit = editOf(fleet, call);
      const host = await transaction(place, (shard) => hosts.editHost(shard, place.hostName, edit));
      return ok(found(host, place.hostName));
    },
    'POST /hosts/:name/heartbeat': (call: Call) => beat(placeOf(call), call),
    'PUT /hosts/:name/status': (call: Call) => putStatus(placeOf(call), call),
    'DELETE /hosts/:name': async (call: Call) => {
      const place = placeOf(call);
      const isDeleted = await transaction(place, (shard) =>
        hosts.deleteHost(shard, place.hostName),
      );
      found(isDeleted || undefined, place.hostName);
      return { status: 204 };
    },
  };
  return {
    listener: router(routes, { 'x-inventory-release': '2.0', 'x-inventory-server': server }),
    close: () => fleet.close(),
  };
}

function shardsOf(fleet: Fleet) {
  return fleet.status().map(({ shard, mode, phase, reason }) => ({
    name: shard,
    mode,
    phase,
    reason,
  }));
}

/** One page over all shards, in the order of names. */
async function gather(fleet: Fleet, call: Call): Promise<Answer> {
  const { after, limit } = page(call.query);
  const { rows, outcomes } = await fleet.gather<hosts.HostRow>(hosts.LIST_HOSTS, [after, limit], {
    orderBy: [{ column: 'name' }],
    limit,
    requireAll: true,
  });
  for (const { shard, mode } of outcomes) call.tally.add(shard, servedMode(mode));
  return ok({ hosts: rows.map(hosts.hostOf) });
}

async function create(fleet: Fleet, call: Call): Promise<Answer> {
  const name = text(call.body, 'name');
  text(call.body, 'team');
  const place = { fleet, hostName: name, tally: call.tally };
  const edit = editOf(fleet, call);
  try {
    const host = await transaction(place, (shard) => hosts.createHost(shard, name, edit));
    return { status: 201, body: host };
  } catch (error) {
    if (sqlState(error) !== UNIQUE_VIOLATION) throw error;
    throw new HttpError(409, `${name} exists`);
  }
}

async function beat(place: Place, call: Call): Promise<Answer> {
  const heartbeat = {
    load: optionalNumber(call.body, 'load'),
    agentVersion: optionalText(call.body, 'agentVersion'),
  };
  const count = await upserting(place, (shard) =>
    hosts.recordHeartbeat(shard, place.hostName, heartbeat),
  ).catch((error) => gone(error, place));
  return ok({ heartbeatCount: found(count, place.hostName) });
}

async function putStatus(place: Place, call: Call): Promise<Answer> {
  const status = { state: text(call.body, 'state'), reason: optionalText(call.body, 'reason') };
  const host = await upserting(place, (shard) =>
    hosts.setStatus(shard, place.hostName, status),
  ).catch((error) => gone(error, place));
  return ok(found(host, place.hostName));
}

/** The host was deleted after its id had been read. */
function gone(error: unknown, place: Place): never {
  if (sqlState(error) !== FOREIGN_KEY_VIOLATION) throw error;
  throw new HttpError(404, `no ${place.hostName}`);
}

function editOf(fleet: Fleet, call: Call): hosts.HostEdit {
  return {
    team: optionalText(call.body, 'team'),
    site: optionalText(call.body, 'site'),
    memoryBytes: memoryOf(fleet, call),
    tags: optionalTexts(call.body, 'tags'),
  };
}

/** What 1.0 cannot keep is taken when nobody is of that release and an operator says so. */
function memoryOf(fleet: Fleet, call: Call): number | null {
  const bytes = optionalNumber(call.body, 'memoryBytes');
  if (bytes === null || bytes % MEBIBYTE === 0 || fleet.isEnabled('exact_memory')) return bytes;
  throw new HttpError(409, 'memoryBytes: whole MiB until the feature exact_memory is enabled');
}

/** For a client that says of itself, by `?release=1.0`, that it was made for that release. */
function isAsBefore(fleet: Fleet, call: Call, { heartbeat }: hosts.Host): boolean {
  const declared = call.query.get('release');
  if (heartbeat !== null || declared === null) return false;
  return fleet.behaves('zero_heartbeat', declared) === 'retained';
}
