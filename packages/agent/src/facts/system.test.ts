// Facts of prepared roots, whose files are as kernels and distributions write them, and of the
// machine that the test runs on.

import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkSnapshot } from '@halflap/protocol/agent';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect } from '../collect.js';
import type { Host } from '../host.js';
import { Memory } from '../memory.js';
import { rebootReasons } from './reboot.js';
import { findSystem } from './system.js';

const ignore = () => undefined;
const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

let root = '';
const host = (): Host => ({ root, enter: [], log });

beforeEach(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'halflap-facts-'));
});
afterEach(() => fs.rm(root, { recursive: true }));

const FILES = {
  'etc/os-release': 'PRETTY_NAME="A \\"System\\" 9"\nID=own\nVERSION_ID=\'9.1\'\n',
  'etc/machine-id': '3d1219c7c4c5404aaa1f6d2a48adfda4\n',
  'proc/sys/kernel/hostname': 'one.example.org\n',
  'proc/sys/kernel/osrelease': '6.1.0-25-amd64\n',
  'proc/cpuinfo': 'processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: Some CPU\n\n',
  'sys/devices/system/cpu/online': '0-2,5\n',
  'proc/meminfo': 'MemTotal:        1000 kB\nSwapTotal:         24 kB\n',
  'proc/stat': 'cpu 1\nbtime 1795922000\n',
  'proc/1/stat': `1 (a) b) S ${'0 '.repeat(18)}550 0\n`,
  'proc/1/mounts': [
    'overlay / overlay rw 0 0',
    '/dev/vdb /data\\040files ext4 rw 0 0',
    '/dev/vdb /data\\040files/again ext4 rw 0 0',
    '/dev/vdb /etc/os-release ext4 rw 0 0',
    '/dev/loop0 /snap squashfs ro 0 0',
    'server:/export /net nfs4 rw 0 0',
    'tmpfs /run tmpfs rw 0 0',
    '',
  ].join('\n'),
  'sys/class/net/own0/flags': '0x1003\n',
  'sys/class/net/own0/address': '02:fc:00:00:00:01\n',
  'sys/class/net/own0/operstate': 'down\n',
  'sys/class/net/own0/device/vendor': '',
  'sys/class/net/cable/flags': '0x1003\n',
};

describe('facts', () => {
  it('are what the files of the host say', async () => {
    await write(FILES);
    await fs.mkdir(join(root, 'data files/again'), { recursive: true });
    await fs.symlink('/usr/share/zoneinfo/Europe/Berlin', join(root, 'etc/localtime'));
    const { disks, virtualization, architecture, ...rest } = await findSystem(host(), new Memory());
    expect(rest).toEqual({
      hostname: 'one.example.org',
      machineId: '3d1219c7c4c5404aaa1f6d2a48adfda4',
      os: { id: 'own', version: '9.1', name: 'A "System" 9' },
      kernel: '6.1.0-25-amd64',
      cpu: { model: 'Some CPU', cores: 4 },
      memoryBytes: 1_024_000,
      swapBytes: 24_576,
      bootedAt: new Date(1_795_922_005_000).toISOString().replace('.000', ''),
      timezone: 'Europe/Berlin',
      networks: [{ name: 'own0', mac: '02:fc:00:00:00:01', addresses: [], isUp: false }],
    });
    expect(disks.map(({ mount, device }) => `${device} ${mount}`)).toEqual([
      'overlay /',
      '/dev/vdb /data files',
    ]);
    expect(disks.every(({ usedBytes, sizeBytes }) => 0 < usedBytes && usedBytes < sizeBytes)).toBe(
      true,
    );
  });

  it('are fit to be told by a host that says nothing, and by this machine', async () => {
    for (const where of [root, '/']) {
      const found = await findSystem({ ...host(), root: where }, new Memory());
      const snapshot = { system: { ...found, rebootReasons: [] }, packages: null, services: null };
      expect(checkSnapshot(snapshot)).toMatchObject({ ok: true });
    }
    const empty = await collect({ host: host(), memory: new Memory() });
    expect(empty).toMatchObject({
      packages: [],
      services: [],
      system: { hostname: 'unknown', bootedAt: null, timezone: 'UTC', disks: [], machineId: null },
    });
  });
});

describe('reasons to boot', () => {
  const packages = (...names: string[]) =>
    names.map((name) => ({ name, version: '1', installedAt: null }));

  it('are those that Debian, Ubuntu and SUSE write down', async () => {
    expect(await rebootReasons(host(), [])).toEqual([]);
    await write({ 'run/reboot-required': '*** System restart required ***\n' });
    expect(await rebootReasons(host(), [])).toEqual(['the system asks for it']);
    await write({ 'run/reboot-required.pkgs': 'libc6\nlinux-base\nlibc6\n' });
    expect(await rebootReasons(host(), [])).toEqual([
      'libc6 asks for it',
      'linux-base asks for it',
    ]);
  });

  it('are a newer kernel of the same flavour', async () => {
    await write({ 'proc/sys/kernel/osrelease': '6.1.0-9-cloud-amd64\n' });
    const older = ['linux-image-6.1.0-8-cloud-amd64', 'linux-image-6.1.0-9-cloud-amd64'];
    const others = ['linux-image-6.1.0-28-amd64', 'linux-image-amd64', 'linux-image-cloud-amd64'];
    expect(await rebootReasons(host(), packages(...older, ...others))).toEqual([]);
    const newer = packages(...older, ...others, 'linux-image-6.1.0-10-cloud-amd64');
    expect(await rebootReasons(host(), newer)).toEqual([
      'kernel 6.1.0-10-cloud-amd64 is installed, 6.1.0-9-cloud-amd64 is running',
    ]);
  });
});

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await fs.mkdir(dirname(join(root, path)), { recursive: true });
    await fs.writeFile(join(root, path), content);
  }
}
