// What a vendor's server installs: its shards, bound to its release.
export type { Compare } from './compare.js';
export type { Gathered, GatherOptions, Outcome } from './gather.js';
export type { ShardStatus } from './lease.js';
export { type Locate, locateByName } from './locate.js';
export type { OrderBy } from './merge.js';
export { MODES, type Mode } from './mode.js';
export { type Fleet, open, type ShardChange } from './open.js';
export type { Log, LogLine, OpenOptions, ShardTarget } from './options.js';
export type {
  CallOptions,
  Isolation,
  Shard,
  Statement,
  TransactionOptions,
} from './shard.js';
