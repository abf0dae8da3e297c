// How a shard serves this server's release, decided from the shard's own row and nothing else.
//
// | mode        | means                                                                    |
// |-------------|--------------------------------------------------------------------------|
// | native      | the release's tables are tables                                          |
// | lens        | what differs is seen through views; reads and writes work                |
// | session     | the same, and the views are temporary ones of each session; the shard is |
// |             | settled at the release before, and holds nothing of this one             |
// | refused     | the shard answers, and does not serve this release; nothing is sent      |
// | unreachable | the shard did not answer for longer than the lease; nothing is sent      |
//
// `judge` is pure. Source: DESIGN section 4; phases in protocol/phase.ts.

import {
  compareVersions,
  type FeatureState,
  type LensBundle,
  modeOfNewer,
  type Phase,
  type ServersFile,
  type ShardRow,
  STATE_FORMAT,
} from '@halflap/protocol';

export const MODES = ['native', 'lens', 'session', 'refused', 'unreachable'] as const;
export type Mode = (typeof MODES)[number];

/** What a heartbeat reads of a shard. */
export type ShardFacts = Pick<ShardRow, 'app' | 'floor' | 'ceiling' | 'phase' | 'paused'> & {
  readonly fingerprint: string;
  /** Oldest state format that may still read this shard; null when none is stated. */
  readonly min_reader: number | null;
  /** Whether the session's role has the right to make temporary objects in the database. */
  readonly may_be_temporary: boolean;
  /** A standby, or set so. */
  readonly is_read_only: boolean;
  /** Whether the shard takes what a server says of features. */
  readonly has_register: boolean;
  /** Which features are allowed here; absent while no lease was asked for. */
  readonly features?: Readonly<Record<string, FeatureState>>;
  /** Releases of the servers that live here; absent likewise. */
  readonly releases?: readonly string[];
  /** Of the session, quoted for SQL. */
  readonly role: string;
  readonly database: string;
};

export interface Verdict {
  readonly mode: Exclude<Mode, 'unreachable'>;
  /** Why the shard refuses; null when it serves. */
  readonly reason: string | null;
  /** The next thing to type or to install; null when the shard serves. */
  readonly hint: string | null;
  /** True when a prepare would make the shard serve this release. */
  readonly isPreparable: boolean;
}

/** Who asks: the application and release of this server, and how it takes an untouched database. */
export interface Asker {
  readonly app: string;
  readonly release: string;
  readonly unregistered: 'native' | 'refuse';
  /** What it could install in its sessions; null for none. */
  readonly lens: Pick<LensBundle, 'from' | 'sessionLens'> | null;
  /** The features that it supports are in it. */
  readonly servers: Pick<ServersFile, 'features'> | null;
}

/** Decides how `shard` serves the asker. `facts` is null for a database without Halflap's state. */
export function judge(facts: ShardFacts | null, shard: string, asker: Asker): Verdict {
  if (facts === null) return judgeUnregistered(shard, asker);
  if (facts.min_reader !== null && facts.min_reader > STATE_FORMAT) {
    return refused(
      `its state needs a reader of format ${facts.min_reader}, this client reads ${STATE_FORMAT}`,
      'install a newer @halflap/client on this server',
    );
  }
  if (facts.app !== asker.app) {
    return refused(
      `it belongs to application ${facts.app}, not ${asker.app}`,
      'compare the url of this shard with the operator’s halflap.yaml',
    );
  }
  const unknown = Object.keys(facts.features ?? {}).filter(
    (name) => !Object.hasOwn(asker.servers?.features ?? {}, name),
  );
  if (unknown.length > 0) return judgeUnsupporting(unknown, facts, asker);
  if (asker.release === facts.floor) return judgeFloor(facts);
  if (asker.release === facts.ceiling && facts.phase !== 'settled') {
    const mode = modeOfNewer(facts.phase);
    if (mode !== 'refused') return served(mode);
  }
  return judgeOther(facts, shard, asker);
}

