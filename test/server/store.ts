// The store of a test: this release on fresh databases, opened as a server opens it.

import { freshDatabase } from '@halflap/engine/testing';
import { type Log, openStore, type Store } from '@halflap/server';

export interface TestStore {
  readonly store: Store;
  /** The databases of its shards, in their order: s1, s2, … */
  readonly shards: readonly { readonly name: string; readonly url: string }[];
  /** Another server of the same store. */
  open(server: string): Promise<Store>;
  /** Closes what was opened and drops the databases. */
  drop(): Promise<void>;
}

/** Nothing is printed; what went wrong shows in what a test asserts. */
export const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** A store of so many shards, the first of which is the home shard. */
export async function openTestStore(count: number): Promise<TestStore> {
  const databases = await Promise.all(Array.from({ length: count }, () => freshDatabase()));
  const shards = databases.map(({ url }, at) => ({ name: `s${at + 1}`, url }));
  const opened: Store[] = [];
  const drop = async () => {
    await Promise.all(opened.map((one) => one.close()));
    await Promise.all(databases.map((one) => one.drop()));
  };
  const another = async (server: string) => {
    const store = await openStore({ shards, server, poolSize: 5, log: SILENT });
    opened.push(store);
    return store;
  };
  try {
    return { store: await another('one'), shards, open: another, drop };
  } catch (error) {
    await drop();
    throw error;
  }
}
