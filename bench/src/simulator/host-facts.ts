// What is known of a host, in a few words that are the same exactly when it is the same: as the
// simulator has it, and as the store does.

import { createHash } from 'node:crypto';
import type { InstalledPackage, Service, SystemFacts } from '@halflap/protocol/agent';

export interface HostFacts {
  readonly id: string;
  /** That a server has acknowledged. */
  readonly revision: number;
  readonly system: string;
  /** Digests. */
  readonly packages: string;
  readonly services: string;
}

export interface Told {
  readonly system: SystemFacts;
  readonly packages: readonly InstalledPackage[];
  readonly services: readonly Service[];
}

export function factsOf(id: string, revision: number, told: Told): HostFacts {
  const { hostname, machineId, os, kernel, cpu, memoryBytes, rebootReasons } = told.system;
  const system = [hostname, machineId, os.id, os.version, kernel, cpu.cores, memoryBytes];
  const packages = told.packages.map((one) => [
    ...[one.manager, one.name, one.architecture, one.version, one.candidate ?? ''],
    ...[one.isSecurity ? 't' : 'f', one.isHeld ? 't' : 'f'],
  ]);
  const services = told.services.map((one) => [
    ...[one.name, one.description, one.load, one.active, one.sub, one.enabled ?? ''],
  ]);
  return {
    ...{ id, revision },
    system: [...system, rebootReasons.join(',')].join('|'),
    packages: digestOf(packages),
    services: digestOf(services),
  };
}

function digestOf(rows: readonly (readonly string[])[]): string {
  const lines = rows.map((row) => row.join('|')).sort();
  return createHash('md5').update(lines.join('\n')).digest('hex');
}

/** Rows of HostFacts, of one shard. */
export const STORED_FACTS = `
select h.id, h.revision::int as revision,
  concat_ws('|', h.hostname, h.machine_id, h.os_id, h.os_version, h.kernel, h.cpu_cores,
    h.memory_bytes, array_to_string(h.reboot_reasons, ',')) as system,
  (select md5(coalesce(string_agg(line, E'\\n' order by line collate "C"), ''))
   from (
     select concat_ws('|', p.manager, p.name, p.architecture, p.version, coalesce(p.candidate, ''),
       p.is_security, p.is_held) as line
     from host_packages as p where p.host_id = h.id
   ) as l) as packages,
  (select md5(coalesce(string_agg(line, E'\\n' order by line collate "C"), ''))
   from (
     select concat_ws('|', s.name, s.description, s.load_state, s.active_state, s.sub_state,
       coalesce(s.enabled, '')) as line
     from host_services as s where s.host_id = h.id
   ) as l) as services
from hosts as h`;
