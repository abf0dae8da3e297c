// Replaces the keys of the cluster, or gives the old ones up, and is killed right after that: no
// server and no host has heard of it. It runs the built package:
// rotate-and-die.mjs '{"shards": […], "secret": HEX, "act": "rotate" | "retire"}'

// These parts alone: the whole package takes a second to load.
import {
  retireKey,
  retiring,
  rotateKey,
} from '../../packages/server/dist/authority/cluster-keys.js';
import { openStore } from '../../packages/server/dist/store/store.js';

const { shards, secret, act } = JSON.parse(process.argv[2] ?? '{}');
const log = { debug() {}, info() {}, warn() {}, error() {} };
const store = await openStore({ shards, server: 'dying', poolSize: 2, log });
const options = { secret: Buffer.from(secret, 'hex'), clock: () => new Date() };
await store.home.transaction(async (client) => {
  for (const kind of ['authority', 'orders']) {
    if (act === 'rotate') await rotateKey(client, kind, options);
    else await retireKey(client, (await retiring(client, kind)).old.id, new Date());
  }
});
process.kill(process.pid, 'SIGKILL');
