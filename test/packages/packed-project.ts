// An empty directory in which a developer has installed the packages as npm would publish them:
// packed, unpacked, and beside them only what they declare. What a package forgets to pack or to
// declare is missing here as it would be there.

import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../docs/page.js';

const run = promisify(execFile);

export interface Packed {
  readonly name: string;
  readonly files: readonly string[];
}

export interface PackedProject {
  readonly directory: string;
  readonly packages: readonly Packed[];
  remove(): Promise<void>;
}

interface Manifest {
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

interface Tarball {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Packs what is built, and installs it. `more` is what the project itself depends on. */
export async function packedProject(more: readonly string[]): Promise<PackedProject> {
  const directory = await fs.mkdtemp(join(tmpdir(), 'halflap-packed-'));
  const pack = ['pack', '--workspaces', '--json', '--pack-destination', directory];
  const { stdout } = await run('npm', pack, { cwd: ROOT, maxBuffer: 1 << 26 });
  // The example is private and not for publication.
  const tarballs = (JSON.parse(stdout) as Tarball[]).filter(({ name }) => !/example/.test(name));
  const wanted = new Set(more);
  for (const { name, filename } of tarballs) {
    const to = join(directory, 'node_modules', name);
    await fs.mkdir(to, { recursive: true });
    await run('tar', ['xzf', join(directory, filename), '--strip-components=1', '-C', to]);
    const manifest = JSON.parse(await fs.readFile(join(to, 'package.json'), 'utf8')) as Manifest;
    const { dependencies, optionalDependencies, peerDependencies } = manifest;
    for (const list of [dependencies, optionalDependencies, peerDependencies]) {
      for (const dependency of Object.keys(list ?? {})) wanted.add(dependency);
    }
    await linkPrograms(directory, name, manifest.bin ?? {});
  }
  const own = new Set(tarballs.map(({ name }) => name));
  for (const name of wanted) if (!own.has(name)) await linkDependency(directory, name);
  return {
    directory,
    packages: tarballs.map(({ name, files }) => ({ name, files: files.map(({ path }) => path) })),
    remove: () => fs.rm(directory, { recursive: true, force: true }),
  };
}

/** As npm does: a link in .bin, and the right to run what it leads to. */
async function linkPrograms(
  directory: string,
  name: string,
  programs: Readonly<Record<string, string>>,
): Promise<void> {
  const bin = join(directory, 'node_modules/.bin');
  await fs.mkdir(bin, { recursive: true });
  for (const [program, path] of Object.entries(programs)) {
    const target = join(directory, 'node_modules', name, path);
    await fs.chmod(target, 0o755);
    await fs.symlink(target, join(bin, program));
  }
}

/** Those of other platforms are not there, and need not be. */
async function linkDependency(directory: string, name: string): Promise<void> {
  const source = join(ROOT, 'node_modules', name);
  const isThere = await fs.stat(source).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  const link = join(directory, 'node_modules', name);
  await fs.mkdir(join(link, '..'), { recursive: true });
  await fs.symlink(source, link);
}
