import { once } from 'node:events';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createAdmission } from './admission.js';

let front: Server;
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  front.close();
});

async function open(perSecond: number, waiting: number, admit: (socket: Socket) => void) {
  front = createAdmission({
    ...{ perSecond, waiting },
    admit(socket) {
      sockets.push(socket);
      admit(socket);
    },
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
}

function dial(): Socket {
  const socket = connect((front.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
}

describe('createAdmission', () => {
  it('closes connections that are too many to wait', async () => {
    // So slow that one is admitted, and no other while the test runs.
    await open(0.001, 2, () => {});
    for (let at = 0; at < 3; at += 1) await once(dial(), 'connect');
    await once(dial(), 'close');
  });

  it('lets the others wait, and admits them in their order', async () => {
    const admitted: (number | undefined)[] = [];
    let tell = () => {};
    await open(50, 100, ({ remotePort }) => {
      admitted.push(remotePort);
      tell();
    });
    const dialled: (number | undefined)[] = [];
    for (let at = 0; at < 20; at += 1) {
      const socket = dial();
      await once(socket, 'connect');
      dialled.push(socket.localPort);
    }
    while (admitted.length < dialled.length) {
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
    }
    expect(admitted).toEqual(dialled);
  });
});
