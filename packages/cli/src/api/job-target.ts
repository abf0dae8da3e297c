// Which hosts a job goes to: exactly those of a preview, or none.

import { HalflapError } from '@halflap/protocol';
import type { JobPreview } from '@halflap/server';
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
  readonly preview: JobPreview;
}

/**
 * @throws COMMAND_INVALID when nothing is said of the hosts, or there are none; and what `findHost`
 * does
 */
export async function previewTarget(
  client: ApiClient,
  options: TargetOptions,
  kind: string,
): Promise<Targeted> {
  const filters = hostQuery(options);
  const stated = Object.entries(filters).filter(([, value]) => value !== undefined);
  const names = options.host ?? [];
  assertStated(stated.length + names.length, options.everyHost === true);
  const hosts: string[] = [];
  for (const name of names) hosts.push(await findHost(client, name, 'change'));
  const target = { ...Object.fromEntries(stated), ...(hosts.length > 0 ? { hosts } : {}) };
  const preview = await client.ask(OPERATIONS.previewJob, { query: { ...target, kind } });
  if (preview.hosts.length > 0) return { target, preview };
  throw new HalflapError('COMMAND_INVALID', 'no active host is meant', {
    hint: 'halflap hosts list takes the same filters',
  });
}

function assertStated(stated: number, isEvery: boolean): void {
  if (stated > 0 !== isEvery) return;
  throw isEvery
    ? new HalflapError('COMMAND_INVALID', '--every-host excludes filters and --host', {
        hint: 'keep one of them',
      })
    : new HalflapError('COMMAND_INVALID', 'which hosts is not said', {
        hint: '--label, another filter, --host NAME, or --every-host',
      });
}
