// The matrix of a cluster as the API gives it → as the matrix shows it, and what of it needs
// somebody.

import type { Matrix } from '@halflap/server';
import type { Blocked, MatrixCell, MatrixData, MatrixHead } from '../../components/matrix/model';

type Server = Matrix['servers'][number];
type Shard = Matrix['shards'][number];

/** Where the page of a shard is. */
export function shardPath(cluster: string, shard: string): string {
  return `/clusters/${cluster}/shards/${shard}`;
}

/** @param cluster its id, by which heads of shards lead to their pages */
export function matrixDataOf({ servers, shards, cells }: Matrix, cluster: string): MatrixData {
  const rows = new Map(servers.map(({ name }, row) => [name, cells[row] ?? []]));
  const columns = new Map(shards.map(({ name }, column) => [name, column]));
  const known = new Map<string, MatrixCell>();
  for (const [server, row] of rows) {
    for (const [shard, column] of columns) {
      const cell = row[column];
      if (cell !== undefined) known.set(`${server} ${shard}`, cellOf(cell));
    }
  }
  return {
    servers: servers.map(serverHead),
    shards: shards.map((shard) => ({
      ...shardHead(shard),
      path: shardPath(cluster, shard.name),
    })),
    cellOf: (server, shard) => known.get(`${server} ${shard}`),
  };
}

function cellOf({ state, why, remedy }: Matrix['cells'][number][number]): MatrixCell {
  return { state, ...blockedBy(why, remedy) };
}

function serverHead(server: Server): MatrixHead {
  const { name } = server;
  return {
    id: name,
    name,
    release: releaseOf(server),
    phase: doingOf(server),
    ...ofServer(server),
  };
}

/** By its leases; else what its package says. */
export function releaseOf({ running, installed }: Server): string | null {
  return running.length > 0 ? running.join(' and ') : installed;
}

export function doingOf({ running, connected, healthy, excluded }: Server): string {
  if (excluded !== null) return 'left out';
  if (healthy === false) return 'not healthy';
  if (running.length > 0) return 'serving';
  return connected ? 'not running' : 'not connected';
}

function ofServer({ name, running, connected, healthy, excluded }: Server) {
  if (excluded !== null) return blockedBy(`it is left out: ${excluded}`, 'plan another campaign');
  if (healthy === false) {
    return blockedBy('its health check fails', `look at the log of ${name}, then retry its step`);
  }
  if (connected) return {};
  const why = 'the agent of its host is not connected';
  const also = running.length > 0 ? `${why}; it works on, and cannot be upgraded` : why;
  return blockedBy(also, `start the agent of ${name}’s host`);
}

function shardHead(shard: Shard): MatrixHead {
  const { name, phase } = shard;
  const { why, remedy } = standsOf(shard);
  return { id: name, name, release: servedBy(shard), phase, ...blockedBy(why, remedy) };
}

/** `1.0`, or `1.0 and 2.0` while it serves both. */
export function servedBy({ floor, ceiling }: Pick<Shard, 'floor' | 'ceiling'>): string | null {
  return floor === ceiling || ceiling === null ? floor : `${floor} and ${ceiling}`;
}

interface Standing {
  readonly why: string | null;
  readonly remedy: string | null;
}

/** What keeps a shard from going on. */
export function standsOf({ name, unreachable, blocked, quarantined, excluded }: Shard): Standing {
  if (unreachable !== null) {
    return { why: unreachable, remedy: `bring ${name} back; servers go on with the others` };
  }
  if (blocked !== null) return { why: blocked, remedy: `look at it: halflap status` };
  if (quarantined > 0) {
    const rows = quarantined === 1 ? '1 row is' : `${quarantined} rows are`;
    return {
      why: `${rows} in quarantine`,
      remedy: `correct them: halflap quarantine --shard ${name}`,
    };
  }
  if (excluded !== null) return { why: `left out: ${excluded}`, remedy: 'plan another campaign' };
  return { why: null, remedy: null };
}

function blockedBy(why: string | null, remedy: string | null): { blocked?: Blocked } {
  return why === null ? {} : { blocked: { why, unblock: remedy ?? 'somebody has to look' } };
}

export interface Finding {
  readonly name: string;
  /** By which it is shown. */
  readonly state: 'unreachable' | 'refused' | 'waiting' | 'warning' | 'failed';
  readonly why: string;
  readonly remedy: string | null;
}

/** What of a cluster needs somebody, worst first; each thing once. */
export function findingsOf(matrix: Matrix): readonly Finding[] {
  const { servers, shards, cells, strangers, silentShards } = matrix;
  const lost = shards.filter(({ unreachable }) => unreachable !== null);
  const ill = servers.filter(({ healthy, excluded }) => healthy === false && excluded === null);
  return [
    ...lost.map((shard) => finding(shard.name, 'unreachable', standsOf(shard))),
    ...ill.map(({ name }) => ofHead(name, 'failed', { healthy: false })),
    ...servers.flatMap(({ name }, row) => ofRow(name, cells[row] ?? [], 'refused')),
    ...servers.flatMap(({ name }, row) => ofRow(name, cells[row] ?? [], 'waiting')),
    ...shards
      .filter((one) => one.unreachable === null && standsOf(one).why !== null)
      .map((shard) => finding(shard.name, 'warning', standsOf(shard))),
    ...servers.filter(({ connected }) => !connected).map(({ name }) => ofHead(name, 'warning')),
    ...strangers.map(({ server, release }) =>
      finding(server, 'warning', {
        why: `works with release ${release}, and the cluster does not declare it`,
        remedy: 'declare it, or stop it',
      }),
    ),
    ...silentShards.map((name) =>
      finding(name, 'unreachable', {
        why: 'this shard of Halflap does not answer: its hosts are missing here',
        remedy: null,
      }),
    ),
  ];
}

/** Cells of one server that say the same are one finding. */
function ofRow(server: string, row: Matrix['cells'][number], state: 'refused' | 'waiting') {
  const [first, ...others] = row.filter((cell) => cell.state === state);
  if (first === undefined) return [];
  const more = others.length === 0 ? '' : `; so with ${others.length} more shards`;
  const why = `${first.why ?? ''}${more}`;
  return [finding(server, state, { why, remedy: first.remedy })];
}

function ofHead(name: string, state: Finding['state'], { healthy = true } = {}): Finding {
  return healthy
    ? finding(name, state, {
        why: 'the agent of its host is not connected',
        remedy: 'start it, before the server is to be upgraded',
      })
    : finding(name, state, { why: 'its health check fails', remedy: 'look at its log' });
}

function finding(name: string, state: Finding['state'], { why, remedy }: Standing): Finding {
  return { name, state, why: why ?? '', remedy };
}
