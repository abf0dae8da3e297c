// A host as people name it: its id, or its hostname where no other host has that.

import { HalflapError } from '@halflap/protocol';
import type { HostSummary } from '@halflap/server';
import type { ApiClient } from './client.js';
import { OPERATIONS } from './operations.js';

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Hosts that are told of when there is none, or more than one. */
const TOLD = 20;

/**
 * The id of the host. `use` says what for: a shard that does not answer may have another host of
 * that name, which a host that is only looked at may be taken for, and one that is changed may not.
 * @throws COMMAND_INVALID when several hosts have the name; API_NOT_FOUND when none has it;
 * STORE_UNAVAILABLE when that cannot be known
 */
export async function findHost(
  client: ApiClient,
  name: string,
  use: 'look' | 'change',
): Promise<string> {
  if (ID.test(name)) return name.toLowerCase();
  const { items, shards = [] } = await client.ask(OPERATIONS.listHosts, {
    query: { hostname: name, limit: TOLD },
  });
  const missing = shards.filter(({ ok }) => !ok).map(({ shard }) => shard);
  const [first, ...others] = items;
  if (others.length > 0) throw ambiguous(name, items);
  if (missing.length > 0 && (use === 'change' || first === undefined)) {
    const found = first === undefined ? 'none' : `one (${first.id})`;
    throw new HalflapError(
      'STORE_UNAVAILABLE',
      `whether a host is named ${name} is unknown: ${missing.join(', ')} does not answer, ` +
        `the other shards have ${found}`,
      { hint: 'name the host by its id' },
    );
  }
  if (first !== undefined) return first.id;
  throw await unknown(client, name);
}

function ambiguous(name: string, hosts: readonly HostSummary[]): HalflapError {
  return new HalflapError('COMMAND_INVALID', `more than one host is named ${name}`, {
    detail: { evidence: hosts.map(lineOf) },
    hint: 'name it by its id',
  });
}

async function unknown(client: ApiClient, name: string): Promise<HalflapError> {
  const { items } = await client.ask(OPERATIONS.listHosts, {
    query: { search: name.slice(0, 255), limit: TOLD },
  });
  return new HalflapError('API_NOT_FOUND', `no host is named ${name}, or not for you`, {
    detail: { evidence: items.map(lineOf) },
    hint: items.length > 0 ? 'these are named like it' : 'halflap hosts list',
  });
}

/** `8f3…  web-01.example  active  env=prod`. */
function lineOf({ id, hostname, state, labels }: HostSummary): string {
  return [id, hostname, state, labelsText(labels)].filter((part) => part !== '').join('  ');
}

/** `env=prod role=web`. */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => (value === '' ? key : `${key}=${value}`))
    .sort()
    .join(' ');
}
