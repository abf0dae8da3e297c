// Hosts as people see them: rows of a list, and the page of one host. Pure.

import type { Host, HostSummary } from '@halflap/server';
import { labelsText } from './api/find-host.js';
import type { Column } from './api/show-list.js';
import { type Colors, count, utc } from './print.js';
import { ago, bytes } from './quantities.js';

/** What a row needs beside the host. */
export interface Seen {
  readonly now: Date;
  readonly colors: Colors;
}

/** Columns by the names that --columns takes. */
export const HOST_COLUMNS = {
  hostname: ({ hostname }) => hostname,
  id: ({ id }) => id,
  state: ({ state }, { colors }) => (state === 'active' ? state : colors.yellow(state)),
  seen: (host, seen) => seenText(host, seen),
  os: ({ os }) => os.name ?? [os.id ?? '', os.version ?? ''].join(' ').trim(),
  kernel: ({ kernel }) => kernel ?? '',
  architecture: ({ architecture }) => architecture ?? '',
  agent: ({ agentVersion }) => agentVersion ?? '',
  installed: ({ packages }) => count(packages.installed),
  upgrades: ({ packages }, { colors }) => upgradesText(packages, colors),
  held: ({ packages }) => some(packages.held),
  failed: ({ servicesFailed }, { colors }) => colors.red(some(servicesFailed)),
  reboot: ({ rebootReasons }) => (rebootReasons.length > 0 ? 'yes' : ''),
  labels: ({ labels }) => labelsText(labels),
} as const satisfies Record<string, (host: HostSummary, seen: Seen) => string>;

export type HostColumn = keyof typeof HOST_COLUMNS;
export const HOST_COLUMN_NAMES = Object.keys(HOST_COLUMNS) as readonly HostColumn[];

const DEFAULT_COLUMNS: readonly HostColumn[] = [
  ...['hostname', 'state', 'seen', 'os'],
  ...['upgrades', 'failed', 'reboot', 'labels'],
] as HostColumn[];

export function hostColumns(
  names: readonly HostColumn[] | undefined,
  seen: Seen,
): Column<HostSummary>[] {
  return (names ?? DEFAULT_COLUMNS).map((title) => ({
    title,
    cell: (host) => HOST_COLUMNS[title](host, seen),
  }));
}

/** All that is known of a host, under headings. */
export function hostText(host: Host, seen: Seen): string {
  const { colors } = seen;
  const groups: [string, (readonly [string, string])[]][] = [
    ['', identity(host, seen)],
    ['System', system(host, seen)],
    ['Packages and services', parts(host, colors)],
    ['Disks', host.disks.map((disk) => diskLine(disk as Facts))],
    ['Networks', host.networks.map((network) => networkLine(network as Facts))],
    ['Agent', agent(host, seen)],
  ];
  const lines = groups.flatMap(([title, rows]) => {
    const shown = rows.filter(([, value]) => value !== '');
    const width = Math.max(0, ...shown.map(([key]) => key.length));
    const body = shown.map(([key, value]) => `  ${key.padEnd(width)}  ${value}`);
    if (body.length === 0) return [];
    return title === '' ? body : ['', colors.bold(title), ...body];
  });
  return [colors.bold(host.hostname), ...lines].join('\n');
}

type Rows = (readonly [string, string])[];

function identity(host: Host, seen: Seen): Rows {
  const { state, approvedBy } = host;
  const by = approvedBy === null ? '' : `, approved by ${approvedBy}`;
  return [
    ['id', host.id],
    ['state', HOST_COLUMNS.state(host, seen) + by],
    [
      'seen',
      host.lastSeenAt === null ? 'never' : `${seenText(host, seen)} (${at(host.lastSeenAt)})`,
    ],
    ['labels', labelsText(host.labels)],
    ['notes', host.notes ?? ''],
    ['enrolled', at(host.enrolledAt)],
    ...(state === 'pending' ? [['next', `halflap hosts approve ${host.id}`] as const] : []),
  ];
}

function system(host: Host, { now, colors }: Seen): Rows {
  const { cpu, memoryBytes, swapBytes, bootedAt, rebootReasons } = host;
  const up = bootedAt === null ? '' : `${at(bootedAt)} (${ago(bootedAt, now)})`;
  return [
    ['os', HOST_COLUMNS.os(host)],
    ['kernel', host.kernel ?? ''],
    ['architecture', host.architecture ?? ''],
    ['processor', [cpu.cores === null ? '' : `${cpu.cores} ×`, cpu.model ?? ''].join(' ').trim()],
    ['memory', memoryBytes === null ? '' : bytes(memoryBytes)],
    ['swap', swapBytes === null ? '' : bytes(swapBytes)],
    ['virtualization', host.virtualization ?? ''],
    ['time zone', host.timezone ?? ''],
    ['booted', up],
    ['wants a reboot', colors.yellow(rebootReasons.join(', '))],
    ['machine id', host.machineId ?? ''],
  ];
}

function parts({ packages, servicesFailed }: Host, colors: Colors): Rows {
  return [
    ['installed', count(packages.installed)],
    ['upgradable', upgradesText(packages, colors)],
    ['held', some(packages.held)],
    ['services failed', colors.red(some(servicesFailed))],
  ];
}

function agent(host: Host, { now }: Seen): Rows {
  const { agentVersion, protocol, server, connectedAt, reportedAt } = host;
  const speaks = protocol === null ? '' : `, protocol ${protocol}`;
  const since = connectedAt === null ? '' : ` since ${at(connectedAt)}`;
  return [
    ['version', agentVersion === null ? '' : agentVersion + speaks],
    ['connected', host.online && server !== null ? `to server ${server}${since}` : ''],
    ['last report', reportedAt === null ? '' : `${at(reportedAt)} (${ago(reportedAt, now)})`],
    ['allows', host.allowed.join(', ')],
  ];
}

/** What an agent says of a part of its host: a shape of the protocol, if it is of our release. */
type Facts = Readonly<Record<string, unknown>>;

function diskLine({ mount, device, fileSystem, sizeBytes, usedBytes }: Facts) {
  const [size, used] = [Number(sizeBytes), Number(usedBytes)];
  const percent = size > 0 ? ` (${Math.round((100 * used) / size)}%)` : '';
  const space = `${bytes(used)} of ${bytes(size)}${percent}`;
  return [String(mount), `${space}  ${String(device)}  ${String(fileSystem)}`] as const;
}

function networkLine({ name, mac, addresses, isUp }: Facts) {
  const where = Array.isArray(addresses) ? addresses.join(', ') : '';
  const state = isUp === true ? '' : 'down';
  const parts = [where, mac === null ? '' : String(mac), state].filter((part) => part !== '');
  return [String(name), parts.join('  ')] as const;
}

function seenText({ online, lastSeenAt }: HostSummary, { now, colors }: Seen): string {
  if (online) return colors.green('online');
  return lastSeenAt === null ? 'never' : ago(lastSeenAt, now);
}

function upgradesText({ upgradable, security }: HostSummary['packages'], colors: Colors): string {
  if (upgradable === 0) return '';
  return security === 0
    ? count(upgradable)
    : `${count(upgradable)} ${colors.red(`(${count(security)} security)`)}`;
}

function some(number: number): string {
  return number === 0 ? '' : count(number);
}

function at(instant: string): string {
  return `${utc(new Date(instant)).slice(0, 16)} UTC`;
}
