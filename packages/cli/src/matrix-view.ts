// The matrix of servers × shards as a table, and below it why something does not work.

import type { Matrix } from '@halflap/server';
import { type Colors, count, type Printer } from './print.js';
import { table } from './table.js';

type Cell = Matrix['cells'][number][number];

/** A row for each server, a column for each shard. */
export function matrixText(
  matrix: Matrix,
  { colors, width }: Pick<Printer, 'colors' | 'width'>,
): string {
  const head = ['server', 'release', ...matrix.shards.map(({ name }) => name)];
  const phases = ['', '', ...matrix.shards.map(phaseText)];
  const rows = matrix.servers.map((server, row) => [
    server.name,
    releaseText(server),
    ...(matrix.cells[row] ?? []).map((cell) => cellText(cell, colors)),
  ]);
  const lines = [table(head, [phases, ...rows], width), ...reasonsOf(matrix)];
  return lines.join('\n');
}

function phaseText({ phase, floor, ceiling, unreachable }: Matrix['shards'][number]): string {
  if (unreachable !== null) return 'unreachable';
  return phase === 'settled' ? `settled at ${floor}` : `${phase}, ${floor} → ${ceiling}`;
}

function releaseText({ installed, running }: Matrix['servers'][number]): string {
  const now = running.join(' and ');
  if (now === '' || now === installed) return installed ?? 'unknown';
  return `${now}${installed === null ? '' : `, ${installed} installed`}`;
}

function cellText({ state, release }: Cell, colors: Colors): string {
  const text = release === null ? state : `${state} ${release}`;
  switch (state) {
    case 'native':
      return colors.green(text);
    case 'lens':
      return colors.cyan(text);
    case 'waiting':
      return colors.yellow(text);
    default:
      return colors.red(text);
  }
}

/** Each reason once, however many cells have it. */
function reasonsOf({ cells, shards, strangers, silentShards }: Matrix): string[] {
  const whys = cells.flat().flatMap(({ why, remedy }) => {
    if (why === null) return [];
    return remedy === null ? why : `${why}: ${remedy}`;
  });
  const quarantined = shards
    .filter((shard) => shard.quarantined > 0)
    .map((shard) => `${shard.name}: ${count(shard.quarantined)} rows in quarantine`);
  const blocked = shards.flatMap(({ name, blocked: why }) =>
    why === null ? [] : `${name}: ${why}`,
  );
  const strange = strangers.map(
    ({ server, release }) => `${server} works by ${release}, and is not declared`,
  );
  const silent = silentShards.map((shard) => `shard ${shard} of the store does not answer`);
  return [...new Set([...whys, ...blocked, ...quarantined, ...strange, ...silent])];
}
