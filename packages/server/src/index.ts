// The system management application, as a program starts it.

export { type Endpoint, type EndpointOptions, startEndpoint } from './agents/endpoint.js';
export type { Enrolment, Redeem } from './agents/enrol.js';
export { type Duty, type DutyFrame, Session } from './agents/session.js';
export { Authority, type AuthorityOptions, openAuthority } from './authority/authority.js';
export { SECRET_BYTES } from './authority/sealing.js';
export { BUCKETS, bucketOf, readBuckets } from './store/buckets.js';
export { type PlannedMove, planMoves } from './store/evening.js';
export { installShard, releasesDirectory, type StoreShard } from './store/install.js';
export { assertOwner, giveLease, type Lease, renewLease, takeLease } from './store/leases.js';
export { MOVED, type Move, moveBucket } from './store/moving.js';
export { type Log, openStore, Store, type StoreOptions } from './store/store.js';
