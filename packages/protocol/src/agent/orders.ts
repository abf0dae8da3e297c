// What a server may ask of an agent. An order is signed by the cluster's key as the exact text that
// the agent runs it from, so neither a server that was taken over without that key nor anybody on
// the way can ask for something else.

import { type Static, Type } from 'typebox';
import { checkOf, count, name, nullable, oneOf, time, uuid } from './shape.js';

/** Kinds of order; a host's policy file names those that its agent runs. */
export const ORDER_KINDS = ['packages', 'service', 'command', 'file'] as const;
export type OrderKind = (typeof ORDER_KINDS)[number];

export const PACKAGE_ACTIONS = [
  'install',
  'upgrade',
  'downgrade',
  'remove',
  'hold',
  'unhold',
] as const;
export const SERVICE_ACTIONS = ['start', 'stop', 'restart', 'reload', 'enable', 'disable'] as const;

/** One transaction of the host's package manager. */
export const PackagesWork = Type.Object({
  kind: Type.Literal('packages'),
  action: oneOf(PACKAGE_ACTIONS),
  /** Empty with `upgrade` means: all that can be upgraded. */
  packages: Type.Array(
    Type.Object({
      name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9+._:-]{0,254}$' }),
      /** null: the version that the package manager chooses. */
      version: nullable(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9+.~^:_-]{0,254}$' })),
    }),
    { maxItems: 1000 },
  ),
  /** Only upgrades that fix a vulnerability; with `upgrade` and no packages. */
  onlySecurity: Type.Boolean(),
  /** Ask the package manager what it would do, and do nothing. */
  simulate: Type.Boolean(),
});

export const ServiceWork = Type.Object({
  kind: Type.Literal('service'),
  action: oneOf(SERVICE_ACTIONS),
  service: Type.String({ pattern: '^[A-Za-z0-9@:._\\\\-]{1,255}$' }),
});

/** A program with its arguments; no shell reads it unless the program is one. */
export const CommandWork = Type.Object({
  kind: Type.Literal('command'),
  program: Type.String({ minLength: 1, maxLength: 4096 }),
  args: Type.Array(Type.String({ maxLength: 32_768 }), { maxItems: 256 }),
  /** A user of the host; null is the agent's own. */
  user: nullable(name(32)),
  /** null: the root directory. */
  directory: nullable(Type.String({ minLength: 1, maxLength: 4096 })),
  environment: Type.Record(Type.String(), Type.String({ maxLength: 32_768 })),
});

/** Looks at a file and says whether it is as expected; changes nothing. */
export const FileWork = Type.Object({
  kind: Type.Literal('file'),
  path: Type.String({ pattern: '^/', maxLength: 4096 }),
  /** Each that is given must hold; none given: the file must exist. */
  exists: Type.Optional(Type.Boolean()),
  sha256: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
  contains: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
  mode: Type.Optional(Type.String({ pattern: '^[0-7]{3,4}$' })),
  owner: Type.Optional(name(32)),
});

export const Work = Type.Union([PackagesWork, ServiceWork, CommandWork, FileWork]);
export type Work = Static<typeof Work>;

/** What is signed. Its text travels as it was signed. */
export const Order = Type.Object({
  format: Type.Literal(1),
  run: uuid(),
  job: uuid(),
  host: uuid(),
  work: Work,
  /** The agent does not begin after this. */
  beginBefore: time(),
  /** The agent ends what runs longer. */
  timeoutSeconds: Type.Integer({ minimum: 1, maximum: 604_800 }),
  /** The agent keeps and sends no more output than this, and says how much it left out. */
  outputLimitBytes: count(16 * 1024 * 1024),
});
export type Order = Static<typeof Order>;

/** @see checkOf. Of the parsed text of a signed order. */
export const checkOrder = checkOf(Order);

/** How an order ended on its host. */
export const RESULT_STATES = [
  /** It ran, with exit code 0; a file was as expected. */
  'succeeded',
  /** It ran and failed; a file was not as expected. */
  'failed',
  /** It was ended after `timeoutSeconds`. */
  'timed_out',
  /** It was ended, or never begun, because a server asked for that. */
  'cancelled',
  /** The agent did not begin it: signature, policy, `beginBefore`, another host's order. */
  'refused',
  /** The agent began it and cannot know how it ended: the host went down while it ran. */
  'lost',
] as const;

export const Result = Type.Object({
  state: oneOf(RESULT_STATES),
  exitCode: nullable(Type.Integer()),
  signal: nullable(name(32)),
  /** One sentence for people; for `refused`, which rule. */
  message: Type.String({ maxLength: 2000 }),
  startedAt: nullable(time()),
  endedAt: time(),
  /** Of all output, also of what was left out. */
  outputBytes: count(),
  droppedBytes: count(),
});
export type Result = Static<typeof Result>;
