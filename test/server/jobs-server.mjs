// A server with agents, jobs and campaigns in a process of its own, to be killed. It runs the built package:
// jobs-server.mjs '{"server": NAME, "shards": […], "secret": HEX}'; it prints its port.

import {
  Bus,
  busDoorbell,
  openAuthority,
  openStore,
  postgresCarrier,
  startCampaigns,
  startEndpoint,
  startJobs,
} from '@halflap/server';

const { server, shards, secret } = JSON.parse(process.argv[2] ?? '{}');
const say = (detail, message) => process.stderr.write(`${server}: ${message} ${inspect(detail)}\n`);
const log = { debug() {}, info() {}, warn() {}, error: say };
const clock = () => new Date();

const store = await openStore({ shards, server, poolSize: 4, log });
const key = Buffer.from(secret, 'hex');
const authority = await openAuthority(store, {
  secret: key,
  hostCertificateDays: 30,
  clock,
});
const urls = new Map(shards.map(({ name, url }) => [name, url]));
const connection = (shard) => ({ connectionString: urls.get(shard) });
const bus = new Bus({
  fleet: store.fleet,
  server,
  carrier: postgresCarrier({ connection }),
  clock,
});
bus.start();
const doorbell = busDoorbell(bus, log);
await doorbell.begun;
const jobs = startJobs({ store, authority, doorbell, server, leaseSeconds: 2, keptDays: 90, log });
startCampaigns({
  ...{ store, secret: key, jobs, server, clock, log },
  ...{ leaseSeconds: 2, signalSeconds: 0.5, keptDays: 365 },
});
const endpoint = await startEndpoint({
  ...{ store, authority, server, version: '1.0', duties: [jobs.duty], log, clock },
  ...{ heartbeatSeconds: 30, reportSeconds: 60, handshakesPerSecond: 500 },
  ...{ now: () => performance.now(), random: Math.random },
  listen: { host: '127.0.0.1', port: 0 },
  names: ['localhost'],
  redeem: () => Promise.reject(new Error('nobody enrols here')),
});
process.stdout.write(`${endpoint.port}\n`);
