// One shard as people read it: where it stands and what keeps it, how far tables are filled and
// compared, who works with it. Pure.

import type { Shard } from '@halflap/server';
import { type Colors, count } from './print.js';
import { ago } from './quantities.js';
import { table } from './table.js';

interface Seen {
  readonly colors: Colors;
  readonly width: number;
  readonly now: Date;
}

export function shardText(shard: Shard, seen: Seen): string {
  const { colors, width } = seen;
  const title = colors.bold(`${shard.name} of ${shard.cluster.name}`);
  const rows = factsOf(shard, seen).filter(([, value]) => value !== '');
  const key = Math.max(0, ...rows.map(([name]) => name.length));
  const facts = rows.map(([name, value]) => `  ${name.padEnd(key)}  ${value}`);
  const parts = [
    ...section('Filled and compared', ['step', 'rows', 'begun', ''], workRows(shard, seen)),
    ...section('Servers', ['server', 'release', 'mode', 'seen'], serverRows(shard, seen)),
  ];
  return [title, ...facts, ...parts].join('\n');

  function section(name: string, head: readonly string[], cells: string[][]): string[] {
    return cells.length === 0 ? [] : ['', colors.bold(name), table([...head], cells, width)];
  }
}

function factsOf(shard: Shard, { colors, now }: Seen): [string, string][] {
  const { state, why, hint, phase, floor, ceiling, changedAt, running, runner } = shard;
  if (state !== 'known') {
    return [
      ['state', colors.red(state)],
      ['why', why ?? ''],
      ['next', hint ?? ''],
    ];
  }
  const serves = floor === ceiling ? `at ${floor}` : `${floor} → ${ceiling}`;
  const since = changedAt === null ? '' : `, since ${ago(changedAt, now)}`;
  return [
    ['phase', `${phase} ${serves}${since}`],
    ['bundle', shard.bundle?.slice(0, 12) ?? ''],
    ['paused', shard.paused ? 'yes' : ''],
    ['blocked', colors.yellow(shard.blocked ?? '')],
    ['step', running === null ? '' : `${running.step}, by ${running.runner}`],
    ['at work', runner ?? ''],
    ['verified', phase === 'dual' ? (shard.verified ? 'equal' : 'not lately') : ''],
    ['quarantine', colors.yellow(quarantineText(shard))],
    ['beside', spillText(shard)],
    ['features', shard.features.map(({ name, state: is }) => `${name} ${is}`).join(', ')],
  ];
}

function quarantineText({ quarantine }: Shard): string {
  return quarantine.map(({ relation, rows }) => `${relation}: ${count(rows)} rows`).join(', ');
}

function spillText({ spill }: Shard): string {
  const some = spill.filter(({ rows }) => rows > 0);
  return some
    .map(({ table: of, rows, more }) => `${of}: ${more ? 'over ' : ''}${count(rows)}`)
    .join(', ');
}

function workRows({ work }: Shard, { colors, now }: Seen): string[][] {
  return work.map((one) => {
    const { step, rowsDone, rowsEstimated, startedAt, differences, evidence } = one;
    const notes = [
      ...(one.error === null ? [] : [one.error]),
      ...(one.waitingFor === null ? [] : [`waits for ${one.waitingFor}`]),
      ...(differences === 0 ? [] : [colors.red(`${count(differences)} keys differ`)]),
      ...evidence,
      ...(one.done && differences === 0 ? [colors.green('done')] : []),
    ];
    const rows = `${count(rowsDone)} of ${count(Math.max(rowsDone, rowsEstimated))}`;
    return [step, rows, ago(startedAt, now), notes.join('\n')];
  });
}

function serverRows({ servers }: Shard, { now }: Seen): string[][] {
  return servers.map(({ server, release, mode, seenAt }) => [
    ...[server, release, mode, seenAt === null ? 'now' : ago(seenAt, now)],
  ]);
}
