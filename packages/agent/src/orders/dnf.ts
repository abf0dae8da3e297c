// dnf and rpm. dnf makes its plan anew each time, so a plan is read from what it would ask
// (`--assumeno`). Source: dnf(8), rpm(8); holding is the plug-in versionlock.

import { bareName, type PackageManager, type PackagesOrder, type Plan } from './package-manager.js';
import type { Program } from './program.js';
import { PLAIN_ENVIRONMENT, type ReadEnd } from './work.js';

export const dnf: PackageManager = {
  list: program('rpm', ['--query', '--all', '--queryformat', '%{NAME}:%{ARCH}\\t%{EVR}\\n']),
  versionsOf: (stdout) =>
    new Map(
      stdout.split('\n').flatMap((line) => {
        const [name = '', version] = line.split('\t');
        return version === undefined ? [] : [[name, version] as const];
      }),
    ),
  refresh: program('dnf', ['--quiet', 'makecache']),
  refreshed: null,
  simulate: (order) => change(order, ['--assumeno']),
  planOf,
  narrowed: (order) => order,
  download: (order) =>
    // What is removed needs nothing from anywhere.
    order.action === 'remove' ? change(order, ['--assumeno']) : change(order, DOWNLOAD),
  change: (order) => change(order, ['--assumeyes']),
  mend: null,
  journal: null,
  hold: ({ action, packages }) =>
    program('dnf', [
      'versionlock',
      action === 'hold' ? 'add' : 'delete',
      ...packages.map(({ name }) => name),
    ]),
  held: program('dnf', ['--quiet', 'versionlock', 'list']),
  // `NAME-EPOCH:VERSION-RELEASE.*`
  heldOf: (stdout) =>
    stdout
      .split('\n')
      .map((line) => line.replace(/-\d+:.*$/, ''))
      .filter((line) => line !== ''),
};

const DOWNLOAD = ['--assumeyes', '--downloadonly'];

function change({ action, packages, onlySecurity }: PackagesOrder, options: readonly string[]) {
  const names = packages.map(({ name, version }) =>
    version === null || action === 'remove' ? name : `${name}-${version}`,
  );
  const narrowing = onlySecurity ? ['--security'] : [];
  const own = action === 'remove' ? ['--noautoremove'] : narrowing;
  return program('dnf', [...options, action, ...own, ...names]);
}

/** dnf's table has a heading for each thing that it would do; a line of it names a package. */
const HEADING = /^(Installing|Upgrading|Downgrading|Removing|Reinstalling)\b(.*):$/;
const LINE = /^ (\S+) +\S+ +\S+ +\S+ +[\d.]+ [kMG]? *$/;

function planOf({ action, packages }: PackagesOrder, { stdout }: ReadEnd): Plan {
  const named = new Set(packages.map(({ name }) => bareName(name)));
  const found: { heading: string; name: string }[] = [];
  let heading = '';
  for (const line of stdout.split('\n')) {
    heading = HEADING.exec(line)?.[1] ?? heading;
    const name = LINE.exec(line)?.[1];
    if (name !== undefined && heading !== '') found.push({ heading, name });
  }
  const removed = found.filter((one) => one.heading === 'Removing' && !named.has(one.name));
  const isDowngrade = found.some((one) => one.heading === 'Downgrading');
  const names = removed.map(({ name }) => name).join(', ');
  return {
    changes: found.map(({ name }) => name),
    problem:
      (names === '' ? null : `it would also remove what the order does not name: ${names}`) ??
      (isDowngrade && action !== 'downgrade'
        ? 'it would downgrade packages, which only "downgrade" may'
        : null),
  };
}

function program(path: string, args: readonly string[]): Program {
  return { path, args, directory: '/', environment: PLAIN_ENVIRONMENT };
}
