// Two agents as their users start them, each on a network of its own, and a server between them.
// The link of one is cut: no process ends and no connection is closed, so the server finds out by
// the silence alone.

import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freshDatabase } from '@halflap/engine/testing';
import { SECRET_BYTES, type Server, startServer } from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../docs/page.js';
import { makeToken } from '../server/api.js';
import { until } from '../server/job-cluster.js';
import { SILENT } from '../server/store.js';
import { freshDirectory, removeDirectories } from './host.js';
import { type OwnNetwork, openNetwork, whyNoNetworks } from './own-network.js';

const PROGRAM = join(ROOT, 'packages/cli/bin/halflap.js');
const HOSTS = ['near', 'far'] as const;

const reason = whyNoNetworks();
const title = reason === null ? 'on networks of their own' : `on networks (skipped: ${reason})`;

describe.skipIf(reason !== null)(`agents ${title}`, () => {
  const networks = new Map<string, OwnNetwork>();
  const databases: Awaited<ReturnType<typeof freshDatabase>>[] = [];
  let server: Server;
  let token: string;
  let effects: string;

  beforeAll(async () => {
    effects = join(freshDirectory(), 'effects');
    for (const [at, host] of HOSTS.entries()) {
      networks.set(host, await openNetwork(at as 0 | 1, host));
      databases.push(await freshDatabase());
    }
    const gateways = [...networks.values()].map(({ gateway }) => gateway);
    server = await startServer({
      ...{ name: 'one', version: 'test', log: SILENT, secret: randomBytes(SECRET_BYTES) },
      shards: databases.map(({ url }, at) => ({ name: `s${at + 1}`, url })),
      listen: { host: '127.0.0.1', port: 0 },
      agents: { host: '0.0.0.0', port: 0 },
      names: ['localhost', ...gateways],
      pace: { heartbeatSeconds: 1, jobLeaseSeconds: 2 },
      api: { requestsPerMinute: 100_000 },
    });
    token = await makeToken(server.store, 'admin');
    const { token: enrolment } = await ask<{ token: string }>('/enrolment-tokens', ENROLMENT);
    await Promise.all([...networks].map(([host, network]) => startAgent(network, host, enrolment)));
  });

  afterAll(async () => {
    await Promise.all([...networks.values()].map((network) => network.end()));
    await server?.stop();
    await Promise.all(databases.map((database) => database.drop()));
    removeDirectories();
  });

  /** Resolves with its first session. */
  async function startAgent(network: OwnNetwork, host: string, enrolment: string): Promise<void> {
    const directory = freshDirectory();
    await fs.writeFile(join(directory, 'policy.yaml'), 'allow: { command: true }\n');
    await fs.writeFile(join(directory, `${host}.token`), enrolment);
    const child = network.run(
      ...([process.execPath, PROGRAM, '--json', 'agent'] as const),
      ...['--server', `${network.gateway}:${server.agents.port}`, '--ca-pin', server.pin],
      ...['--state', join(directory, 'state'), '--policy', join(directory, 'policy.yaml')],
      ...['--enrol-file', join(directory, `${host}.token`)],
    );
    const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> });
    for await (const line of lines) {
      if (line.startsWith('{') && JSON.parse(line).state === 'open') break;
    }
    child.stdout?.resume();
  }

  async function ask<Answer>(path: string, body?: object): Promise<Answer> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const post = { method: 'POST', body: JSON.stringify(body) };
    const url = `${server.address}/api/v1${path}`;
    const response = await fetch(url, { headers, ...(body !== undefined && post) });
    expect(response.status, path).toBeLessThan(300);
    return (await response.json()) as Answer;
  }

  type Host = { readonly id: string; readonly hostname: string; readonly online: boolean };
  type Run = { readonly hostname: string; readonly state: string };

  const hosts = async () => (await ask<{ items: Host[] }>('/hosts')).items;
  const onlineOf = async () =>
    Object.fromEntries((await hosts()).map(({ hostname, online }) => [hostname, online]));
  const statesOf = async (job: string) => {
    const { items } = await ask<{ items: Run[] }>(`/jobs/${job}/runs`);
    return Object.fromEntries(items.map(({ hostname, state }) => [hostname, state]));
  };

  async function start(name: string, on: readonly string[]): Promise<string> {
    const named = (await hosts()).filter(({ hostname }) => on.includes(hostname));
    const script = `echo ${name} on $(hostname) >>${effects}`;
    const work = {
      ...{ kind: 'command', program: '/bin/sh', args: ['-c', script] },
      ...{ user: null, directory: null, environment: {} },
    };
    const target = { hosts: named.map(({ id }) => id) };
    return (await ask<{ id: string }>('/jobs', { name, work, target })).id;
  }

  it('get what was ordered once, though the link is cut while it is on its way', async () => {
    expect(await onlineOf()).toEqual({ near: true, far: true });
    networks.get('far')?.cut();
    // Sent by a server that does not know yet, into a connection that leads nowhere; on a machine
    // so busy that it knows already, not sent at all.
    const lost = await start('lost', HOSTS);
    await until(
      () => statesOf(lost),
      ({ near }) => near === 'succeeded',
    );
    expect(['sent', 'released', 'waiting']).toContain((await statesOf(lost)).far);
    await until(onlineOf, ({ far }) => far === false);
    expect(await onlineOf()).toEqual({ near: true, far: false });
    const waiting = await start('waiting', ['far']);
    await until(
      () => statesOf(waiting),
      ({ far }) => far === 'waiting',
    );
    networks.get('far')?.restore();
    for (const job of [lost, waiting]) {
      await until(
        () => statesOf(job),
        ({ far }) => far === 'succeeded',
      );
    }
    const done = (await fs.readFile(effects, 'utf8')).trimEnd().split('\n').sort();
    expect(done).toEqual(['lost on far', 'lost on near', 'waiting on far']);
    expect(await onlineOf()).toEqual({ near: true, far: true });
  });
});

const ENROLMENT = { name: 'test', maxUses: HOSTS.length };
