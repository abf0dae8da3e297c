// What cleans up when the process that started a server dies, even by SIGKILL?
//
// A small shell in a session of its own holds the reading end of a pipe whose writing end only the
// starting process has. The pipe says which postmaster runs; when it closes, for whatever reason,
// the shell shuts that postmaster down and removes the server's directory. No exit handler and no
// signal handler is needed, so none can be forgotten or replaced by the program.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { PROGRAM_ENVIRONMENT } from './installation.js';

export interface Watchdog {
  /** Names the postmaster to end; undefined while none runs. */
  watch(postmasterId: number | undefined): void;
  /** Ends what is watched, removes the directory, and resolves when both are gone. */
  release(): Promise<void>;
}

// SIGQUIT is PostgreSQL's immediate shutdown: its children end and its shared memory is freed. The
// postmaster removes its pid file last, so the file tells when it is gone; a process id would not,
// because nobody may reap it. After 10 s SIGKILL ends what SIGQUIT could not.
const SCRIPT = `
trap '' HUP INT TERM
home=$1
postmaster=0
while read -r line; do postmaster=$line; done
if [ "$postmaster" -gt 0 ]; then
  kill -QUIT "$postmaster"
  tries=0
  while [ -e "$home/data/postmaster.pid" ] && [ "$tries" -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  [ "$tries" -lt 100 ] || kill -KILL "$postmaster"
fi
rm -rf -- "$home" || { sleep 1; rm -rf -- "$home"; }
`;

/** Starts the watchdog over `home`, the directory whose `data` holds the server's files. */
export function startWatchdog(home: string): Watchdog {
  const child: ChildProcess = spawn('/bin/sh', ['-c', SCRIPT, 'halflap-watchdog', home], {
    cwd: '/',
    env: PROGRAM_ENVIRONMENT,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const pipe = child.stdin as Socket;
  // Should the shell be killed, a write fails; the server itself must not suffer from that.
  pipe.on('error', () => {});
  const gone = once(child, 'exit');
  child.unref();
  pipe.unref();
  return {
    watch: (postmasterId) => {
      pipe.write(`${postmasterId ?? 0}\n`);
    },
    release: async () => {
      child.ref();
      pipe.end();
      await gone;
    },
  };
}
