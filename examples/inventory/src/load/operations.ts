// What a client of the service does, one request each, and what it then knows.
//
// Every write goes into the ledger when, and only when, a server acknowledged it. Every read is
// compared with the ledger, unless a write of one's own may have crossed it.

import { DIALECTS, type Dialect, type Edit, type Json } from './dialect.js';
import { differences, type Facts, SITES, STATUSES } from './facts.js';
import type { Reply } from './http-client.js';
import type { Entry, Ledger } from './ledger.js';
import type { Target } from './messages.js';
import type { Random } from './random.js';

/** Sends one request; counts it. @throws Error when no whole answer came. */
export type Send = (target: Target, method: string, path: string, body?: Json) => Promise<Reply>;

export interface Context {
  readonly ledger: Ledger;
  readonly random: Random;
  readonly target: Target;
  readonly send: Send;
  /** An answer that contradicts the ledger. */
  contradiction(text: string): void;
}

/** A reply that the API does not give for this request: a failed statement. */
export class UnexpectedReply extends Error {
  constructor(what: string, reply: Reply) {
    super(`${what}: ${reply.status} ${JSON.stringify(reply.body)} (release ${reply.release})`);
    this.name = 'UnexpectedReply';
  }
}

export async function heartbeat(context: Context, entry: Entry): Promise<void> {
  const { ledger, random, send, target } = context;
  const version = entry.version;
  const wasAlive = entry.exists && !entry.isBusy;
  entry.beating += 1;
  try {
    const reply = await send(target, 'POST', `/hosts/${entry.name}/heartbeat`, {
      load: Math.round(random.next() * 800) / 100,
      agentVersion: `7.${random.below(4)}.${random.below(10)}`,
    });
    const isDeleted = entry.version !== version && !entry.exists;
    const mayBeGone = isDeleted || entry.isBusy || !wasAlive;
    if (reply.status === 200) ledger.beat(entry, entry.exists);
    else if (reply.status !== 404 || !mayBeGone) throw new UnexpectedReply('heartbeat', reply);
  } finally {
    entry.beating -= 1;
  }
}

export async function edit(context: Context, entry: Entry): Promise<void> {
  const { random } = context;
  const change: Edit = {
    ...(random.next() < 0.7 ? { owner: `team-${random.below(1000)}` } : {}),
    ...(random.next() < 0.3 ? { memoryMb: 256 * (1 + random.below(1024)) } : {}),
    ...(random.next() < 0.3 ? { tags: [`rack-${random.below(50)}`, 'edited'] } : {}),
    ...(random.next() < 0.1 ? { site: random.pick(SITES).code } : {}),
  };
  await exclusively(entry, async () => {
    const body = dialect(context).edit(change);
    const reply = await context.send(context.target, 'PATCH', `/hosts/${entry.name}`, body);
    if (reply.status !== 200) throw new UnexpectedReply('edit', reply);
    context.ledger.edited(entry, change);
    compare(context, entry, reply, { what: 'edit' });
  });
}

export async function setStatus(context: Context, entry: Entry): Promise<void> {
  const { random } = context;
  const status = random.pick(STATUSES);
  const reason = status === 'ok' ? null : `check ${random.below(100_000)}`;
  await exclusively(entry, async () => {
    const body = dialect(context).status(status, reason);
    const reply = await context.send(context.target, 'PUT', `/hosts/${entry.name}/status`, body);
    if (reply.status !== 200) throw new UnexpectedReply('status', reply);
    context.ledger.statusSet(entry, status, reason);
    compare(context, entry, reply, { what: 'status' });
  });
}

export async function create(context: Context, entry: Entry): Promise<void> {
  const { random } = context;
  const facts: Facts = {
    owner: `team-${random.below(1000)}`,
    site: random.pick(SITES).code,
    memoryMb: 512 * (1 + random.below(64)),
    tags: ['new'],
    status: 'unknown',
    reason: null,
  };
  await exclusively(entry, async () => {
    const { status: _status, reason: _reason, ...fields } = facts;
    const body = { name: entry.name, ...dialect(context).edit(fields) };
    const reply = await context.send(context.target, 'POST', '/hosts', body);
    if (reply.status !== 201) throw new UnexpectedReply('create', reply);
    context.ledger.created(entry, facts);
    compare(context, entry, reply, { what: 'create' });
  });
}

export async function remove(context: Context, entry: Entry): Promise<void> {
  await exclusively(entry, async () => {
    const reply = await context.send(context.target, 'DELETE', `/hosts/${entry.name}`);
    if (reply.status !== 204) throw new UnexpectedReply('delete', reply);
    context.ledger.deleted(entry);
  });
}

export async function read(context: Context, entry: Entry): Promise<void> {
  const { version, isBusy, exists } = entry;
  const atLeast = entry.initialHeartbeats + context.ledger.heartbeats(entry);
  const reply = await context.send(context.target, 'GET', `/hosts/${entry.name}`);
  if (reply.status !== 200 && reply.status !== 404) throw new UnexpectedReply('read', reply);
  if (isBusy || entry.isBusy || entry.version !== version || entry.isUncertain) return;
  if (!exists && reply.status === 200) context.contradiction(`${entry.name} was deleted`);
  if (exists && reply.status === 404) context.contradiction(`${entry.name} is missing`);
  if (reply.status === 404) return;
  compare(context, entry, reply, { what: 'read', atLeast });
}

/** One page over all shards: must be in order and hold what was asked for. */
export async function list(context: Context, after: string): Promise<void> {
  const limit = 25;
  const path = `/hosts?after=${after}&limit=${limit}`;
  const reply = await context.send(context.target, 'GET', path);
  if (reply.status !== 200) throw new UnexpectedReply('list', reply);
  const hosts = (reply.body.hosts as Json[]).map((host) => String(host.name));
  const isOrdered = hosts.every((name, index) => name > (hosts[index - 1] ?? after));
  if (!isOrdered || hosts.length > limit) context.contradiction(`list after ${after}: ${hosts}`);
}

function compare(
  context: Context,
  entry: Entry,
  reply: Reply,
  { what, atLeast = 0 }: { readonly what: string; readonly atLeast?: number },
): void {
  const found = dialect(context).host(reply.body);
  for (const difference of entry.isOwned ? differences(entry.facts, found) : []) {
    context.contradiction(`${what} of ${entry.name} at ${context.target.release}: ${difference}`);
  }
  if (found.heartbeats < atLeast) {
    context.contradiction(
      `${what} of ${entry.name} at ${context.target.release}: ` +
        `${found.heartbeats} heartbeats, at least ${atLeast} were acknowledged`,
    );
  }
}

function dialect(context: Context): Dialect {
  return DIALECTS[context.target.release];
}

/** Edits of one host follow one another; one that fails leaves the host uncertain. */
async function exclusively(entry: Entry, body: () => Promise<void>): Promise<void> {
  entry.isBusy = true;
  try {
    await body();
  } catch (error) {
    entry.isUncertain = true;
    throw error;
  } finally {
    entry.isBusy = false;
  }
}
