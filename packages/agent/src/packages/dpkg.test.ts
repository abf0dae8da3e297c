// The packages of a root that real dpkg has installed into, and what real apt would bring them to
// from repositories on this disk.

import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { InstalledPackage } from '@halflap/protocol/agent';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Host } from '../host.js';
import { Memory } from '../memory.js';
import { findPackages } from './packages.js';

const run = promisify(execFile);
const ignore = () => undefined;
const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

let root = '';
const host = (): Host => ({ root, enter: [], log });

beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'halflap-dpkg-'));
  for (const path of ['var/lib/dpkg/info', 'var/lib/dpkg/updates', 'var/lib/apt/lists/partial']) {
    await fs.mkdir(join(root, path), { recursive: true });
  }
  for (const path of ['var/cache/apt/archives/partial', 'etc/apt/apt.conf.d', 'debs']) {
    await fs.mkdir(join(root, path), { recursive: true });
  }
  await fs.writeFile(join(root, 'var/lib/dpkg/status'), '');
  const [plain, fixed, superseded, held, gone] = await Promise.all([
    deb('plain', '1:1.0-1'),
    deb('fixed', '2.0'),
    deb('superseded', '2.0'),
    deb('held', '3.0'),
    deb('gone', '1.0'),
  ]);
  await dpkg('--install', plain, fixed, superseded, held, gone);
  await dpkg('--remove', 'gone');
  await setSelection('held hold');
  await repository('stable', [
    ['plain', '1:1.1-1'],
    ['superseded', '2.2'],
    ['held', '3.1'],
  ]);
  await repository('stable-security', [
    ['fixed', '2.0+fix1'],
    ['superseded', '2.1'],
  ]);
  await update();
});
afterAll(() => fs.rm(root, { recursive: true }));

describe('packages of dpkg', () => {
  const memory = new Memory();

  it('are told with what apt would bring them to, and whether that is a security fix', async () => {
    const found = await findPackages(host(), memory);
    expect(told(found?.packages)).toEqual({
      fixed: { version: '2.0', candidate: '2.0+fix1', isSecurity: true, isHeld: false },
      held: { version: '3.0', candidate: '3.1', isSecurity: false, isHeld: true },
      plain: { version: '1:1.0-1', candidate: '1:1.1-1', isSecurity: false, isHeld: false },
      // The candidate is from elsewhere, and contains the fix.
      superseded: { version: '2.0', candidate: '2.2', isSecurity: true, isHeld: false },
    });
  });

  it('are not asked for again while nothing has changed', async () => {
    const before = [memory.last('dpkg'), memory.last('apt')];
    await findPackages(host(), memory);
    const after = [memory.last('dpkg'), memory.last('apt')];
    expect(after.every((answer, index) => answer !== null && answer === before[index])).toBe(true);
  });

  it('follow an upgrade and a new list', async () => {
    await dpkg('--install', await deb('fixed', '2.0+fix1'));
    await repository('stable', [['plain', '1:1.2-1']]);
    await update();
    const found = told((await findPackages(host(), memory))?.packages);
    expect(found?.fixed).toMatchObject({ version: '2.0+fix1', candidate: null });
    expect(found?.plain).toMatchObject({ candidate: '1:1.2-1' });
  });

  it('are told without candidates, or the last ones, when apt fails', async () => {
    await fs.writeFile(join(root, 'etc/apt/sources.list.d/broken.list'), 'deb what is this\n');
    const fresh = await findPackages(host(), new Memory());
    expect(fresh?.packages.map(({ candidate }) => candidate)).toEqual([null, null, null, null]);
    const found = told((await findPackages(host(), memory))?.packages);
    expect(found?.plain).toMatchObject({ candidate: '1:1.2-1' });
  });
});

function told(packages: readonly InstalledPackage[] | undefined) {
  const all = packages?.map(({ manager, architecture, name, ...rest }) => {
    expect([manager, architecture]).toEqual(['dpkg', 'all']);
    return [name, rest] as const;
  });
  return all && Object.fromEntries(all);
}

/** A package that holds nothing, built by dpkg. */
async function deb(name: string, version: string): Promise<string> {
  const directory = join(root, 'debs', `${name}-${version}`);
  await fs.mkdir(join(directory, 'DEBIAN'), { recursive: true });
  await fs.writeFile(join(directory, 'DEBIAN/control'), control(name, version));
  const path = `${directory}.deb`;
  await run('dpkg-deb', ['--root-owner-group', '-Znone', '--build', directory, path]);
  return path;
}

function control(name: string, version: string): string {
  const lines = [`Package: ${name}`, `Version: ${version}`, 'Architecture: all'];
  return `${[...lines, 'Maintainer: A <a@example.org>', 'Description: something'].join('\n')}\n`;
}

async function dpkg(...args: string[]): Promise<void> {
  const force = ['--force-not-root', '--force-script-chrootless', '--force-bad-path'];
  await run('dpkg', [`--root=${root}`, '--log=/dev/null', ...force, ...args]);
}

async function setSelection(line: string): Promise<void> {
  const running = run('dpkg', [`--root=${root}`, '--set-selections']);
  running.child.stdin?.end(`${line}\n`);
  await running;
}

/** Of nothing but its index: nothing is ever downloaded from it. */
async function repository(suite: string, packages: readonly [string, string][]): Promise<void> {
  const directory = join(root, 'repositories/dists', suite, 'main/binary-all');
  await fs.mkdir(directory, { recursive: true });
  const stanzas = packages.map(([name, version]) => {
    const file = `Filename: ${name}.deb\nSize: 1\nSHA256: ${'0'.repeat(64)}\n`;
    return control(name, version) + file;
  });
  await fs.writeFile(join(directory, 'Packages'), stanzas.join('\n'));
  const lists = join(root, 'etc/apt/sources.list.d');
  await fs.mkdir(lists, { recursive: true });
  const source = `deb [trusted=yes arch=all] file:${join(root, 'repositories')} ${suite} main\n`;
  await fs.writeFile(join(lists, `${suite}.list`), source);
}

async function update(): Promise<void> {
  const options = [`Dir=${root}`, `Dir::State::status=${join(root, 'var/lib/dpkg/status')}`];
  const more = ['APT::Sandbox::User=', 'Acquire::AllowInsecureRepositories=true'];
  const all = [...options, ...more, 'Acquire::Languages=none'].flatMap((one) => ['-o', one]);
  await run('apt-get', [...all, '-q', 'update']);
}
