// What is looked at of one shard, whatever application it is of: its database and its phase.

import {
  lookAtShard,
  type ReleaseSummary,
  readDrift,
  type ShardHealth,
  type ShardReport,
  type ShardStatus,
  type ShardUrl,
} from '@halflap/engine/runner';
import { EXIT } from '@halflap/protocol';
import { count, duration } from '../print.js';
import { redact } from '../secrets.js';
import { type Check, type Finding, failed, ok, warning } from './check.js';
import { diskCheck } from './outside-checks.js';

export interface ShardTarget {
  readonly name: string;
  readonly url: ShardUrl;
}

export interface Looking {
  readonly app: string;
  readonly timeoutMs: number;
  readonly clock: () => Date;
  /** A verb waits for a transaction that is open for longer, and so does vacuum. */
  readonly longSeconds: number;
  /** Connections that must be left: of a server, or of a verb. */
  readonly spareConnections: number;
  /** Whether `halflap serve` starts its PostgreSQL. */
  readonly isOwn: boolean;
  /** The release as a bundle at hand tells it; undefined where none does. */
  readonly summaryOf: (version: string) => ReleaseSummary | undefined;
}

/** PostgreSQL that Halflap is tested with. */
const OLDEST = 14;
const NEWEST = 18;
/** Certificates and orders have times of machines in them; a second or two harms nobody. */
const SKEW = { warningMs: 5000, failedMs: 5 * 60_000 };
const WAITING_SECONDS = 10;
const PREPARED_SECONDS = 3600;
/** Of a list, as many as are told. */
const TOLD = 3;

/** What all checks of a shard but one are made from: one connection for them together. */
export function reportOf(shard: ShardTarget, looking: Looking): Promise<ShardReport> {
  const { timeoutMs, clock, longSeconds } = looking;
  return lookAtShard(shard.url, { timeoutMs, clock, longSeconds });
}

export function shardChecks(
  shard: ShardTarget,
  report: () => Promise<ShardReport>,
  looking: Looking,
): Check[] {
  const how = { isOwn: looking.isOwn, isRead: typeof shard.url === 'string' };
  const place = (name: string) => ({ name, of: `shard ${shard.name}` });
  const look = (
    name: string,
    find: (of: ReturnType<typeof place>, health: ShardHealth, report: ShardReport) => Finding,
  ): Check => ({
    ...place(name),
    async run() {
      const found = await report();
      return found.health === null ? [] : [find(place(name), found.health, found)];
    },
  });
  return [
    {
      ...place('connection'),
      run: async () => [connection(place('connection'), await report(), how)],
    },
    look('release', (of, _, { status }) => release(of, status, looking.app)),
    look('clock', (of, health) => clockFinding(of, health)),
    look('connections', (of, health) => connections(of, health, looking.spareConnections)),
    look('rights', (of, health) => rights(of, health)),
    look('transactions', (of, health) => transactions(of, health, looking.longSeconds)),
    { ...place('disk'), run: () => disk(place('disk'), report) },
    { ...place('catalogue'), run: () => catalogue(place('catalogue'), shard, report, looking) },
  ];
}

type Place = Pick<Check, 'name' | 'of'>;

function connection(
  place: Place,
  { status, health }: ShardReport,
  { isOwn, isRead }: { readonly isOwn: boolean; readonly isRead: boolean },
): Finding {
  if (health === null) {
    // A url that nobody could read is a matter of the configuration.
    const exitCode = isRead ? EXIT.unreachable : EXIT.usage;
    const advice = redact(status.hint ?? 'look whether PostgreSQL runs there');
    const next = isOwn ? 'halflap serve starts it' : advice;
    return failed(place, redact(status.error ?? 'no answer'), next, exitCode);
  }
  const { version, versionNumber, answerMs, isReadOnly } = health;
  const major = Math.floor(versionNumber / 10_000);
  const found = `PostgreSQL ${version}, answers within ${answerMs} ms`;
  if (isReadOnly) {
    const next = 'name the primary in the url, or let it write again';
    return failed(place, `${found}; it is a standby or takes no writes`, next);
  }
  if (major >= OLDEST && major <= NEWEST) return ok(place, found);
  return warning(place, found, `Halflap is tested with PostgreSQL ${OLDEST} to ${NEWEST}`);
}

function release(place: Place, status: ShardStatus, app: string): Finding {
  const { state, error, hint, blocked, quarantined, differences } = status;
  const name = place.of?.replace(/^shard /, '') ?? '';
  if (error !== null) return failed(place, redact(error), redact(hint ?? 'halflap status'));
  if (state === null) {
    const next =
      app === 'halflap'
        ? 'halflap serve installs the store on an empty database'
        : `halflap adopt VERSION --shard ${name}, or install for an empty database`;
    return failed(place, 'not known to Halflap: it holds no release', next);
  }
  const { phase, floor, ceiling } = state;
  if (state.app !== app) {
    const found = `holds ${state.app}, but halflap.yaml says app: ${app}`;
    return failed(place, found, 'correct the url of this shard, or app');
  }
  const where = phase === 'settled' ? `settled at ${floor}` : `${phase}, ${floor} to ${ceiling}`;
  if (blocked !== null) return warning(place, `${where}; ${redact(blocked)}`, 'halflap status');
  if (quarantined + differences > 0) {
    const rows = `${count(quarantined)} rows in quarantine, ${count(differences)} keys differ`;
    return warning(place, `${where}; ${rows}`, `halflap quarantine --shard ${name}`);
  }
  return ok(place, where);
}

