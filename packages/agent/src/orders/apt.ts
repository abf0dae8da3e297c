// apt-get and dpkg, without a question to anybody: changed configuration files stay as they are,
// nothing is removed or downgraded that the order does not name, nothing held is touched.
// Source: apt-get(8), apt.conf(5), dpkg(1).

import type { PackageManager, PackagesOrder, Plan } from './package-manager.js';
import { bareName } from './package-manager.js';
import type { Program } from './program.js';
import { PLAIN_ENVIRONMENT, type ReadEnd } from './work.js';

const ENVIRONMENT = {
  ...PLAIN_ENVIRONMENT,
  DEBIAN_FRONTEND: 'noninteractive',
  APT_LISTCHANGES_FRONTEND: 'none',
};

const OPTIONS = [
  // A name is a name: never a pattern, of which one letter matches half of the archive.
  'APT::Cmd::Pattern-Only=true',
  'APT::Get::AutomaticRemove=false',
  // Keep what somebody has edited; take the new file where nobody has.
  'Dpkg::Options::=--force-confdef',
  'Dpkg::Options::=--force-confold',
  'Dpkg::Use-Pty=0',
];

export const apt: PackageManager = {
  list: program('dpkg-query', [
    '--show',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query replaces them.
    '--showformat=${Package}:${Architecture}\\t${Version}\\t${db:Status-Status}\\n',
  ]),
  versionsOf: (stdout) =>
    new Map(
      stdout.split('\n').flatMap((line) => {
        const [name = '', version = '', status] = line.split('\t');
        return status === 'installed' ? [[name, version] as const] : [];
      }),
    ),
  refresh: program('apt-get', ['--quiet', 'update']),
  refreshed: '/var/lib/apt/lists/partial',
  simulate: (order) => aptGet(order, ['--simulate']),
  planOf,
  narrowed,
  download: (order, seconds) => aptGet(order, ['--download-only', '--yes', ...patience(seconds)]),
  change: (order, seconds) => aptGet(order, ['--yes', ...patience(seconds)]),
  mend: program('dpkg', ['--force-confdef', '--force-confold', '--configure', '--pending']),
  journal: '/var/lib/dpkg/updates',
  hold: ({ action, packages }) =>
    program('apt-mark', [action, '--', ...packages.map(({ name }) => name)]),
  held: program('apt-mark', ['showhold']),
  heldOf: (stdout) => stdout.split('\n').filter((line) => line !== ''),
};

function aptGet({ action, packages }: PackagesOrder, options: readonly string[]): Program {
  const names = packages.map(({ name, version }) =>
    version === null || action === 'remove' ? name : `${name}=${version}`,
  );
  const set = OPTIONS.flatMap((option) => ['--option', option]);
  return program('apt-get', ['--quiet', ...set, ...options, ...verbOf(action, names), ...names]);
}

function verbOf(action: PackagesOrder['action'], names: readonly string[]): string[] {
  if (action === 'remove') return ['remove', '--'];
  if (action === 'downgrade') return ['install', '--no-remove', '--allow-downgrades', '--'];
  if (action === 'install') return ['install', '--no-remove', '--'];
  return names.length === 0
    ? ['upgrade', '--with-new-pkgs']
    : ['install', '--no-remove', '--only-upgrade', '--'];
}

const patience = (seconds: number) => ['--option', `DPkg::Lock::Timeout=${seconds}`];

/** `Inst NAME [OLD] (NEW ORIGIN, … [ARCHITECTURE])` and `Remv NAME [OLD]`. */
const CHANGE = /^(Inst|Remv|Purg) (\S+)(?: \[[^\]]*\])?(?: \((\S+) ([^)]*)\))?/gm;

function planOf({ action, packages }: PackagesOrder, { stdout }: ReadEnd): Plan {
  const changes = [...stdout.matchAll(CHANGE)];
  const named = new Set(packages.map(({ name }) => bareName(name)));
  const others = (isInstalled: boolean) =>
    changes
      .filter(
        ([, verb, name = '']) => (verb === 'Inst') === isInstalled && !named.has(bareName(name)),
      )
      .map(([, , name]) => name);
  const removed = others(false);
  const installed = action === 'remove' ? others(true) : [];
  return {
    changes: changes.map(([, , name = '']) => name),
    problem:
      said('it would also remove what the order does not name', removed) ??
      said('it would also install', installed) ??
      (action !== 'downgrade' && stdout.includes('will be DOWNGRADED:')
        ? 'it would downgrade packages, which only "downgrade" may'
        : null) ??
      (stdout.includes('held packages will be changed:') ? 'it would change held packages' : null),
  };
}

function said(what: string, names: readonly (string | undefined)[]): string | null {
  return names.length === 0 ? null : `${what}: ${names.join(', ')}`;
}

function narrowed(order: PackagesOrder, { stdout }: ReadEnd): PackagesOrder {
  if (!order.onlySecurity) return order;
  const packages = [...stdout.matchAll(CHANGE)].flatMap(([, verb, name = '', version, origins]) =>
    verb === 'Inst' && version !== undefined && /security/i.test(origins ?? '')
      ? [{ name, version }]
      : [],
  );
  return { ...order, packages };
}

function program(path: string, args: readonly string[]): Program {
  return { path, args, directory: '/', environment: ENVIRONMENT };
}
