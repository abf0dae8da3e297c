// A server that takes a message and never ends it, so that somebody can kill it meanwhile. Says
// `ready` when it takes part in the group, and then the id of what it has begun.

import { open } from '@halflap/client';
import { Bus, memoryCarrier, natsCarrier, postgresCarrier } from '@halflap/server';

const { driver, shards, nats, group, topic } = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(`${line}\n`);

const connection = (shard) => ({
  connectionString: shards.find(({ name }) => name === shard).url,
});
const carriers = {
  memory: () => memoryCarrier(),
  postgres: () => postgresCarrier({ connection }),
  nats: () => natsCarrier({ connection: { servers: nats } }),
};
const fleet = await open({ app: 'halflap', release: '1.0', server: 'victim', shards });
const bus = new Bus({
  fleet,
  server: 'victim',
  carrier: carriers[driver](),
  clock: () => new Date(),
  claimSeconds: 1,
  pollMs: 100,
});
bus.start();
await bus.work({
  group,
  topics: [topic],
  async handle({ id }) {
    say(id);
    await new Promise(() => {});
  },
});
say('ready');
setInterval(() => {}, 60_000);