function clockFinding(place: Place, { clockAheadMs, answerMs }: ShardHealth): Finding {
  const sureMs = Math.max(0, Math.abs(clockAheadMs) - answerMs / 2);
  const way = clockAheadMs > 0 ? 'ahead of' : 'behind';
  const found = `${duration(Math.abs(clockAheadMs) / 1000)} ${way} this machine`;
  const next = 'set both clocks by NTP: chronyc tracking, timedatectl';
  if (sureMs > SKEW.failedMs) return failed(place, found, next);
  return sureMs > SKEW.warningMs ? warning(place, found, next) : ok(place, found);
}

function connections(place: Place, { connections: of }: ShardHealth, spare: number): Finding {
  const left = Math.max(0, of.most - of.used);
  const limit = of.limitedBy === 'server' ? '' : `, the limit of the ${of.limitedBy}`;
  const found = `${left} of ${of.most} left${limit}`;
  if (left >= spare) return ok(place, found);
  const raise = { server: 'max_connections', database: 'its limit', role: 'its limit' }[
    of.limitedBy
  ];
  return warning(place, found, `end sessions there, or raise ${raise}; ${spare} are needed`);
}

function rights(place: Place, health: ShardHealth): Finding {
  const { role, database, mayCreateSchemas, foreignTables, seesOthers } = health;
  if (foreignTables.length > 0) {
    const found = `role ${role} does not own ${listed(foreignTables)}`;
    return failed(place, found, 'name the role that owns the tables in the url');
  }
  if (!mayCreateSchemas) {
    const found = `role ${role} may not create schemas in database ${database}`;
    return failed(place, found, `grant create on database ${database} to ${role}`);
  }
  const blind = seesOthers ? '' : '; without pg_monitor it does not see what other roles do';
  return ok(place, `role ${role} owns the tables and may create schemas${blind}`);
}

function transactions(place: Place, health: ShardHealth, longSeconds: number): Finding {
  const { longTransactions: long, waiting, prepared } = health;
  const text = ({ who, seconds }: (typeof long)[number]) => `${who} ${duration(seconds)}`;
  const found = [
    ...told('open', long.map(text)),
    ...told(
      'waits for a lock',
      waiting.filter(longer(Math.min(longSeconds, WAITING_SECONDS))).map(text),
    ),
    ...told('never ended', prepared.filter(longer(PREPARED_SECONDS)).map(text)),
  ];
  if (found.length === 0) return ok(place, 'none is long, nobody waits for a lock');
  const next = 'let them end, or end them: select pg_terminate_backend(PID); rollback prepared';
  return warning(place, redact(found.join('; ')), next);
}

const longer =
  (least: number) =>
  ({ seconds }: { readonly seconds: number }) =>
    seconds > least;

function told(what: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`${what}: ${listed(lines)}`];
}

/** Of a PostgreSQL of this machine, where it tells its directory. */
async function disk(place: Place, report: () => Promise<ShardReport>): Promise<readonly Finding[]> {
  const directory = (await report()).health?.dataDirectory;
  if (directory === undefined || directory === null) return [];
  const found = await diskCheck(directory)
    .run()
    .catch(() => []);
  return found.map((finding) => ({ ...finding, of: `${place.of}, ${directory}` }));
}

/** Is the catalogue that of the release? Only of a shard that nobody moves. */
async function catalogue(
  place: Place,
  shard: ShardTarget,
  report: () => Promise<ShardReport>,
  { app, summaryOf, timeoutMs }: Looking,
): Promise<Finding[]> {
  const { state } = (await report()).status;
  if (state?.phase !== 'settled' || state.app !== app || typeof shard.url !== 'string') return [];
  const summary = summaryOf(state.floor);
  const drift = await readDrift(shard.url, { shard: shard.name, state, summary, timeoutMs });
  if (drift === null) return [ok(place, `not compared: no bundle at hand tells ${state.floor}`)];
  if (drift.length === 0) return [ok(place, `that of ${app} ${state.floor}`)];
  const next = 'undo what was changed by hand; the next prepare is refused otherwise';
  return [warning(place, redact(listed(drift)), next)];
}

function listed(texts: readonly string[]): string {
  const more = texts.length - TOLD;
  return texts.slice(0, TOLD).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Asks once, however many want to know. */
export function once<Value>(ask: () => Promise<Value>): () => Promise<Value> {
  let asked: Promise<Value> | undefined;
  return () => {
    asked ??= ask();
    return asked;
  };
}
