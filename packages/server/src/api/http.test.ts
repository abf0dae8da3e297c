import { Agent, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { openHttp } from './http.js';
import { DEFAULT_SETTINGS } from './settings.js';

it('ends when its last request is answered, however long clients keep connections', async () => {
  const app = openHttp(DEFAULT_SETTINGS);
  app.server.keepAliveTimeout = 0;
  let answer = () => {};
  const asked = new Promise<void>((begun) => {
    app.get('/', async () => {
      begun();
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return 'done';
    });
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true });
  const status = new Promise<number | undefined>((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', agent }, (answered) => {
      answered.resume().on('end', () => resolve(answered.statusCode));
    });
    sent.on('error', reject).end();
  });
  await asked;
  const ended = app.close();
  // Idle connections were ended by then; the one that is answered now was none.
  while (app.server.listening) await new Promise(setImmediate);
  answer();
  expect(await status).toBe(200);
  await ended;
  agent.destroy();
});
