// For tests: an apt repository of packages made here, and programs that see it and no other.
// The packages are really installed on this machine; what apt is configured with, and what it
// knows of repositories, is put over by mounts that only those programs see.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';

export interface MadePackage {
  readonly name: string;
  readonly version: string;
  readonly depends?: string;
  /** What is in its one configuration file. */
  readonly configuration?: string;
  /** Run by the shell when it is configured. */
  readonly onConfigure?: string;
  /** Puts further files of the package below this directory. */
  readonly put?: (root: string) => Promise<void>;
}

const OVER = { etc: '/etc/apt', lists: '/var/lib/apt/lists', cache: '/var/cache/apt' } as const;

/** Whether this machine has dpkg and lets us install packages and mount directories. */
export function canInstall(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync('apt-get', ['--version'], { stdio: 'ignore' });
    execFileSync('dpkg-deb', ['--version'], { stdio: 'ignore' });
    execFileSync('unshare', ['--mount', 'mount', '--bind', '/tmp', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Makes the packages; what stands before the command line of a program that can install them. */
export async function makeRepository(
  directory: string,
  packages: readonly MadePackage[],
): Promise<readonly string[]> {
  const repository = join(directory, 'repository');
  for (const part of ['repository', 'etc/apt.conf.d', 'lists/partial', 'cache/archives/partial']) {
    await fs.mkdir(join(directory, part), { recursive: true });
  }
  const index: string[] = [];
  for (const made of packages) index.push(await build(repository, made));
  await fs.writeFile(join(repository, 'Packages'), index.join('\n'));
  const source = `deb [trusted=yes] file:${repository} ./\n`;
  await fs.writeFile(join(directory, 'etc/sources.list'), source);
  const mounts = Object.entries(OVER).map(([own, over]) => `mount --bind ${own} ${over}`);
  const script = `cd ${directory} && ${mounts.join(' && ')} && exec "$@"`;
  return ['unshare', '--mount', 'sh', '-c', script, 'sh'];
}

/** The package's file, and its entry in the index. */
async function build(repository: string, made: MadePackage): Promise<string> {
  const { name, version, depends, configuration, onConfigure, put } = made;
  const tree = join(repository, `${name}-${version}`);
  await fs.mkdir(join(tree, 'DEBIAN'), { recursive: true });
  const fields = [
    `Package: ${name}`,
    `Version: ${version}`,
    'Architecture: all',
    'Maintainer: Halflap <test@example.com>',
    ...(depends === undefined ? [] : [`Depends: ${depends}`]),
    'Description: made by a test, to be removed by it',
  ];
  await fs.writeFile(join(tree, 'DEBIAN/control'), `${fields.join('\n')}\n`);
  if (configuration !== undefined) {
    await fs.mkdir(join(tree, 'etc'));
    await fs.writeFile(join(tree, 'etc', `${name}.conf`), configuration);
    await fs.writeFile(join(tree, 'DEBIAN/conffiles'), `/etc/${name}.conf\n`);
  }
  await put?.(tree);
  if (onConfigure !== undefined) {
    const script = `#!/bin/sh\nset -e\n[ "$1" = configure ] || exit 0\n${onConfigure}\n`;
    await fs.writeFile(join(tree, 'DEBIAN/postinst'), script, { mode: 0o755 });
  }
  const file = `${name}_${version}_all.deb`;
  execFileSync('dpkg-deb', [
    '--root-owner-group',
    '-Znone',
    '--build',
    tree,
    join(repository, file),
  ]);
  const bytes = await fs.readFile(join(repository, file));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const found = [`Filename: ./${file}`, `Size: ${bytes.length}`, `SHA256: ${sha256}`];
  return `${[...fields, ...found].join('\n')}\n`;
}
