// What systemd says of services, in the form that it has for programs.
// Source: systemctl(1), "show"; org.freedesktop.systemd1(5).

import type { Service } from '@halflap/protocol/agent';
import type { Host } from '../host.js';
import { runProgram } from '../program.js';
import { nameOf, text } from '../words.js';

/** Of each call of systemctl. */
export const TIMEOUT_MS = 30_000;
const PROPERTIES =
  'Id,Names,Description,LoadState,ActiveState,SubState,UnitFileState,StateChangeTimestamp';

export interface ShownService {
  readonly service: Service;
  readonly names: readonly string[];
}

/**
 * By each name that was asked for and is one; null where systemd does not answer. systemd loads
 * what it has not loaded for a moment.
 */
export async function show(
  host: Host,
  names: readonly string[],
): Promise<ReadonlyMap<string, ShownService> | null> {
  const command = ['systemctl', 'show', '--no-pager', `--property=${PROPERTIES}`, '--'] as const;
  const outcome = await runProgram(host, [...command, ...names], { timeoutMs: TIMEOUT_MS });
  if (outcome.kind === 'ran' && outcome.exitCode === 0) {
    const all = outcome.stdout.split('\n\n').flatMap(shownIn);
    return new Map(all.flatMap((shown) => shown.names.map((name) => [name, shown] as const)));
  }
  host.log.warn({ outcome }, 'systemd does not tell its services');
  return null;
}

function shownIn(block: string): ShownService[] {
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
