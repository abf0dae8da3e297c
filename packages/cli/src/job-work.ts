// What a job does, in words. Pure.

import type { Job } from '@halflap/server';
import { count } from './print.js';

type Work = Job['work'];

/** Rows of a page: what they are called, and what they hold, one line for each of several. */
export type Rows = (readonly [string, string])[];

export function workRows(work: Work): Rows {
  switch (work.kind) {
    case 'packages':
      return packageRows(work);
    case 'service':
      return [['work', `${work.action} the service ${work.service}`]];
    case 'command':
      return commandRows(work);
    case 'file':
      return fileRows(work);
  }
  work satisfies never;
  return [['work', 'of a kind that this release does not know; --json shows it']];
}

type Of<Kind extends Work['kind']> = Extract<Work, { kind: Kind }>;

function packageRows({ action, packages, onlySecurity, simulate }: Of<'packages'>): Rows {
  const which = onlySecurity ? 'all that fixes a vulnerability' : 'all packages that can be';
  const number = packages.length === 1 ? '1 package' : `${count(packages.length)} packages`;
  const what = `${action} ${packages.length === 0 ? which : number}`;
  const names = packages.map(({ name, version }) =>
    version === null ? name : `${name} ${version}`,
  );
  return [
    ['work', simulate ? `${what}; simulated, nothing is done` : what],
    ['packages', names.join('\n')],
  ];
}

function commandRows({ program, args, user, directory, environment }: Of<'command'>): Rows {
  const variables = Object.entries(environment).map(([key, value]) => `${key}=${quoted(value)}`);
  return [
    ['work', 'run a program'],
    ['command', [program, ...args].map(quoted).join(' ')],
    ['as user', user ?? 'that of the agent'],
    ['directory', directory ?? '/'],
    ['variables', variables.join('\n')],
  ];
}

function fileRows({ path, exists, sha256, contains, mode, owner }: Of<'file'>): Rows {
  const expected = [
    exists === false ? 'does not exist' : 'exists',
    ...(sha256 === undefined ? [] : [`has the SHA-256 ${sha256}`]),
    ...(contains === undefined ? [] : [`contains ${quoted(contains)}`]),
    ...(mode === undefined ? [] : [`has the permissions ${mode}`]),
    ...(owner === undefined ? [] : [`belongs to ${owner}`]),
  ];
  return [
    ['work', `look at the file ${path}`],
    ['expected', expected.join('\n')],
  ];
}

/** As a shell takes it (POSIX, section 2.2.2), so that it can be tried by hand. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
