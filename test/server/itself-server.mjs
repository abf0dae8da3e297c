// A whole server in a process of its own, of this release or of another one:
// server.mjs '{"module": PATH, "version": V, "server": NAME, "shards": […], "secret": HEX}'. It
// prints where it listens, and ends in order when it is told to.

import { inspect } from 'node:util';

const { module, version, server, shards, secret } = JSON.parse(process.argv[2] ?? '{}');
const { startServer } = await import(module);
const say = (detail, message) =>
  process.stderr.write(`${server} of ${version}: ${message} ${inspect(detail)}\n`);
const log = { debug() {}, info() {}, warn() {}, error: say };

const running = await startServer({
  ...{ name: server, version, shards, secret: Buffer.from(secret, 'hex'), log },
  listen: { host: '127.0.0.1', port: 0 },
  agents: { host: '127.0.0.1', port: 0 },
  names: ['localhost'],
  pace: { jobLeaseSeconds: 2, poolSize: 5 },
});
process.on('SIGTERM', () => running.stop().then(() => process.exit(0)));
process.stdout.write(`${JSON.stringify([running.address, running.agents.port])}\n`);
