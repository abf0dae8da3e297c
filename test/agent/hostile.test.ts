// A server may be taken over: whatever it sends, an agent stays what it is. What is no message ends
// the session with a reason, what is unknown is passed over, and only what is right goes further.

import { randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:tls';
import { parseAddress } from '@halflap/agent';
import { checkServerFrame, MAX_FRAME_BYTES, type ServerFrame } from '@halflap/protocol/agent';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { issueServer } from '../../packages/server/src/authority/certificates.js';
import { randomFrom } from '../oracle/random.js';
import { type EnrolledHost, enrolledHost, removeDirectories, startSession } from './host.js';
import { oddMessage } from './odd-messages.js';
import { type Peer, startServer, type TestServer } from './server.js';

const SEED = Number(process.env.HALFLAP_SEED ?? randomInt(2 ** 31));
const MESSAGES = 120;

let server: TestServer;
let host: EnrolledHost;
beforeAll(async () => {
  server = await startServer();
  host = await enrolledHost(server);
});
afterAll(async () => {
  await server.stop();
  removeDirectories();
});

const id = randomUUID();
const RIGHT: readonly ServerFrame[] = [
  { type: 'reported', revision: 1, isNeeded: false },
  { type: 'run', fence: 1, order: '{}', key: 'k', signature: 's' },
  { type: 'cancel', fence: 1, run: id },
  { type: 'output_kept', run: id, below: 4 },
  { type: 'result_kept', run: id },
  { type: 'certificate', chain: 'none', keys: [{ id: 'k', publicKey: 'p' }] },
  { type: 'journal_asked', id, service: 'cron', lines: 10 },
];
function isTaken(text: string): boolean {
  try {
    const checked = checkServerFrame(JSON.parse(text));
    return checked.ok || checked.unknownType !== undefined;
  } catch {
    return false;
  }
}

describe('a hostile server', () => {
  it(`gets a session ended by what is no message, and by nothing else (seed ${SEED})`, async () => {
    const random = randomFrom(SEED);
    const agent = startSession(host, [server.address]);
    let peer: Peer | null = null;
    for (let count = 0; count < MESSAGES; count += 1) {
      if (peer === null) {
        peer = await server.sessions.next();
        peer.welcome();
      }
      const text = oddMessage(random, RIGHT);
      peer.say(text);
      const asked = randomUUID();
      if (isTaken(text)) {
        peer.say({ type: 'journal_asked', id: asked, service: 'cron', lines: 1 });
        const answer = await peer.frames.next((one) => one.type === 'journal' && one.id === asked);
        expect(answer, text).toMatchObject({ lines: ['cron started'] });
      } else {
        expect(await peer.closed, text).toBe(1008);
        peer = null;
        const { ms, because } = await agent.waiting();
        expect(because).toMatch(/^the server sent what is no message: ./);
        agent.clock.advance(ms);
      }
    }
    const unknown = agent.lines.all.filter(({ message }) => message.includes('unknown type'));
    expect(unknown.length).toBeGreaterThan(0);
    expect(host.identity.orderKeys).toEqual([]);
  });

  it('is not read beyond the longest message, nor in bytes', async () => {
    const { clock, waiting } = startSession(host, [server.address]);
    (await server.sessions.next()).say(' '.repeat(MAX_FRAME_BYTES + 1));
    const { ms, because } = await waiting();
    expect(because).toMatch(/max payload/i);
    clock.advance(ms);
    const peer = await server.sessions.next();
    peer.welcome();
    peer.socket.send(Buffer.from('{"type":"later"}'));
    expect(await peer.closed).toBe(1008);
  });

  it('asks nothing before its welcome, and welcomes once', async () => {
    const { clock, waiting, orders } = startSession(host, [server.address]);
    (await server.sessions.next()).say({ type: 'result_kept', run: id });
    const first = await waiting();
    expect(first.because).toBe('result_kept before a welcome');
    clock.advance(first.ms);
    const peer = await server.sessions.next();
    peer.welcome();
    peer.welcome({ fence: 9 });
    expect((await waiting()).because).toBe('a second welcome');
    expect(orders.calls.all).toEqual(['connected', 'disconnected']);
  });

  it('is left when it speaks something else', async () => {
    const keys = await issueServer(server.authority, { names: [], days: 1 }, new Date());
    const options = { key: keys.privateKey, cert: keys.certificate };
    const strange = createServer(options, (socket) => socket.end('220 mail.example ESMTP\r\n'));
    onTestFinished(() => void strange.close());
    strange.listen(0, 'localhost');
    await once(strange, 'listening');
    const { port } = strange.address() as { port: number };
    const { waiting } = startSession(host, [parseAddress(`localhost:${port}`)]);
    expect((await waiting()).because).toMatch(/Parse Error/);
  });
});
