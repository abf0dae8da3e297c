// The fleet as people and programs read it: one row per shard, with what runs there, which servers
// were seen, and why it does not go on.

import type { ShardStatus } from '@halflap/engine';
import { type Colors, count, table } from './print.js';
import { redact } from './secrets.js';

/** One shard of `status --json`; additions only. */
export interface StatusView {
  readonly shard: string;
  readonly reachable: boolean;
  readonly error: string | null;
  readonly app: string | null;
  readonly floor: string | null;
  readonly ceiling: string | null;
  /** Null where the shard cannot be read or is not known to Halflap. */
  readonly phase: string | null;
  readonly paused: boolean;
  readonly batchRows: number | null;
  readonly paceMs: number | null;
  readonly running: ShardStatus['running'];
  /** The session that works on the shard; null when nobody does. */
  readonly runner: string | null;
  readonly servers: readonly ServerView[];
  readonly quarantined: number;
  readonly differences: number;
  readonly blocked: string | null;
}

export interface ServerView {
  readonly server: string;
  readonly release: string;
  readonly mode: 'native' | 'lens';
  readonly expiresAt: Date;
}

export function statusView(shard: string, status: ShardStatus): StatusView {
  const { reachable, error, state, running, runner, leases, quarantined, differences } = status;
  return {
    shard,
    reachable,
    error: error === null ? null : redact(error),
    app: state?.app ?? null,
    floor: state?.floor ?? null,
    ceiling: state?.ceiling ?? null,
    phase: state?.phase ?? null,
    paused: state?.paused ?? false,
    batchRows: state?.batch_rows ?? null,
    paceMs: state?.pace_ms ?? null,
    running,
    runner,
    servers: leases.map(({ server, release, mode, expires_at: expiresAt }) => ({
      server,
      release,
      mode,
      expiresAt,
    })),
    quarantined,
    differences,
    blocked: status.blocked === null ? null : redact(status.blocked),
  };
}

export function statusText(views: readonly StatusView[], colors: Colors): string {
  const head = ['shard', 'floor', 'ceiling', 'phase', 'progress', 'servers', 'blocked'];
  const rows = views.map((view) => [
    view.shard,
    view.floor ?? '–',
    view.ceiling ?? '–',
    phaseText(view, colors),
    progressText(view),
    serversText(view.servers),
    blockedLines(view).join('\n'),
  ]);
  return table(head, rows);
}

function phaseText(view: StatusView, colors: Colors): string {
  if (!view.reachable) return colors.red('unreachable');
  if (view.error !== null) return colors.red('unreadable');
  switch (view.phase) {
    case null:
      return colors.dim('unknown');
    case 'settled':
      return colors.green('settled');
    case 'dual':
      return colors.cyan('dual');
    default:
      return colors.yellow(view.phase);
  }
}

/** `expand/fill-hosts 41% of 120 000`. */
function progressText({ running }: StatusView): string {
  if (running === null) return '';
  const { step, relation, rowsDone, rowsEstimated } = running;
  if (relation === null) return step;
  const all = Math.max(rowsEstimated, rowsDone, 1);
  return `${step} ${Math.floor((100 * rowsDone) / all)}% of ${count(all)}`;
}

/** One line per release and mode: `1.0: web-1, web-2`. */
function serversText(servers: readonly ServerView[]): string {
  const groups = new Map<string, Set<string>>();
  for (const { server, release, mode } of servers) {
    const group = mode === 'lens' ? `${release} (lens)` : release;
    groups.set(group, (groups.get(group) ?? new Set()).add(server));
  }
  return [...groups].map(([group, names]) => `${group}: ${[...names].join(', ')}`).join('\n');
}

function blockedLines(view: StatusView): string[] {
  const lines: string[] = [];
  if (view.error !== null) lines.push(...view.error.split('\n'));
  else if (view.phase === null) lines.push('not known to Halflap: adopt or install a release');
  if (view.blocked !== null) lines.push(...view.blocked.split('\n'));
  if (view.quarantined > 0) lines.push(`${count(view.quarantined)} rows in quarantine`);
  if (view.differences > 0) lines.push(`${count(view.differences)} keys differ`);
  return lines;
}
