// A whole server in a process of its own, of this release or of another one:
// server.mjs '{"module": PATH, "version": V, "server": NAME, "shards": […], "secret": HEX}'. It
// prints where it listens, and ends in order when it is told to.

const { module, version, server, shards, secret } = JSON.parse(process.argv[2] ?? '{}');
const { startServer } = await import(module);
const note = (level) => (detail, message) =>
  process.stderr.write(
    `${JSON.stringify({ server, version, level, message, detail, error: String(detail.error) })}\n`,
  );
const log = { debug() {}, info() {}, warn: note('warn'), error: note('error') };

const running = await startServer({
  ...{ name: server, version, shards, secret: Buffer.from(secret, 'hex'), log },
  listen: { host: '127.0.0.1', port: 0 },
  agents: { host: '127.0.0.1', port: 0 },
  names: ['localhost'],
  pace: { jobLeaseSeconds: 2, poolSize: 5 },
});
process.on('SIGTERM', () => running.stop().then(() => process.exit(0)));
process.stdout.write(`${JSON.stringify([running.address, running.agents.port])}\n`);
