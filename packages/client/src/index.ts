// What a vendor's server installs: its shards, bound to its release.
export type { Compare } from './compare.js';
export type { ReadMessage, UnreadMessage } from './envelope.js';
export type { Standing } from './features.js';
export type { Gathered, GatherOptions, Outcome } from './gather.js';
export type { ShardStatus } from './lease.js';
export { type Locate, locateByName } from './locate.js';
export type { OrderBy } from './merge.js';
export type { Consumer, Message, Messages, Taken } from './messages.js';
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
