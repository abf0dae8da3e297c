// The services of a host: those that systemd has loaded, and those that are installed beside them.
//
// systemd is asked once in each collection, for all that it has loaded. What it has not loaded is
// stopped, and told from the list of installed units, which is asked for only when a directory of
// units has changed: to make that list costs systemd more than all the rest.
//
// Source: systemctl(1), "show" and "list-unit-files"; org.freedesktop.systemd1(5).

import type { Service } from '@halflap/protocol/agent';
import type { Host } from '../host.js';
import { type Memory, stampOf, stampOfNames } from '../memory.js';
import { runProgram } from '../program.js';
import { nameOf, text } from '../words.js';

const TIMEOUT_MS = 30_000;
const PROPERTIES =
  'Id,Names,Description,LoadState,ActiveState,SubState,UnitFileState,StateChangeTimestamp';

/** By name; null where systemd does not answer. */
export async function findServices(host: Host, memory: Memory): Promise<Service[] | null> {
  const loaded = await show(host, ['*.service']);
  if (loaded === null) return null;
  const services = new Map(loaded.map((one) => [one.service.name, one.service]));
  // An alias is another name of what is in the list already.
  const names = new Set(loaded.flatMap((one) => one.names));
  for (const service of await stoppedServices(host, memory, names)) {
    if (!names.has(service.name)) services.set(service.name, service);
  }
  return [...services.values()]
    .filter(isTold)
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** A name that other units mention, of which nothing is there, is no service of this host. */
const isTold = ({ load, active }: Service): boolean =>
  load !== 'not-found' || active !== 'inactive';

interface Shown {
  readonly service: Service;
  readonly names: readonly string[];
}

/** Of names without units, systemd says `not-found`. */
async function show(host: Host, patterns: readonly string[]): Promise<Shown[] | null> {
  const command = ['systemctl', 'show', '--no-pager', `--property=${PROPERTIES}`, '--'] as const;
  const outcome = await runProgram(host, [...command, ...patterns], { timeoutMs: TIMEOUT_MS });
  if (outcome.kind === 'ran' && outcome.exitCode === 0) {
    return outcome.stdout.split('\n\n').flatMap(shownIn);
  }
  host.log.warn({ outcome }, 'systemd does not tell its services');
  return null;
}

function shownIn(block: string): Shown[] {
  const values = new Map(
    block.split('\n').map((line) => {
      const equals = line.indexOf('=');
      return [line.slice(0, equals), line.slice(equals + 1)] as const;
    }),
  );
  const value = (key: string) => values.get(key) ?? '';
  if (!value('Id').endsWith('.service')) return [];
  const service: Service = {
    name: nameOf(value('Id')),
    description: text(value('Description')),
    load: nameOf(value('LoadState'), 64),
    active: nameOf(value('ActiveState'), 64),
    sub: nameOf(value('SubState'), 64),
    enabled: value('UnitFileState') === '' ? null : nameOf(value('UnitFileState'), 64),
    since: timeIn(value('StateChangeTimestamp')),
  };
  return [{ service, names: value('Names').split(' ') }];
}

/** `Sun 2026-11-29 17:36:55 UTC`: programs are run with UTC as their time zone. */
function timeIn(value: string): string | null {
  const [, day, time] = /^\S+ (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/.exec(value) ?? [];
  return day === undefined ? null : `${day}T${time}Z`;
}

/** Where units are, and the links by which they are enabled (systemd.unit(5), "unit file load path"). */
const UNITS = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/run/systemd/generator',
  '/run/systemd/generator.late',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];
/** Directories of links are in these two. */
const LINKS = ['/etc/systemd/system', '/run/systemd/system'];

interface Installed {
  readonly files: readonly string[];
  /** What was asked about those that were not loaded; it stays true, since nothing runs there. */
  readonly stopped: Map<string, Service>;
}

async function stoppedServices(
  host: Host,
  memory: Memory,
  loaded: ReadonlySet<string>,
): Promise<Service[]> {
  const stamp = `${await stampOfNames(host, UNITS)}|${await stampOf(host, LINKS)}`;
  const found = await memory.ask('services', stamp, async (): Promise<Installed | null> => {
    const files = await unitFiles(host);
    return files === null ? null : { files, stopped: new Map() };
  });
  const installed = found ?? memory.last<Installed>('services');
  if (installed === null) return [];
  const { files, stopped } = installed;
  const missing = files.filter((name) => !loaded.has(name));
  // To show what is not loaded makes systemd load it for a moment.
  const unknown = missing.filter((name) => !stopped.has(name));
  const shown = unknown.length === 0 ? [] : await show(host, unknown);
  for (const { service, names } of shown ?? []) {
    for (const name of names) stopped.set(name, service);
  }
  return missing.flatMap((name) => stopped.get(name) ?? []);
}

/** Names of installed services, but for templates and for other names of the same service. */
async function unitFiles(host: Host): Promise<string[] | null> {
  const command = ['systemctl', 'list-unit-files', '--type=service', '--no-pager'] as const;
  // The columns of this list are names without blanks, in every version; JSON came with 246.
  const outcome = await runProgram(host, [...command, '--no-legend', '--full'], {
    timeoutMs: TIMEOUT_MS,
  });
  if (outcome.kind !== 'ran' || outcome.exitCode !== 0) return null;
  return outcome.stdout.split('\n').flatMap((line) => {
    const [name, state] = line.trim().split(/\s+/);
    const isOne = name?.endsWith('.service') && !name.includes('@.') && state !== 'alias';
    return isOne && name !== undefined ? [name] : [];
  });
}
