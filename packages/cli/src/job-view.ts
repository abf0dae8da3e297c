// Jobs as people see them: rows, the page of one job, how far it is. Pure.

import type { Job, JobRun, JobSummary } from '@halflap/server';
import type { Preview } from './api/job-target.js';
import type { Column } from './api/show-list.js';
import { workRows } from './job-work.js';
import { type Colors, count, duration, type Printer, utc } from './print.js';
import { hostsText } from './quantities.js';
import { table } from './table.js';

export type Counts = JobSummary['counts'];

/** In the order of a run's life. */
export const RUN_STATES = [
  ...(['succeeded', 'failed', 'timed_out', 'refused', 'lost', 'cancelled', 'expired'] as const),
  ...(['skipped', 'running', 'sent', 'released', 'waiting'] as const),
] as const;
const OPEN_STATES: ReadonlySet<string> = new Set(['running', 'sent', 'released', 'waiting']);
const BAD_STATES: ReadonlySet<string> = new Set(['failed', 'timed_out', 'refused', 'lost']);

/** Hosts that have ended. */
export function endedOf(counts: Counts): number {
  return RUN_STATES.filter((state) => !OPEN_STATES.has(state)).reduce(
    (sum, state) => sum + (counts[state] ?? 0),
    0,
  );
}

/** `12 succeeded, 1 failed, 7 running`. */
export function countsText(counts: Counts, colors?: Colors): string {
  return RUN_STATES.filter((state) => (counts[state] ?? 0) > 0)
    .map((state) => {
      const text = `${count(counts[state] ?? 0)} ${state}`;
      return colors === undefined ? text : paint(state, text, colors);
    })
    .join(', ');
}

export function jobColumns(colors: Colors, now: Date): Column<JobSummary>[] {
  return [
    { title: 'job', cell: ({ id }) => id },
    { title: 'name', cell: ({ name }) => name },
    { title: 'state', cell: ({ state }) => paint(state, state, colors) },
    { title: 'hosts', cell: ({ hosts }) => count(hosts) },
    { title: 'of which', cell: ({ counts }) => countsText(counts) },
    { title: 'by', cell: ({ createdBy }) => createdBy },
    { title: 'begun (UTC)', cell: ({ createdAt }) => utc(new Date(createdAt)).slice(0, 16) },
    { title: 'took', cell: (job) => tookText(job.createdAt, job.endedAt, now) },
  ];
}

export function runColumns(colors: Colors, now: Date): Column<JobRun>[] {
  return [
    { title: 'host', cell: ({ hostname }) => hostname },
    { title: 'state', cell: ({ state }) => paint(state, state, colors) },
    { title: 'exit', cell: ({ exitCode, signal }) => signal ?? String(exitCode ?? '') },
    { title: 'took', cell: ({ beganAt, endedAt }) => tookText(beganAt, endedAt, now) },
    { title: 'message', cell: ({ message }) => message ?? '' },
  ];
}

/** Exactly which hosts a job would go to. */
export function previewText(
  { hosts, silentShards }: Preview,
  { width, colors }: Pick<Printer, 'width' | 'colors'>,
): string {
  const rows = hosts.map(({ hostname, id, online, allowed }) => [
    ...[hostname, id, online ? 'online' : colors.yellow('offline')],
    allowed ? '' : colors.red('its policy refuses this kind'),
  ]);
  const offline = hosts.filter(({ online }) => !online).length;
  const parts = [
    hostsText(hosts.length),
    ...(offline > 0 ? [`${count(offline)} of them offline`] : []),
    ...(silentShards.length > 0 ? [`those of ${silentShards.join(', ')} missing`] : []),
  ];
  return `${table(['host', 'id', 'agent', 'remarks'], rows, width)}\n${parts.join(', ')}`;
}

/** One job: what it does, and how many hosts are in which state. */
export function jobText(job: Job, { width, colors }: Pick<Printer, 'width' | 'colors'>): string {
  const rows = [
    ['id', job.id],
    ['state', paint(job.state, job.state, colors)],
    ['reason', job.stopReason ?? ''],
    ...workRows(job.work),
    ['hosts', `${count(job.hosts)}, ${targetText(job.target)}`],
    ['pace', paceText(job)],
    ['begun', `${utc(new Date(job.createdAt))} UTC by ${job.createdBy}`],
    ['ended', job.endedAt === null ? '' : `${utc(new Date(job.endedAt))} UTC`],
    ['stopped at', job.endedAt === null ? `${utc(new Date(job.deadlineAt))} UTC` : ''],
    ['retry of', job.retryOf ?? ''],
    ['silent', job.silentShards.length > 0 ? `shards ${job.silentShards.join(', ')}` : ''],
  ].filter(([, value]) => value !== '');
  const states = RUN_STATES.filter((state) => (job.counts[state] ?? 0) > 0).map((state) => [
    ...[paint(state, state, colors), count(job.counts[state] ?? 0)],
  ]);
  return [
    colors.bold(job.name),
    ...rows.map(([key = '', value = '']) => rowText(key, value)),
    '',
    table(['hosts are', 'number'], states, width),
  ].join('\n');
}

/** `  work        install 2 packages`; further lines stand below the first. */
function rowText(key: string, value: string): string {
  const [first = '', ...more] = value.split('\n');
  return [`  ${key.padEnd(10)}  ${first}`, ...more.map((line) => `${' '.repeat(14)}${line}`)].join(
    '\n',
  );
}

function targetText(target: object): string {
  const parts = Object.entries(target).map(([key, value]) =>
    key === 'hosts' ? 'named' : `${key} ${[value].flat().join(',')}`,
  );
  return parts.length === 0 ? 'every host' : parts.join(', ');
}

function paceText({ batches, concurrency, stopAfter, timeoutSeconds }: Job): string {
  return [
    ...(batches > 1 ? [`${count(batches)} batches`] : []),
    `${count(concurrency)} at once`,
    `${duration(timeoutSeconds)} for each`,
    ...(stopAfter === null ? [] : [`stops after ${count(stopAfter)} failures`]),
  ].join(', ');
}

function tookText(from: string | null, to: string | null, now: Date): string {
  if (from === null) return '';
  return duration(((to === null ? now : new Date(to)).getTime() - new Date(from).getTime()) / 1000);
}

/** Of a job or a run. */
export function paint(state: string, text: string, colors: Colors): string {
  if (state === 'succeeded') return colors.green(text);
  if (BAD_STATES.has(state)) return colors.red(text);
  return OPEN_STATES.has(state) ? text : colors.yellow(text);
}
