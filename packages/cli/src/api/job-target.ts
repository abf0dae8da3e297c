// Which hosts a job goes to: exactly those of a preview, or none.

import { HalflapError } from '@halflap/protocol';
import type { Host, JobPreview } from '@halflap/server';
import type { ApiClient } from './client.js';
import { findHost } from './find-host.js';
import { type HostFilterOptions, hostQuery } from './host-filters.js';
import { OPERATIONS } from './operations.js';

/** options.ts declares them. */
export interface TargetOptions extends Omit<HostFilterOptions, 'state'> {
  readonly host?: readonly string[];
  readonly everyHost?: boolean;
}

export type Target = Readonly<Record<string, unknown>>;

export interface Targeted {
  readonly target: Target;
  readonly preview: Preview;
}

/** Without a digest where hosts are named: those cannot become others. */
export type Preview = Omit<JobPreview, 'digest'> & { readonly digest?: string };

/**
 * @throws COMMAND_INVALID when nothing is said of the hosts, or there are none; and what `findHost`
 * does
 */
export async function previewTarget(
  client: ApiClient,
  options: TargetOptions,
  kind: string,
): Promise<Targeted> {
  const stated = Object.entries(hostQuery(options)).filter(([, value]) => value !== undefined);
  const names = options.host ?? [];
  assertOne({ '--host': names.length > 0, filters: stated.length > 0, ...every(options) });
  if (names.length > 0) return previewNamed(client, names, kind);
  const filters = Object.fromEntries(stated);
  const preview = await client.ask(OPERATIONS.previewJob, { query: { ...filters, kind } });
  if (preview.hosts.length > 0) return { target: filters, preview };
  throw new HalflapError('COMMAND_INVALID', 'no active host is meant', {
    hint: 'halflap hosts list takes the same filters',
  });
}

async function previewNamed(
  client: ApiClient,
  names: readonly string[],
  kind: string,
): Promise<Targeted> {
  const found = new Map<string, Host>();
  for (const name of names) {
    const params = { id: await findHost(client, name, 'change') };
    found.set(params.id, await client.ask(OPERATIONS.showHost, { params }));
  }
  const hosts = [...found.values()].map(({ id, hostname, online, allowed }) => ({
    ...{ id, hostname, online, allowed: allowed.includes(kind) },
  }));
  return { target: { hosts: [...found.keys()] }, preview: { hosts, silentShards: [] } };
}

const every = ({ everyHost }: TargetOptions) => ({ '--every-host': everyHost === true });

/** A job goes nowhere by default, and everywhere only when that is said alone. */
function assertOne(said: Readonly<Record<string, boolean>>): void {
  const ways = Object.keys(said).filter((way) => said[way]);
  if (ways.length === 1) return;
  const problem =
    ways.length === 0 ? 'which hosts is not said' : `${ways.join(' and ')} exclude one another`;
  throw new HalflapError('COMMAND_INVALID', problem, {
    hint: 'state --label and other filters, or --host NAME, or --every-host',
  });
}