/** One line of what a shard is: `settled at 1.0`, `dual, from 1.0 to 2.0`. */
export function describeFacts(facts: {
  readonly phase: Phase | null;
  readonly floor: string | null;
  readonly ceiling: string | null;
}): string {
  if (facts.phase === null) return 'unregistered';
  if (facts.floor === facts.ceiling) return `${facts.phase} at ${facts.floor}`;
  return `${facts.phase}, from ${facts.floor} to ${facts.ceiling}`;
}

/** It would not understand what others may write by the feature. */
function judgeUnsupporting(
  names: readonly string[],
  { features = {} }: ShardFacts,
  { release, servers }: Asker,
): Verdict {
  const list = names.map((name) => `${name} is ${features[name]}`).join(', ');
  const is = servers === null ? 'has no servers file' : `of ${release} does not support that`;
  return refused(
    `feature ${list} here, and this server ${is}`,
    servers === null
      ? 'give open() the servers file of a release that supports it'
      : 'install a release that supports it; halflap features disable NAME --all, if reversible',
  );
}

function judgeUnregistered(shard: string, asker: Asker): Verdict {
  if (asker.unregistered === 'native') return served('native');
  return refused(
    'the database holds no state of Halflap, so nothing tells which release it is',
    `halflap adopt VERSION --shard ${shard}; unregistered: 'native' if it holds ${asker.release}`,
  );
}

function judgeFloor(facts: ShardFacts): Verdict {
  if (facts.phase !== 'contracting') return served('native');
  return refused(
    `it is contracting and serves ${facts.ceiling} only`,
    `install release ${facts.ceiling} on this server`,
  );
}

/** The release is outside of what the shard serves: too old, too new, or too early. */
function judgeOther(facts: ShardFacts, shard: string, asker: Asker): Verdict {
  const { release } = asker;
  const where = describeFacts(facts);
  if (compareVersions(release, facts.floor) < 0) {
    return refused(
      `it is ${where}; ${release} is older than that`,
      `install release ${facts.floor} on this server`,
    );
  }
  if (facts.phase === 'settled') {
    return { ...judgeUnprepared(facts, shard, asker), isPreparable: !facts.paused };
  }
  if (facts.floor === facts.ceiling) {
    return refused(
      `it returns to ${facts.floor} and serves that only`,
      `halflap abort --shard ${shard} finishes that; then halflap prepare --shard ${shard}`,
    );
  }
  return refused(
    `it is ${where}; ${release} is not one of the two`,
    `finish that evolution first: halflap expand|contract|abort --shard ${shard}`,
  );
}

/** The shard is settled at an older release; what the session brings along may serve it. */
function judgeUnprepared(facts: ShardFacts, shard: string, { release, lens }: Asker): Verdict {
  const why = `it is ${describeFacts(facts)} and not prepared for ${release}`;
  const prepare = `halflap prepare --shard ${shard} (to ${release})`;
  if (lens?.from.version !== facts.floor) {
    return refused(why, `${prepare}, or give open() a prepare callback or the bundle`);
  }
  if (lens.sessionLens.impossible !== null) {
    return refused(`${why}; ${lens.sessionLens.impossible}`, prepare);
  }
  if (lens.from.fingerprint !== facts.fingerprint) {
    return refused(
      `${why}; the bundle was built from another schema of ${facts.floor}`,
      `give open() the bundle that was built from the ${facts.floor} of this shard`,
    );
  }
  if (facts.is_read_only) {
    return refused(
      `${why}; a session lens needs temporary objects, and the database is a standby or read-only`,
      `${prepare}, on the primary`,
    );
  }
  if (!facts.may_be_temporary) {
    return refused(
      `${why}; a session lens needs temporary objects, which role ${facts.role} may not make`,
      `grant temporary on database ${facts.database} to ${facts.role}; or ${prepare}`,
    );
  }
  return served('session');
}

function served(mode: Exclude<Mode, 'refused' | 'unreachable'>): Verdict {
  return { mode, reason: null, hint: null, isPreparable: false };
}

function refused(reason: string, hint: string): Verdict {
  return { mode: 'refused', reason, hint, isPreparable: false };
}
