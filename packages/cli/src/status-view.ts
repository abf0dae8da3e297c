// The fleet as people and programs read it: one row per shard, with what runs there, which servers
// were seen, and why it does not go on.

import type { ShardStatus } from '@halflap/engine';
import { compareVersions, PHASES, type Phase } from '@halflap/protocol';
import { type Colors, count, type Printer } from './print.js';
import { redact } from './secrets.js';
import { table } from './table.js';

/** One shard of `status --json`; additions only. */
export interface StatusView {
  readonly shard: string;
  readonly reachable: boolean;
  readonly error: string | null;
  /** What to do about the error; null where there is none, or nothing is known. */
  readonly hint: string | null;
  readonly app: string | null;
  readonly floor: string | null;
  readonly ceiling: string | null;
  /** Null where the shard cannot be read or is not known to Halflap. */
  readonly phase: Phase | null;
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
  /** `session lens` where the shard holds nothing for the release: it is settled at another. */
  readonly mode: 'native' | 'lens' | 'session lens';
  readonly expiresAt: Date;
}

/** `app` is the application of halflap.yaml. */
export function statusView(shard: string, app: string, status: ShardStatus): StatusView {
  const { reachable, error, hint, state, running, runner, leases, quarantined, differences } =
    status;
  return {
    shard,
    reachable,
    error: error === null ? null : redact(error),
    hint: hint === null ? null : redact(hint),
    app: state?.app ?? null,
    floor: state?.floor ?? null,
    ceiling: state?.ceiling ?? null,
    phase: state?.phase ?? null,
    paused: state?.paused ?? false,
    batchRows: state?.batch_rows ?? null,
    paceMs: state?.pace_ms ?? null,
    running,
    runner,
    servers: leases.map((lease) => serverView(lease, state)),
    quarantined,
    differences,
    blocked: blockedBy(app, status),
  };
}

function serverView(
  { server, release, mode, expires_at: expiresAt }: ShardStatus['leases'][number],
  state: ShardStatus['state'],
): ServerView {
  const isOwn = mode === 'lens' && state?.phase === 'settled' && release !== state.floor;
  return { server, release, mode: isOwn ? 'session lens' : mode, expiresAt };
}

function blockedBy(app: string, { state, blocked }: ShardStatus): string | null {
  if (state !== null && state.app !== app)
    return `holds ${state.app}, but halflap.yaml says app: ${app}`;
  return blocked === null ? null : redact(blocked);
}

/** One row for each shard, and a line that sums them up. */
export function statusText(
  views: readonly StatusView[],
  { colors, width }: Pick<Printer, 'colors' | 'width'>,
): string {
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
  return `${table(head, rows, width)}\n${summaryText(views)}`;
}

/** `12 shards: 3 settled at 1.0, 8 dual, 1 unreachable`. */
export function summaryText(views: readonly StatusView[]): string {
  const counts = new Map<string, number>();
  const inOrder = [...views].sort(byState);
  for (const view of inOrder) {
    const state = stateOf(view) === 'settled' ? `settled at ${view.floor}` : stateOf(view);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  const parts = [...counts].map(([state, shards]) => `${shards} ${state}`);
  return `${views.length} ${views.length === 1 ? 'shard' : 'shards'}: ${parts.join(', ')}`;
}

const STATES = [...PHASES, 'unknown', 'unreadable', 'unreachable'] as const;

function stateOf(view: StatusView): (typeof STATES)[number] {
  if (!view.reachable) return 'unreachable';
  return view.error === null ? (view.phase ?? 'unknown') : 'unreadable';
}

function byState(left: StatusView, right: StatusView): number {
  const rank = (view: StatusView) => STATES.indexOf(stateOf(view));
  return rank(left) - rank(right) || compareVersions(left.floor ?? '', right.floor ?? '');
}

function phaseText(view: StatusView, colors: Colors): string {
  const state = stateOf(view);
  switch (state) {
    case 'unreachable':
    case 'unreadable':
      return colors.red(state);
    case 'unknown':
      return colors.dim(state);
    case 'settled':
      return colors.green(state);
    case 'dual':
      return colors.cyan(state);
    default:
      return colors.yellow(state);
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

/** A fleet has more servers than a table has room for; `--json` and contract name them all. */
const NAMED_SERVERS = 4;

/** One line per release and mode: `1.0: web-1, web-2`. */
function serversText(servers: readonly ServerView[]): string {
  const groups = new Map<string, Set<string>>();
  for (const { server, release, mode } of servers) {
    const group = mode === 'native' ? release : `${release} (${mode})`;
    groups.set(group, (groups.get(group) ?? new Set()).add(server));
  }
  return [...groups].map(([group, names]) => `${group}: ${namesText([...names])}`).join('\n');
}

function namesText(names: string[]): string {
  names.sort((left, right) => left.localeCompare(right, 'en', { numeric: true }));
  const more = names.length - NAMED_SERVERS;
  const named = names.slice(0, NAMED_SERVERS).join(', ');
  return more > 0 ? `${named} and ${more} more` : named;
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
