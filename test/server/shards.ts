// Shards of the store, and fleets that are open on them: for what needs no more than those.

import { fileURLToPath } from 'node:url';
import { type Fleet, type OpenOptions, open, type ShardTarget } from '@halflap/client';
import { installRelease, loadRelease, type Release } from '@halflap/engine';
import { type FreshDatabase, freshDatabase, withDatabase } from '@halflap/engine/testing';

export const STORE = { app: 'halflap', release: '1.0' } as const;

export interface TestFleet {
  /** `s1`, `s2`, …; each an empty shard of release 1.0. */
  readonly targets: readonly (ShardTarget & { readonly url: string })[];
  readonly fleet: Fleet;
  /** Another server's fleet; closed with the store at the latest. */
  open(options?: Partial<OpenOptions>): Promise<Fleet>;
  /** Closes all fleets and removes the databases. */
  close(): Promise<void>;
}

const DIRECTORY = fileURLToPath(new URL('../../packages/server/releases/1.0', import.meta.url));

let loaded: Promise<Release> | undefined;
let template: Promise<FreshDatabase> | undefined;

export interface StoreOptions {
  /** Further shards, on empty databases of the caller's own. */
  readonly more?: readonly { readonly name: string; readonly url: string }[];
}

/** Opens a store with that many shards, in a tenth of a second for each after the first. */
export async function openTestFleet(
  shards: number,
  { more = [] }: StoreOptions = {},
): Promise<TestFleet> {
  const databases = await Promise.all(Array.from({ length: shards }, installed));
  for (const { url } of more) await install(url);
  const targets = [...databases.map(({ url }, at) => ({ name: `s${at + 1}`, url })), ...more];
  const fleets: Fleet[] = [];
  const openOne = async (options: Partial<OpenOptions> = {}) => {
    const fleet = await open({ ...STORE, server: 'test', shards: targets, ...options });
    fleets.push(fleet);
    return fleet;
  };
  return {
    targets,
    fleet: await openOne(),
    open: openOne,
    async close() {
      await Promise.all(fleets.map((fleet) => fleet.close()));
      await Promise.all(databases.map((database) => database.drop()));
    },
  };
}

async function installed(): Promise<FreshDatabase> {
  template ??= installTemplate();
  return freshDatabase({ template: (await template).database });
}

/** Stays until the server of the run ends. */
async function installTemplate(): Promise<FreshDatabase> {
  const database = await freshDatabase();
  await install(database.url);
  return database;
}

async function install(url: string): Promise<void> {
  loaded ??= loadRelease(DIRECTORY, { withDatabase });
  await installRelease({ url, app: STORE.app, release: await loaded });
}
