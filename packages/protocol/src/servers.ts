// What the servers of an application tell each other through the shards: features, levels of
// messages, retained behaviours; and the file in which a release states them (releases/N/
// servers.yaml, built by the engine).
//
// A feature passes through three states on each shard:
//
// | state   | entered by              | left by         | invariant                          |
// |---------|-------------------------|-----------------|------------------------------------|
// | off     | disable, second pass    | enable, first   | nobody may use it                  |
// | allowed | first pass of enable or | either's second | every live server supports it, and |
// |         | of disable              |                 | none that does not begins          |
// | enabled | enable, second pass     | disable, first  | allowed on every shard, and every  |
// |         |                         |                 | live server has heard of that      |
//
// So two servers never differ by more than one state. Source of the idea: F1's schema states (Rae
// and others, "Online, asynchronous schema change in F1", VLDB 2013, section 3).

import type { MessageMapping, RecordShape } from './envelope.js';
import type { Phase } from './phase.js';

/** The newest format of the servers file that this code writes, and the one that it reads. */
export const SERVERS_FORMAT = 1;

export const FEATURE_STATES = ['allowed', 'enabled'] as const;
/** `off` is that there is no row. */
export type FeatureState = (typeof FEATURE_STATES)[number];

/** From which phase on a shard of the feature's release supports it; settled: the old is gone. */
export const FEATURE_PHASES = ['prepared', 'dual', 'settled'] as const satisfies readonly Phase[];
export type FeaturePhase = (typeof FEATURE_PHASES)[number];

export interface FeatureDeclaration {
  readonly about: string;
  /** The release that brought it. */
  readonly since: string;
  readonly shards: FeaturePhase;
  /** Whether it may be disabled again once it was enabled. */
  readonly isReversible: boolean;
}

/** How something that a release changed may go on as it was, for those who depend on it. */
export interface BehaviourDeclaration {
  readonly about: string;
  /** The release that changed it: who declares an older one meets it as it was. */
  readonly changed: string;
  /** ISO date after which nobody should need it any more; null for none. */
  readonly expires: string | null;
}

export const BEHAVIOUR_MODES = ['retained', 'changed'] as const;
export type BehaviourMode = (typeof BEHAVIOUR_MODES)[number];

/** What a server says with every heartbeat. */
export interface ServerDeclaration {
  readonly features: Readonly<Record<string, FeatureDeclaration>>;
  readonly behaviours: Readonly<Record<string, BehaviourDeclaration>>;
  /** The types of messages that it reads and writes; none for a client that does not say so. */
  readonly messages: readonly string[];
  /** The shards that it uses, by the names that it calls them. */
  readonly shards: readonly string[];
}

/**
 * What a server said, from the shard's table, where any role of the database may have written
 * something else; null for what is no declaration. An entry that is not of its shape is passed
 * over: what is not said properly is not supported.
 */
export function readDeclaration(value: unknown): ServerDeclaration | null {
  if (!isRecord(value)) return null;
  const { features, behaviours, messages, shards } = value;
  if (!isRecord(features) || !isRecord(behaviours) || !isTexts(shards)) return null;
  const entries = <Entry>(all: Record<string, unknown>, isOne: (one: unknown) => one is Entry) =>
    Object.fromEntries(
      Object.entries(all).flatMap(([name, one]) => (isOne(one) ? [[name, one] as const] : [])),
    );
  return {
    features: entries(features, isFeature),
    behaviours: entries(behaviours, isBehaviour),
    messages: isTexts(messages) ? messages : [],
    shards,
  };
}

function isFeature(value: unknown): value is FeatureDeclaration {
  if (!isRecord(value)) return false;
  const { about, since, shards, isReversible } = value;
  const isPhase = FEATURE_PHASES.some((phase) => phase === shards);
  return isTexts([about, since]) && since !== '' && isPhase && typeof isReversible === 'boolean';
}

function isBehaviour(value: unknown): value is BehaviourDeclaration {
  if (!isRecord(value)) return false;
  const { about, changed, expires } = value;
  return isTexts([about, changed]) && (expires === null || isTexts([expires]));
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The file that `halflap build` writes for servers of one release. */
export interface ServersFile {
  readonly format: typeof SERVERS_FORMAT;
  readonly app: string;
  readonly release: string;
  /** The release before; null for the first one. */
  readonly from: string | null;
  /** Hex SHA-256 of `hashedText`. */
  readonly hash: string;
  readonly features: Readonly<Record<string, FeatureDeclaration>>;
  readonly behaviours: Readonly<Record<string, BehaviourDeclaration>>;
  readonly messages: Readonly<Record<string, RecordShape>>;
  /** The messages of `from`, and what becomes of each type on the way up and down. */
  readonly earlier: {
    readonly messages: Readonly<Record<string, RecordShape>>;
    readonly up: Readonly<Record<string, MessageMapping>>;
    readonly down: Readonly<Record<string, MessageMapping>>;
  };
}

/** `halflap.feature`. */
export interface FeatureRow {
  readonly name: string;
  readonly release: string;
  readonly state: FeatureState;
  readonly is_reversible: boolean;
  readonly changed_at: Date;
  readonly changed_by: string;
}

/** `halflap.parked`: a message that a consumer could not read. */
export interface ParkedRow {
  readonly id: string;
  /** The queue or subscription of the application that it came by. */
  readonly consumer: string;
  readonly message_id: string;
  /** Null where the envelope itself could not be read. */
  readonly type: string | null;
  readonly level: string | null;
  /** Of a release that the server did not know; else something is wrong with it. */
  readonly is_newer: boolean;
  readonly reason: string;
  readonly envelope: string;
  /** Which server parked it last, of which release. */
  readonly server: string;
  readonly release: string;
  /** How often it was parked. */
  readonly times: number;
  readonly parked_at: Date;
  /** When an operator gave it back; null while it waits for one. */
  readonly returned_at: Date | null;
}

/** `halflap.behaviour`: how often one was met in one mode. */
export interface BehaviourRow {
  readonly name: string;
  readonly mode: BehaviourMode;
  readonly uses: string;
  readonly first_used_at: Date;
  readonly last_used_at: Date;
  /** The server that met it last. */
  readonly server: string;
}
