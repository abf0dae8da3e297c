// What a server says when it opens its fleet, checked once and completed with defaults.
//
// Invariant: behind this file every setting is present and in range, and no message that leaves
// this file holds a URL, because a URL may hold a password.

import { hostname } from 'node:os';
import type { LensBundle, ServersFile } from '@halflap/protocol';
import type { PoolConfig } from 'pg';
import { type GivenBundle, lensBundleOf } from './bundle.js';
import { checkChoice, checkInteger, checkRetries, shown, wrong } from './given.js';
import { type Locate, locateByName } from './locate.js';
import type { Mode } from './mode.js';
import { declarationOf, type GivenServers, serversFileOf } from './servers-file.js';

/** One shard: a name that never changes, and how to reach it. */
export type ShardTarget =
  | { readonly name: string; readonly url: string }
  | { readonly name: string; readonly pool: PoolConfig };

/** Says how the fleet fares: refusals, recoveries, connections lost. Never holds SQL or secrets. */
export type Log = (line: LogLine) => void;

export interface LogLine {
  readonly level: 'info' | 'warn';
  readonly shard: string;
  readonly message: string;
}

export interface OpenOptions<Target extends ShardTarget = ShardTarget> {
  /** The application's name as its releases are built with it: `inventory`. */
  readonly app: string;
  /** The release that this server's code was written against: `2.0`. */
  readonly release: string;
  /** How operators know this server; default: the host's name. */
  readonly server?: string;
  readonly shards: readonly Target[];
  /** Connections per shard, 1–1000, default 10. One of them is borrowed for each heartbeat. */
  readonly poolSize?: number;
  /**
   * How long a shard trusts this server after its last heartbeat, 3–3600 seconds, default 30. A
   * heartbeat comes every third of it. Contract waits for the leases of the old release.
   */
  readonly leaseSeconds?: number;
  /** Longest wait for a connection, and for a heartbeat's answer; 50–600000 ms, default 5000. */
  readonly connectTimeoutMs?: number;
  /**
   * How often a single statement, or a transaction that asks for it, is run again after a deadlock
   * or a serialization failure; 0–20, default 3.
   */
  readonly retries?: number;
  /**
   * What to do with a database that Halflap never touched. `native`: trust that it holds this
   * server's release. Default `refuse`, because nothing in such a database tells its release.
   */
  readonly unregistered?: 'native' | 'refuse';
  /**
   * Prepares a shard that is settled at an older release, so that this server may start before an
   * operator came. Called for one attempt at a time per shard, again at a later heartbeat if it
   * failed, and never for a shard that this fleet was served by before: an operator's abort stands.
   */
  readonly prepare?: (shard: Target) => Promise<void>;
  /**
   * The bundle of this server's release: the path of the file that `halflap build` wrote, or the
   * parsed JSON. With it the server works on a shard that is settled at the release before, through
   * a lens in the temporary schema of each of its sessions.
   */
  readonly bundle?: GivenBundle;
  /**
   * The features, messages and behaviours of this server's release: the path of the servers file
   * that `halflap build` wrote, or the parsed JSON. Without it the server supports no feature, and
   * is refused where one is enabled.
   */
  readonly servers?: GivenServers;
  /**
   * The release whose behaviours are met where a call of `behaves` names none; default: this
   * server's own, and so everything as it was last changed.
   */
  readonly behavesAs?: string;
  /** Which shard holds a key; default: `locateByName`. */
  readonly locate?: Locate;
  readonly log?: Log;
}

/** Modes in which statements are sent. */
export type ServedMode = Extract<Mode, 'native' | 'lens' | 'session'>;

export interface Settings {
  readonly app: string;
  readonly release: string;
  readonly server: string;
  readonly poolSize: number;
  readonly leaseSeconds: number;
  readonly connectTimeoutMs: number;
  readonly retries: number;
  readonly unregistered: 'native' | 'refuse';
  readonly locate: Locate;
  readonly log: Log;
  /** The bundle whose session lens serves a settled shard; null where none was given. */
  readonly lens: LensBundle | null;
  /** What the release states for its servers; null where no file was given. */
  readonly servers: ServersFile | null;
  /** What this server says of it on every shard, as JSON. */
  readonly declaration: string;
  readonly behavesAs: string;
}

