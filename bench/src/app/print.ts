// The figures of the system management application as tables for people.

import { MISSED, table } from '../print.js';
import type { AgentLoadFigures } from './agent-load.js';
import type { ConsoleFigures } from './console-hosts.js';
import type { HostListFigures } from './host-list.js';
import type { IdleAgentFigures } from './idle-agent.js';
import type { JobFigures } from './job-time.js';
import type { MatrixFigures } from './matrix.js';
import type { AppFigures } from './measure.js';
import type { ReconnectFigures } from './reconnect.js';

/** Of nineteen requests in twenty, while one client asks. */
const LIST_AIM_MS = 200;
/** From a change of a cluster until whoever watches sees it. */
const MATRIX_AIM_MS = 1000;

export function printApp(figures: AppFigures): void {
  const { hosts, console: page, agents, reconnect, jobs, agent, matrix } = figures;
  if (hosts !== null) console.log(`\nThe list of hosts\n${hostsTable(hosts)}`);
  if (page !== null) console.log(`\nThe page of hosts, in a browser\n${consoleTable(page)}`);
  if (agents !== null) console.log(`\nConnected agents, one server\n${agentsTable(agents)}`);
  if (reconnect !== null) console.log(`\nA server is killed\n${reconnectTable(reconnect)}`);
  if (jobs !== null) console.log(`\nA job, its orders end at once\n${jobsTable(jobs)}`);
  if (agent !== null) console.log(`\nAn idle agent of this machine\n${agentTable(agent)}`);
  if (matrix !== null) console.log(`\nThe matrix of a large cluster\n${matrixTable(matrix)}`);
}

function hostsTable({ alone, together, clients, ...of }: HostListFigures): string {
  const ms = (one: number | undefined) => (one === undefined ? '' : one.toFixed(1));
  const body = alone.map((one, at) => [
    one.what,
    ms(one.p50Ms),
    `${ms(one.p95Ms)}${one.p95Ms > LIST_AIM_MS ? MISSED : ''}`,
    `${one.ratio.toFixed(1)}×`,
    ms(together[at]?.p50Ms),
    ms(together[at]?.p95Ms),
  ]);
  const head = ['ms', 'p50', 'p95', 'ratio', `p50, ${clients} clients`, 'p95'];
  return [
    table([head, ...body]),
    `${count(of.hosts)} hosts with ${of.packages} packages each on ${of.shards} shards, ` +
      `${of.requests} requests of each; aim: p95 below ${LIST_AIM_MS} ms`,
  ].join('\n');
}

function consoleTable({ acts, ...of }: ConsoleFigures): string {
  const body = acts.map(({ what, ...ms }) => [
    what,
    ...[ms.p50Ms, ms.mostMs, ms.apiMs].map((one) => one.toFixed(0)),
  ]);
  return [
    table([['ms', 'p50', 'most', 'API alone'], ...body]),
    `${count(of.hosts)} hosts on ${of.shards} shards, ${of.rounds} times each`,
  ].join('\n');
}

function matrixTable({ servers, shards, times, ...of }: MatrixFigures): string {
  const row = (what: string, p50: number, p95 = '') => [
    what,
    p50.toFixed(0),
    p95,
    `${(p50 / of.connectMs).toFixed(1)}×`,
  ];
  const late = of.toldP95Ms > MATRIX_AIM_MS ? MISSED : '';
  return [
    table([
      ['ms', 'p50', 'p95', 'ratio'],
      row('(every shard is connected to)', of.connectMs),
      row('look at all shards', of.lookP50Ms, of.lookP95Ms.toFixed(0)),
      row('a change until it is told', of.toldP50Ms, `${of.toldP95Ms.toFixed(0)}${late}`),
    ]),
    `${servers} servers on ${shards} shards, ${times} times; aim: told within ${MATRIX_AIM_MS} ms`,
  ].join('\n');
}

function agentsTable(figures: AgentLoadFigures): string {
  const { idle, heartbeats, changes } = figures;
  const share = (cpu: number) => `${(cpu * 100).toFixed(0)} % of a processor`;
  return [
    table([
      ['', 'figure', 'server'],
      ['memory for each agent', `${figures.kilobytesPerAgent.toFixed(0)} KB`, ''],
      ['server alone', '', `${idle.aloneCpuPerMinute.toFixed(2)} CPU s a minute`],
      ['1,000 idle agents', '', `${idle.cpuPer1000Minute.toFixed(2)} CPU s a minute`],
      ['heartbeats', `${count(heartbeats.perSecond)}/s`, share(heartbeats.cpu)],
      ['enrolments', `${figures.enrolledPerSecond.toFixed(0)}/s`, ''],
      ['enrolled, and all facts told', `${figures.fullPerSecond.toFixed(0)}/s`, ''],
      ['changes of facts', `${count(changes.perSecond)}/s`, share(changes.cpu)],
    ]),
    `${count(figures.agents)} agents, ${figures.shards} shards; idle for ${idle.seconds} s; ` +
      `${changes.hosts} hosts change without pause`,
  ].join('\n');
}

function reconnectTable({ agents, shards, storms }: ReconnectFigures): string {
  const head = ['left', 'lost', 'all back s', 'away p50 s', 'p95 s', 'API ms p50'];
  const seconds = (ms: number) => (ms / 1000).toFixed(1);
  const body = storms.flatMap(({ left, lost, quiet, storm, ...one }) => [
    [`${left}, before`, '', '', '', '', ...watched(quiet)],
    [
      ...[`${left}`, `${lost}`, seconds(one.allBackMs), seconds(one.awayP50Ms)],
      ...[seconds(one.awayP95Ms), ...watched(storm)],
    ],
  ]);
  return [
    table([[...head, 'p95', 'most', 'failed'], ...body]),
    `${count(agents)} agents, ${shards} shards; a page of hosts is asked for again and again`,
  ].join('\n');
}

function watched({ p50Ms, p95Ms, mostMs, failed }: ReconnectFigures['storms'][number]['storm']) {
  return [p50Ms, p95Ms, mostMs].map((ms) => ms.toFixed(0)).concat(`${failed}`);
}

function jobsTable({ hosts, shards, runs, ranTwice, costs }: JobFigures): string {
  const body = costs.map((one) => [
    `${one.servers}`,
    `${one.concurrency}`,
    (one.lastResultMs / 1000).toFixed(1),
    (one.endMs / 1000).toFixed(1),
    one.sentPerSecond.toFixed(0),
  ]);
  return [
    table([['servers', 'at once', 'last result s', 'job ended s', 'sent/s'], ...body]),
    `${count(hosts)} hosts, ${shards} shards, median of ${runs}; ${ranTwice} orders ran twice`,
  ].join('\n');
}

function agentTable(figures: IdleAgentFigures): string {
  const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MB`;
  const cpu = (seconds: number) => `${seconds.toFixed(2)} CPU s a minute`;
  return [
    table([
      ['', 'figure'],
      ['agent', cpu(figures.ownCpuPerMinute)],
      ['programs that it asks', cpu(figures.programsCpuPerMinute)],
      ['memory, resident', megabytes(figures.rssBytes)],
      ['memory, its own alone', megabytes(figures.privateBytes)],
      ['start to session, with enrolment', `${(figures.openMs / 1000).toFixed(1)} s`],
    ]),
    `${count(figures.packages)} packages, ${figures.services} services; ${figures.seconds} s`,
  ].join('\n');
}

function count(number: number): string {
  return Math.round(number).toLocaleString('en');
}
