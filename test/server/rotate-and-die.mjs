// Replaces the keys of the cluster, and is killed right after that: no server and no host has heard
// of it. It runs the built package: rotate-and-die.mjs '{"shards": […], "secret": HEX}'

// These parts alone: the whole package takes a second to load.
import { rotateKey } from '../../packages/server/dist/authority/cluster-keys.js';
import { openStore } from '../../packages/server/dist/store/store.js';

const { shards, secret } = JSON.parse(process.argv[2] ?? '{}');
const log = { debug() {}, info() {}, warn() {}, error() {} };
const store = await openStore({ shards, server: 'dying', poolSize: 2, log });
const options = { secret: Buffer.from(secret, 'hex'), clock: () => new Date() };
await store.home.transaction(async (client) => {
  await rotateKey(client, 'authority', options);
  await rotateKey(client, 'orders', options);
});
process.kill(process.pid, 'SIGKILL');
