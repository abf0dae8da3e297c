// The system management application, as a program starts it.
export { BUCKETS, bucketOf, readBuckets } from './store/buckets.js';
export { installShard, releasesDirectory, type StoreShard } from './store/install.js';
export { assertOwner, giveLease, type Lease, renewLease, takeLease } from './store/leases.js';
export { type Log, openStore, Store, type StoreOptions } from './store/store.js';
