// One agent for each state directory. Two would take each other's session away without end, and an
// order could be begun by both.
//
// Who runs listens on a socket in the directory; the kernel ends that with the process, however it
// ends. Alternative: a file with a process number, which may be another's by then.

import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { HalflapError } from '@halflap/protocol';
import type { StateDirectory } from './state-directory.js';

const SOCKET = 'agent.sock';

/**
 * Keeps every other agent off the directory.
 *
 * @returns what lets go of it.
 * @throws AGENT_STATE_INVALID when another agent has it.
 */
export async function holdAlone(state: StateDirectory): Promise<() => Promise<void>> {
  const path = state.pathOf(SOCKET);
  const server = (await listen(path)) ?? (await listenInsteadOfTheDead(path));
  if (server === null) {
    throw new HalflapError('AGENT_STATE_INVALID', `another agent runs with ${state.path}`, {
      detail: { file: path },
      hint: 'stop it first: systemctl stop halflap-agent',
    });
  }
  return async () => {
    const closed = once(server, 'close');
    server.close();
    await closed;
  };
}

/** Null where the name is taken. */
async function listen(path: string): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy());
  server.listen(path);
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    throw error;
  }
}

/** An agent that was killed leaves the name behind, and nobody who answers. */
async function listenInsteadOfTheDead(path: string): Promise<Server | null> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return null;
  } catch {
    rmSync(path, { force: true });
    return await listen(path);
  } finally {
    socket.destroy();
  }
}
