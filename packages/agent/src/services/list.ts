// The services of a host: those that systemd has loaded, and those that are installed beside them.
//
// To show a service costs systemd half a millisecond, of a hundred of them more than all the rest
// of a collection. So each collection asks for the list of states alone, and shows what has another
// state than before, or was started again: systemd keeps the number of each start in a file. What
// is installed is asked for when a directory of units has changed.
//
// Source: systemctl(1), "list-units", "show" and "list-unit-files"; systemd.exec(5), INVOCATION_ID.

import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import type { Service } from '@halflap/protocol/agent';
import type { Host } from '../host.js';
import { type Memory, stampOf, stampOfNames } from '../memory.js';
import { runProgram } from '../program.js';
import { type ShownService, show, TIMEOUT_MS } from './show.js';

/** Where units are (systemd.unit(5), "unit file load path"). */
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

/** What is remembered until a directory of units changes. */
interface Known {
  readonly installed: readonly string[];
  /** By name; the mark tells when it was shown. What systemd does not know is undefined. */
  readonly services: Map<string, { readonly mark: string; readonly shown?: ShownService }>;
}

/** By name; null where systemd does not answer. */
export async function findServices(host: Host, memory: Memory): Promise<Service[] | null> {
  const stamp = `${await stampOfNames(host, UNITS)}|${await stampOf(host, LINKS)}`;
  const known = await memory.ask('services', stamp, async (): Promise<Known | null> => {
    const installed = await installedServices(host);
    return installed === null ? null : { installed, services: new Map() };
  });
  const states = known === null ? null : await loadedServices(host);
  if (known === null || states === null) return null;
  // What is installed and not loaded does nothing, and stays as it was shown.
  const marks = new Map([...known.installed.map((name) => [name, ''] as const), ...states]);
  const outdated = [...marks].filter(([name, mark]) => known.services.get(name)?.mark !== mark);
  if (outdated.length > 0) {
    const shown = await show(
      host,
      outdated.map(([name]) => name),
    );
    if (shown === null) return null;
    for (const [name, mark] of outdated) {
      const service = shown.get(name);
      known.services.set(name, service === undefined ? { mark } : { mark, shown: service });
    }
  }
  return told(known, marks);
}

function told({ services }: Known, marks: ReadonlyMap<string, string>): Service[] {
  const all = new Map<string, Service>();
  for (const name of marks.keys()) {
    const service = services.get(name)?.shown?.service;
    if (service === undefined || !isTold(service)) continue;
    // Another name of a service, which is told by its own.
    if (service.name !== name && marks.has(service.name)) continue;
    all.set(service.name, service);
  }
  return [...all.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** A name that other units mention, of which nothing is there, is no service of this host. */
const isTold = ({ load, active }: Pick<Service, 'load' | 'active'>): boolean =>
  load !== 'not-found' || active !== 'inactive';

/** By name, a mark that changes with the state and with each start. */
async function loadedServices(host: Host): Promise<ReadonlyMap<string, string> | null> {
  const lines = await list(host, ['list-units', '--all', '--plain']);
  if (lines === null) return null;
  const marks = lines.map(async ([name = '', load = '', active = '', sub = '']) => {
    const isOne = name.endsWith('.service') && isTold({ load, active });
    return isOne ? [[name, `${load} ${active} ${sub} ${await startOf(host, name)}`] as const] : [];
  });
  return new Map((await Promise.all(marks)).flat());
}

/** The number of a service's last start is where a link leads, which leads nowhere. */
async function startOf(host: Host, name: string): Promise<string> {
  const link = join(host.root, '/run/systemd/units', `invocation:${name}`);
  return await fs.readlink(link).catch(() => '');
}

/** Names of installed services, but for templates and for other names of the same service. */
async function installedServices(host: Host): Promise<string[] | null> {
  const lines = await list(host, ['list-unit-files']);
  if (lines === null) return null;
  return lines.flatMap(([name = '', state]) => {
    const isOne = name.endsWith('.service') && !name.includes('@.') && state !== 'alias';
    return isOne ? [name] : [];
  });
}

/** Columns of a list: names without blanks, in every version; JSON came with 246. */
async function list(host: Host, what: readonly string[]): Promise<string[][] | null> {
  const options = ['--type=service', '--no-pager', '--no-legend', '--full'];
  const outcome = await runProgram(host, ['systemctl', ...what, ...options], {
    timeoutMs: TIMEOUT_MS,
  });
  if (outcome.kind === 'ran' && outcome.exitCode === 0) {
    return outcome.stdout.split('\n').map((line) => line.trim().split(/\s+/));
  }
  host.log.warn({ outcome }, 'systemd does not list its services');
  return null;
}
