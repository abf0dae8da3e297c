// The certificate that an operator gives the API: renewed while it is served, and never by halves.

import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import {
  type Authority,
  openAuthority,
  SECRET_BYTES,
  type Server,
  startServer,
} from '@halflap/server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { gate } from './job-cluster.js';
import { openTestStore, SILENT, type TestStore } from './store.js';

const secret = Buffer.alloc(SECRET_BYTES, 7);
const clock = () => new Date();
let directory: string;
let test: TestStore;
let authority: Authority;
let server: Server;
let refused = gate();
let renewed = gate();

const inDirectory = (name: string) => join(directory, name);

async function put(name: string, text: string): Promise<void> {
  await writeFile(inDirectory(`${name}.new`), text);
  await rename(inDirectory(`${name}.new`), inDirectory(name));
}

/** The certificate that a new connection is shown, and the status of an answer over it. */
function ask(agent = new Agent({ keepAlive: false })) {
  return new Promise<{ readonly shown: string; readonly status: number | undefined }>(
    (resolve, reject) => {
      const options = { agent, ca: authority.certificate };
      get(`${server.address}/healthz`, options, (response) => {
        const { fingerprint256: shown } = (response.socket as TLSSocket).getPeerCertificate();
        response.resume().on('end', () => resolve({ shown, status: response.statusCode }));
      }).on('error', reject);
    },
  );
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'halflap-certificate-'));
  test = await openTestStore(1);
  authority = await openAuthority(test.store, { secret, hostCertificateDays: 30, clock });
  const { certificate, privateKey } = await authority.issueServer(['127.0.0.1']);
  await put('cert.pem', certificate);
  await put('key.pem', privateKey);
  server = await startServer({
    ...{ name: 'two', version: '1.0', shards: test.shards, secret, names: ['127.0.0.1'] },
    certificate: { certificate: inDirectory('cert.pem'), key: inDirectory('key.pem') },
    listen: { host: '127.0.0.1', port: 0 },
    agents: { host: '127.0.0.1', port: 0 },
    pace: { certificateSeconds: 0.02 },
    log: {
      ...SILENT,
      warn: (_, message) => message === 'keeps its certificate' && refused.open(),
      info: (_, message) => message === 'serves the renewed certificate' && renewed.open(),
    },
  });
});

afterAll(async () => {
  await server?.stop();
  await test?.drop();
  await rm(directory, { recursive: true });
});

it('is served anew once both files are renewed; half of that is told, and not served', async () => {
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  const before = await ask(kept);
  const { certificate, privateKey } = await authority.issueServer(['127.0.0.1']);
  await put('cert.pem', certificate);
  await refused.opened;
  expect(await ask()).toEqual(before);
  await put('key.pem', privateKey);
  await renewed.opened;
  const after = await ask();
  expect(after.shown).not.toBe(before.shown);
  // A connection that is open goes on as it began.
  expect(await ask(kept)).toEqual(before);
  kept.destroy();
  renewed = gate();
  refused = gate();
  await put('key.pem', 'no key');
  await refused.opened;
  expect(await ask()).toEqual(after);
});
