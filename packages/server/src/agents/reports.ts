// What agents tell about their hosts, stored: in one transaction for each revision, and only for
// the session that is the host's last.

import {
  type InstalledPackage,
  packageKey,
  type Report,
  type Reported,
  type Service,
  type SystemFacts,
} from '@halflap/protocol/agent';
import type { ClientBase } from 'pg';
import type { Store } from '../store/store.js';
import { noteEvent } from './events.js';
import type { Present } from './presence.js';

/** What one revision may hold, in all its parts. */
const MOST_ROWS = 50_000;

/** The parts of one revision, until the last has come. */
export class ReportParts {
  #parts: Report[] = [];
  #rows = 0;

  /** @returns all parts with the last; null before. @throws when they do not fit together. */
  add(part: Report): readonly Report[] | null {
    const [first] = this.#parts;
    if (first !== undefined && (first.revision !== part.revision || first.base !== part.base)) {
      // The agent has begun anew.
      this.#parts = [];
      this.#rows = 0;
    }
    this.#parts.push(part);
    this.#rows += rowsOf(part);
    if (this.#rows > MOST_ROWS) throw new ReportTooLong(part.revision);
    if (!part.isLast) return null;
    const parts = this.#parts;
    this.#parts = [];
    this.#rows = 0;
    return parts;
  }
}

export class ReportTooLong extends Error {
  constructor(revision: number) {
    super(`revision ${revision} has more than ${MOST_ROWS} packages and services`);
  }
}

/** @returns what the agent is answered; null when the session is not the host's last. */
export function storeReport(
  store: Store,
  { host, fence }: Present,
  parts: readonly Report[],
): Promise<Reported | null> {
  return store.withHost(host, async (client) => {
    const { rows } = await client.query<Before>(
      `select revision::int, booted_at, cardinality(reboot_reasons) > 0 as wants_reboot
       from hosts where id = $1 and fence = $2 for update`,
      [host, fence],
    );
    const [before] = rows;
    const [first] = parts;
    if (before === undefined || first === undefined) return null;
    if (first.base !== null && first.base !== before.revision) {
      return { type: 'reported', revision: before.revision, isNeeded: true };
    }
    await write(client, host, { parts, before, isFull: first.base === null });
    await client.query('update hosts set revision = $2, reported_at = now() where id = $1', [
      host,
      first.revision,
    ]);
    return { type: 'reported', revision: first.revision, isNeeded: false };
  });
}

type Before = { revision: number; booted_at: Date | null; wants_reboot: boolean };

interface Revision {
  readonly parts: readonly Report[];
  readonly before: Before;
  readonly isFull: boolean;
}

async function write(client: ClientBase, host: string, revision: Revision): Promise<void> {
  const { parts, before, isFull } = revision;
  const system = parts.flatMap((part) => part.system ?? []).at(-1);
  if (system !== undefined) await writeSystem(client, host, { system, before });
  const packages = parts.flatMap((part) => part.packages ?? []);
  if (isFull || packages.length > 0) {
    const changed = packages.flatMap((part) => part.changed);
    const removed = packages.flatMap((part) => part.removed);
    await writePackages(client, host, { changed, removed, isFull });
  }
  const services = parts.flatMap((part) => part.services ?? []);
  if (isFull || services.length > 0) {
    const changed = services.flatMap((part) => part.changed);
    const removed = services.flatMap((part) => part.removed);
    await writeServices(client, host, { changed, removed, isFull });
  }
}

async function writeSystem(
  client: ClientBase,
  host: string,
  { system, before }: { readonly system: SystemFacts; readonly before: Before },
): Promise<void> {
  const values = [
    host,
    ...[system.hostname, system.machineId, system.os.id, system.os.version, system.os.name],
    ...[system.kernel, system.architecture, system.cpu.model, system.cpu.cores],
    ...[system.memoryBytes, system.swapBytes, system.bootedAt, system.timezone],
    ...[system.virtualization, JSON.stringify(system.disks), JSON.stringify(system.networks)],
    system.rebootReasons,
  ];
  await client.query(
    `update hosts
     set hostname = $2, machine_id = $3, os_id = $4, os_version = $5, os_name = $6, kernel = $7,
       architecture = $8, cpu_model = $9, cpu_cores = $10, memory_bytes = $11, swap_bytes = $12,
       booted_at = $13, timezone = $14, virtualization = $15, disks = $16, networks = $17,
       reboot_reasons = $18
     where id = $1`,
    values,
  );
  const bootedAt = system.bootedAt === null ? null : new Date(system.bootedAt);
  if (before.booted_at !== null && bootedAt !== null && bootedAt > before.booted_at) {
    const message = `the host has been booted, ${bootedAt.toISOString()}`;
    await noteEvent(client, host, { kind: 'booted', message });
  }
  if (system.rebootReasons.length > 0 && !before.wants_reboot) {
    const message = `the host wants to be booted: ${system.rebootReasons.join(', ')}`;
    await noteEvent(client, host, { kind: 'reboot_needed', severity: 'warning', message });
  }
}

interface Changes<Row> {
  readonly changed: readonly Row[];
  /** By key. */
  readonly removed: readonly string[];
  /** What is not in `changed` is not there any more. */
  readonly isFull: boolean;
}

/** The key of a package as the protocol's `packageKey` makes it. */
const PACKAGE_KEY = `concat_ws('|', p.manager, p.name, p.architecture,
  case when p.manager = 'rpm' then p.version end)`;

async function writePackages(
  client: ClientBase,
  host: string,
  { changed, removed, isFull }: Changes<InstalledPackage>,
): Promise<void> {
  if (!isFull) await deleteOldVersions(client, host, changed);
  const gone = isFull
    ? `not exists (select from ${PACKAGES} where c.manager = p.manager and c.name = p.name
         and c.architecture = p.architecture and c.version = p.version)`
    : `${PACKAGE_KEY} = any($2::text[])`;
  const told = isFull ? JSON.stringify(changed) : removed;
  await client.query(`delete from host_packages as p where p.host_id = $1 and ${gone}`, [
    host,
    told,
  ]);
  await client.query(
    `insert into host_packages as p
       (host_id, manager, name, architecture, version, candidate, is_security, is_held)
     select distinct on (manager, name, architecture, version)
       $1::uuid, manager, name, architecture, version, candidate, "isSecurity", "isHeld"
     from ${PACKAGES}
     on conflict (host_id, manager, name, architecture, version) do update
       set candidate = excluded.candidate, is_security = excluded.is_security,
         is_held = excluded.is_held
       where (p.candidate, p.is_security, p.is_held)
         is distinct from (excluded.candidate, excluded.is_security, excluded.is_held)`,
    [host, JSON.stringify(changed)],
  );
  await client.query(
    `update hosts as h
     set packages_installed = c.installed, packages_upgradable = c.upgradable,
       packages_security = c.security, packages_held = c.held
     from (
       select count(*) as installed,
         count(*) filter (where candidate is not null) as upgradable,
         count(*) filter (where candidate is not null and is_security) as security,
         count(*) filter (where is_held) as held
       from host_packages where host_id = $1
     ) as c
     where h.id = $1`,
    [host],
  );
}

const PACKAGES = `jsonb_to_recordset($2::jsonb) as c (manager text, name text, architecture text,
  version text, candidate text, "isSecurity" boolean, "isHeld" boolean)`;

/**
 * With dpkg the version is no part of the key of a delta: the row of the old version goes. Compared
 * as arrays of text, which PostgreSQL looks up by hash however many there are; a join it might do
 * row by row, of a table that it knows nothing of.
 */
async function deleteOldVersions(
  client: ClientBase,
  host: string,
  changed: readonly InstalledPackage[],
): Promise<void> {
  const known = changed.filter(({ manager }) => manager === 'dpkg');
  if (known.length === 0) return;
  await client.query(
    `delete from host_packages as p
     where p.host_id = $1 and p.manager = 'dpkg' and ${PACKAGE_KEY} = any($2::text[])
       and concat_ws('|', ${PACKAGE_KEY}, p.version) <> all($3::text[])`,
    [host, known.map(packageKey), known.map((one) => `${packageKey(one)}|${one.version}`)],
  );
}

async function writeServices(
  client: ClientBase,
  host: string,
  { changed, removed, isFull }: Changes<Service>,
): Promise<void> {
  const gone = isFull ? 'name <> all($2::text[])' : 'name = any($2::text[])';
  const names = isFull ? changed.map(({ name }) => name) : removed;
  await client.query(`delete from host_services where host_id = $1 and ${gone}`, [host, names]);
  await client.query(
    `insert into host_services
       (host_id, name, description, load_state, active_state, sub_state, enabled, since)
     select distinct on (name) $1::uuid, name, description, load, active, sub, enabled, since
     from jsonb_to_recordset($2::jsonb) as c (name text, description text, load text, active text,
       sub text, enabled text, since timestamptz)
     on conflict (host_id, name) do update
       set description = excluded.description, load_state = excluded.load_state,
         active_state = excluded.active_state, sub_state = excluded.sub_state,
         enabled = excluded.enabled, since = excluded.since`,
    [host, JSON.stringify(changed)],
  );
  await client.query(
    `update hosts
     set services_failed =
       (select count(*) from host_services where host_id = $1 and active_state = 'failed')
     where id = $1`,
    [host],
  );
}

function rowsOf({ packages, services }: Report): number {
  const sizes = [packages, services].map(
    (part) => (part?.changed.length ?? 0) + (part?.removed.length ?? 0),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