/**
 * Checks the options. @throws CLIENT_OPTIONS naming the option, what was found and what is
 * expected.
 */
export function settingsOf<Target extends ShardTarget>(options: OpenOptions<Target>): Settings {
  checkNames('option', options, OPTIONS);
  checkTargets(options.shards);
  const { poolSize = 10, leaseSeconds = 30, connectTimeoutMs = 5000, retries = 3 } = options;
  const app = text('app', options.app);
  const release = text('release', options.release);
  const names = options.shards.map(({ name }) => name);
  const servers =
    options.servers === undefined ? null : serversFileOf(options.servers, { app, release });
  return {
    app,
    release,
    servers,
    declaration: JSON.stringify(declarationOf(servers, names)),
    behavesAs: text('behavesAs', options.behavesAs ?? release),
    server: text('server', options.server ?? hostname()),
    poolSize: checkInteger('poolSize', poolSize, [1, 1000]),
    leaseSeconds: checkInteger('leaseSeconds', leaseSeconds, [3, 3600]),
    connectTimeoutMs: checkInteger('connectTimeoutMs', connectTimeoutMs, [50, 600_000]),
    retries: checkRetries('retries', retries),
    unregistered: checkChoice('unregistered', UNREGISTERED, options.unregistered ?? 'refuse'),
    locate: options.locate ?? locateByName,
    log: options.log ?? (() => {}),
    lens: options.bundle === undefined ? null : lensBundleOf(options.bundle, { app, release }),
  };
}

/** Every option; the compiler sees to it that none is missing. */
const OPTIONS: Readonly<Record<keyof OpenOptions, true>> = {
  app: true,
  release: true,
  server: true,
  shards: true,
  poolSize: true,
  leaseSeconds: true,
  connectTimeoutMs: true,
  retries: true,
  unregistered: true,
  prepare: true,
  bundle: true,
  servers: true,
  behavesAs: true,
  locate: true,
  log: true,
};

const UNREGISTERED = { native: 'native', refuse: 'refuse' } as const;

/** Hides the password of any connection URL within a message. */
export function withoutSecrets(message: string): string {
  return message.replace(/(\w+:\/\/[^:@/\s]*):[^@\s]*@/g, '$1:***@');
}

/** A misspelt name would leave its default in force without a word. */
function checkNames(what: string, given: object, known: Readonly<Record<string, true>>): void {
  const odd = Object.keys(given).find((name) => !Object.hasOwn(known, name));
  if (odd === undefined) return;
  throw wrong(`open: ${what} ${odd}`, 'unknown', `one of ${Object.keys(known).join(', ')}`);
}

function checkTargets(targets: readonly ShardTarget[]): void {
  if (!Array.isArray(targets) || targets.length === 0) {
    throw wrong('open: shards', 'empty', 'a list of at least one shard');
  }
  const seen = new Set<string>();
  for (const target of targets) {
    text('shards[].name', target.name);
    if (seen.has(target.name)) {
      throw wrong('open: shards', `${target.name} twice`, 'each name once');
    }
    seen.add(target.name);
    checkAddress(target);
  }
}

/** The driver would take what it is not told from the environment, and so from another database. */
function checkAddress(target: ShardTarget): void {
  const place = `open: the address of shard ${target.name}`;
  if ('url' in target) {
    // It would report a malformed URL at the first statement, with the URL in its error.
    if (!isPostgresUrl(target.url)) throw wrong(place, 'another text', 'a url, postgres://…');
  } else if (typeof target.pool !== 'object' || target.pool === null) {
    throw wrong(place, 'missing', 'url or pool');
  }
}

function isPostgresUrl(url: string): boolean {
  return URL.canParse(url) && /^postgres(ql)?:$/.test(new URL(url).protocol);
}

function text(option: string, value: string): string {
  if (typeof value === 'string' && value.trim() !== '') return value;
  throw wrong(`open: ${option}`, shown(value), 'a text that is not empty');
}
