// The packages of a root that real rpm has installed into, what real dnf would bring them to from a
// repository on this disk, and why such a host wants to be booted.

import { execFile, execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rebootReasons } from '../facts/reboot.js';
import type { Host } from '../host.js';
import { Memory } from '../memory.js';
import { findPackages } from './packages.js';

const run = promisify(execFile);
const ignore = () => undefined;
const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

const isLocal = process.env.CI === undefined;
const PROGRAMS = ['rpm', 'rpmbuild', 'dnf', 'createrepo_c', 'modifyrepo_c'];

let root = '';
const host = (): Host => ({ root, enter: [], log });

describe.skipIf(isLocal && !PROGRAMS.every(isInstalled))('packages of rpm', () => {
  const memory = new Memory();

  beforeAll(async () => {
    root = await fs.mkdtemp(join(tmpdir(), 'halflap-rpm-'));
    for (const path of ['var/lib/rpm', 'etc/dnf/plugins', 'etc/yum.repos.d', 'repository']) {
      await fs.mkdir(join(root, path), { recursive: true });
    }
    // Debian's rpm keeps its database elsewhere, for it is not the system's own.
    await fs.writeFile(join(root, '.rpmmacros'), '%_dbpath /var/lib/rpm\n');
    await fs.writeFile(join(root, 'etc/dnf/dnf.conf'), '[main]\ngpgcheck=0\n');
    const source = `[own]\nname=own\nbaseurl=file://${root}/repository\n`;
    await fs.writeFile(join(root, 'etc/yum.repos.d/own.repo'), source);
    const old = ['plain-1:1.0', 'fixed-2.0', 'superseded-2.0', 'locked-3.0', 'glibc-2.36'];
    await build(join(root, 'old'), old);
    const files = (await fs.readdir(join(root, 'old'))).map((file) => join(root, 'old', file));
    await run('rpm', ['--root', root, '--dbpath', '/var/lib/rpm', '--nodeps', '-i', ...files]);
    await publish(['plain-1:1.1', 'fixed-2.1', 'superseded-2.1', 'superseded-2.2', 'locked-3.1']);
  });
  afterAll(() => fs.rm(root, { recursive: true }));

  it('are told with what dnf would bring them to, and whether that is a security fix', async () => {
    await fs.writeFile(join(root, 'etc/dnf/plugins/versionlock.list'), 'locked-0:3.0-1.*\n');
    const found = await findPackages(host(), memory);
    const lines = found?.packages.map(({ name, version, candidate, isSecurity, isHeld }) =>
      [name, version, candidate, isSecurity, isHeld].join(' '),
    );
    expect(lines?.sort()).toEqual([
      'fixed 2.0-1 2.1-1 true false',
      'glibc 2.36-1  false false',
      'locked 3.0-1 3.1-1 false true',
      'plain 1:1.0-1 1:1.1-1 false false',
      // The newest version is no fix by itself, and contains the one before it.
      'superseded 2.0-1 2.2-1 true false',
    ]);
  });

  it('are not asked for again while nothing has changed', async () => {
    const before = [memory.last('rpm'), memory.last('dnf')];
    await findPackages(host(), memory);
    const after = [memory.last('rpm'), memory.last('dnf')];
    expect(after.every((answer, index) => answer !== null && answer === before[index])).toBe(true);
  });

  it('make the host want to be booted when they came after the boot and need it', async () => {
    const found = await findPackages(host(), memory);
    await fs.mkdir(join(root, 'proc/1'), { recursive: true });
    await fs.writeFile(join(root, 'proc/1/stat'), '1 (systemd) S 0 1 1 0');
    for (const [boot, reasons] of [
      [1_000_000_000, ['glibc 2.36-1 was installed after the boot']],
      [4_000_000_000, []],
    ] as const) {
      await fs.writeFile(join(root, 'proc/stat'), `cpu 1 2 3\nbtime ${boot}\n`);
      expect(await rebootReasons(host(), found?.installed ?? [])).toEqual(reasons);
    }
  });
});

function isInstalled(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Packages that hold nothing, by `name-version`, all in one run of rpmbuild each. */
async function build(directory: string, names: readonly string[]): Promise<void> {
  await fs.mkdir(directory, { recursive: true });
  const specs = join(root, 'specs');
  await fs.mkdir(specs, { recursive: true });
  for (const one of names) {
    const [, name = '', epoch = '0', version = ''] = /^(\w+)-(?:(\d+):)?(.*)$/.exec(one) ?? [];
    const lines = [`Name: ${name}`, `Version: ${version}`, 'Release: 1', 'Summary: something'];
    const more = [`Epoch: ${epoch}`, 'License: none', 'BuildArch: noarch'];
    const head = [...lines, ...(epoch === '0' ? more.slice(1) : more)];
    await fs.writeFile(join(specs, name), [...head, '%description', '', '%files', ''].join('\n'));
    const macros = { _rpmdir: directory, _topdir: join(root, 'build'), _rpmfilename: '%%{NVR}' };
    const defined = Object.entries(macros).flatMap((macro) => ['--define', macro.join(' ')]);
    await run('rpmbuild', ['--quiet', '-bb', ...defined, join(specs, name)]);
    await fs.rename(join(directory, `${name}-${version}-1`), join(directory, `${one}.rpm`));
  }
}

async function publish(names: readonly string[]): Promise<void> {
  const repository = join(root, 'repository');
  await build(repository, names);
  await run('createrepo_c', ['--quiet', repository]);
  const fixes = ['fixed', 'superseded'].map(
    (name) =>
      `<package name="${name}" version="2.1" release="1" epoch="0" arch="noarch" src="x">` +
      `<filename>${name}-2.1.rpm</filename></package>`,
  );
  const advisory =
    '<updates><update from="a@example.org" status="stable" type="security" version="1">' +
    '<id>FIX-1</id><title>A fix</title><issued date="2026-01-01 00:00:00"/><pkglist>' +
    `<collection short="own"><name>own</name>${fixes.join('')}</collection>` +
    '</pkglist></update></updates>';
  const file = join(root, 'updateinfo.xml');
  await fs.writeFile(file, advisory);
  await run('modifyrepo_c', ['--mdtype=updateinfo', file, join(repository, 'repodata')]);
  const env = { PATH: process.env.PATH, HOME: root, LC_ALL: 'C' };
  await run('dnf', [`--installroot=${root}`, '--quiet', 'makecache'], { env });
}
