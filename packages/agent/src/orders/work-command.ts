// A program with its arguments: no shell, no variable of the agent's own environment, the user's
// own groups. A user's identity is taken on by setpriv(1), which replaces itself by the program;
// Node's own `uid` would leave the user without the groups that he is in.

import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';
import { codeOf } from '../durable.js';
import type { Program } from './program.js';
import { failed, type Outcome, outcomeOf, PATH, type WorkHost, type WorkOf } from './work.js';

interface Account {
  readonly name: string;
  readonly uid: string;
  readonly gid: string;
  readonly home: string;
  readonly shell: string;
}

/** Not by PATH: until it has taken on the user's identity it has ours. */
const SETPRIV = '/usr/bin/setpriv';

const ask = promisify(execFile);

export async function runCommand(work: WorkOf<'command'>, host: WorkHost): Promise<Outcome> {
  const own = userInfo().username;
  const account = await accountOf(work.user ?? own);
  if (account === null) return failed(`there is no user ${work.user} on this host`);
  const directory = work.directory ?? '/';
  const found = await fs.stat(directory).catch(() => null);
  if (!found?.isDirectory()) return failed(`there is no directory ${directory}`);
  const program: Program = {
    ...(account.name === own ? asOurselves(work) : asUser(work, account)),
    directory,
    environment: { ...environmentOf(account), ...work.environment },
  };
  try {
    return outcomeOf(work.program, await host.run(program));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return failed(`there is no program ${work.program}`);
    return failed(`${work.program} could not be started: ${(error as Error).message}`);
  }
}

const asOurselves = ({ program, args }: WorkOf<'command'>) => ({ path: program, args });

function asUser({ program, args }: WorkOf<'command'>, { uid, gid }: Account) {
  const identity = ['--reuid', uid, '--regid', gid, '--init-groups'];
  return { path: SETPRIV, args: [...identity, '--', program, ...args] };
}

function environmentOf({ name, home, shell }: Account): Record<string, string> {
  return { PATH, HOME: home, USER: name, LOGNAME: name, SHELL: shell, LANG: 'C.UTF-8' };
}

/** As the host knows its users, wherever it has them from. */
async function accountOf(name: string): Promise<Account | null> {
  const found = await ask('getent', ['passwd', '--', name], { env: { PATH } }).catch(() => null);
  const [login, , uid, gid, , home, shell] = found?.stdout.trimEnd().split(':') ?? [];
  if (login !== name || uid === undefined || gid === undefined) return null;
  return { name, uid, gid, home: home || '/', shell: shell || '/bin/sh' };
}
