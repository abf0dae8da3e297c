// A server with its console, and a cluster for campaigns: its servers register on a real shard, an
// agent upgrades them, and the application answers for its signals.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Server, startServer } from '@halflap/server';
import { serversFiles } from '../../packages/client/test/two-releases.js';
import { APP, compilePair } from '../evolving/releases.js';
import {
  type Application,
  type CampaignGround,
  openCampaignGround,
} from '../server/campaign-ground.js';
import { SILENT } from '../server/store.js';
import { CONSOLE } from './served.js';

export interface ServedCampaigns {
  readonly ground: CampaignGround;
  /** The one whose console is looked at. */
  readonly server: Server;
  readonly app: Application;
  stop(): Promise<void>;
}

/** Of `anna`, an administrator. */
export const PASSWORD = 'correct horse battery staple';
const LOCAL = { host: '127.0.0.1', port: 0 } as const;
const OLD = 'create table items (id int primary key, name text, code text);';
const NEW = 'create table items (id int primary key, title text, code text unique);';
const CHANGES = 'changes:\n  - rename_column: { table: items, column: name, to: title }\n';
const FILES = `
features:
  quotas: { about: quotas per team, reversible: true }
  no_old: { about: titles that 1.0 cannot read, shards: settled }
behaviours:
  loud_status: { about: the status in upper case, changed: "2.0", expires: 2030-01-31 }
messages:
  item_moved: { id: integer }
`;
const ROWS = "insert into items select i, 'item ' || i, i from generate_series(1, 500) i;";

const KIND = { shards: 1, rows: ROWS, drains: false } as const;

export async function serveCampaigns(): Promise<ServedCampaigns> {
  const compiling = compilePair(OLD, NEW, CHANGES);
  const { one, two } = await serversFiles({ app: APP, two: FILES });
  const files = { '1.0': one, '2.0': two };
  const [ground, { source, url }] = await Promise.all([openCampaignGround(1), openSource()]);
  const compiled = await compiling;
  const signal = { name: 'latency', unit: 'ms', url, pointer: '/p95', stopAbove: 1000 };
  const [server, app] = await Promise.all([
    startServer({
      ...{ name: 'console', version: '0.1.0', secret: ground.secret, console: CONSOLE },
      ...{ shards: ground.test.shards, listen: LOCAL, agents: LOCAL, log: SILENT },
      ...{ names: ['localhost'], pace: { signalSeconds: 0.5 } },
    }),
    ground.application(compiled, { ...KIND, files, signals: [signal] }),
    ground.ask('POST', '/api/v1/evolutions', { payload: { bundle: compiled.bundle } }),
    ground.api.as('admin')('POST', '/api/v1/users', {
      payload: {
        ...{ name: 'anna', password: PASSWORD },
        grants: [{ role: 'admin', selector: null }],
      },
    }),
  ]);
  return {
    ...{ ground, server, app },
    async stop() {
      await server.stop();
      await ground.close();
      source.close();
    },
  };
}

/** Whoever asks how the application does gets another number each time. */
async function openSource() {
  let asked = 0;
  const source = createServer((_, response) => {
    asked += 1;
    response.end(JSON.stringify({ p95: String(120 + 7 * (asked % 40)) }));
  });
  source.listen(0, '127.0.0.1');
  await once(source, 'listening');
  return { source, url: `http://127.0.0.1:${(source.address() as AddressInfo).port}/` };
}
