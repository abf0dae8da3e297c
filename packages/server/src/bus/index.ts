// The bus between the servers of a cluster.
export {
  type Backlog,
  backlogOf,
  discard,
  findParked,
  giveBack,
  PARKED,
  type Parked,
} from './backlog.js';
export { Bus, type BusState } from './bus.js';
export type { Carrier } from './carrier.js';
export { type EnvelopeFormat, FORMATS, type Formats, unreadable } from './envelope.js';
export { memoryCarrier } from './memory.js';
export { type Draft, MAX_ENVELOPE_BYTES, type Message } from './message.js';
export { natsCarrier } from './nats.js';
export type { NatsOptions } from './nats-link.js';
export type { BusOptions } from './options.js';
export { type PostgresOptions, postgresCarrier } from './postgres.js';
export { purge } from './purge.js';
export type { Counters, Follow, Handle, Work } from './subscription.js';
