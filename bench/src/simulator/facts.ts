// What simulated hosts say of themselves: plausible, different from each other, and made when it is
// told, so that thousands of hosts take no memory for it.

import type { InstalledPackage, Service, SystemFacts } from '@halflap/protocol/agent';

/** Packages that there are; a host has about four of five. */
const PACKAGES = 500;
/** Services that there are; a host has all but a few. */
const SERVICES = 85;

const WORDS = ['net', 'core', 'sql', 'ssl', 'json', 'font', 'audio', 'disk', 'mail', 'perl'];
const KINDS = [
  'lib',
  'python3-',
  'golang-',
  '',
  'php-',
  'ruby-',
  'linux-',
  'gir1.2-',
  'x11-',
  'r-',
];
const ENDS = ['', '-common', '-data', '-dev', '-utils'];
const RELEASES = [
  { id: 'debian', version: '12', name: 'Debian GNU/Linux 12 (bookworm)', kernel: '6.1.0-28-amd64' },
  { id: 'debian', version: '13', name: 'Debian GNU/Linux 13 (trixie)', kernel: '6.12.6-amd64' },
  { id: 'ubuntu', version: '24.04', name: 'Ubuntu 24.04.1 LTS', kernel: '6.8.0-51-generic' },
];
const GIGABYTE = 2 ** 30;

/** Evenly from 0 to 1, always the same for the same numbers (a mix of their bits). */
export function chanceOf(...numbers: readonly number[]): number {
  let mixed = 0x9e3779b9;
  for (const number of numbers) {
    mixed = Math.imul(mixed ^ number, 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    mixed ^= mixed >>> 16;
  }
  return (mixed >>> 0) / 2 ** 32;
}

/** Changes with `upgrades`: how often the package was upgraded since the host began. */
export function packageAt(host: number, at: number, upgrades = 0): InstalledPackage | null {
  if (chanceOf(host, at, 1) > 0.8) return null;
  const name = `${KINDS[at % 10]}${WORDS[Math.floor(at / 10) % 10]}${ENDS[Math.floor(at / 100)]}`;
  const version = (patch: number) => `${1 + (at % 7)}.${at % 23}.${patch}-${1 + (at % 3)}`;
  const patch = Math.floor(chanceOf(host % 5, at, 2) * 3) + upgrades;
  const isUpgradable = upgrades === 0 && chanceOf(host, at, 3) < 0.06;
  return {
    manager: 'dpkg',
    name,
    architecture: at % 4 === 0 ? 'all' : 'amd64',
    version: version(patch),
    candidate: isUpgradable ? version(patch + 1) : null,
    isSecurity: isUpgradable && at % 3 === 0,
    isHeld: chanceOf(host, at, 4) < 0.005,
  };
}

export function packagesOf(host: number, upgrades: ReadonlyMap<number, number>) {
  return Array.from({ length: PACKAGES }, (_, at) => packageAt(host, at, upgrades.get(at))).filter(
    (one) => one !== null,
  );
}

export function serviceAt(host: number, at: number, hasFailed = false): Service | null {
  if (chanceOf(host, at, 5) > 0.95) return null;
  const name = `${WORDS[at % 10]}${at < 50 ? 'd' : '-agent'}-${Math.floor(at / 10)}.service`;
  const isOff = at % 4 === 0;
  const active = hasFailed ? 'failed' : isOff ? 'inactive' : 'active';
  return {
    name,
    description: `The ${WORDS[at % 10]} service of group ${Math.floor(at / 10)}`,
    load: 'loaded',
    active,
    sub: hasFailed ? 'failed' : isOff ? 'dead' : 'running',
    enabled: isOff ? 'disabled' : 'enabled',
    since: isOff ? null : '2031-02-03T10:15:00Z',
  };
}

export function servicesOf(host: number, failed: ReadonlySet<number>): Service[] {
  return Array.from({ length: SERVICES }, (_, at) => serviceAt(host, at, failed.has(at))).filter(
    (one) => one !== null,
  );
}

/** Something that the host has: the place of a package, and of a service, by chance. */
export function somePlace(
  host: number,
  random: () => number,
): { package: number; service: number } {
  // The next one that it has, so that it ends whatever is drawn.
  const some = (count: number, has: (at: number) => boolean) => {
    let at = Math.floor(random() * count);
    while (!has(at)) at = (at + 1) % count;
    return at;
  };
  return {
    package: some(PACKAGES, (at) => packageAt(host, at) !== null),
    service: some(SERVICES, (at) => serviceAt(host, at) !== null),
  };
}

export const hostname = (host: number): string => `sim-${String(host).padStart(5, '0')}`;

export function systemOf(host: number): SystemFacts {
  const { kernel, ...os } = RELEASES[host % RELEASES.length] ?? { kernel: '', ...EMPTY_OS };
  const cores = 2 ** (1 + Math.floor(chanceOf(host, 6) * 5));
  const address = `10.${(host >> 16) & 255}.${(host >> 8) & 255}.${host & 255}`;
  return {
    hostname: hostname(host),
    machineId: host.toString(16).padStart(32, '0'),
    os,
    kernel,
    architecture: 'x86_64',
    cpu: { model: 'Simulated CPU', cores },
    memoryBytes: cores * 4 * GIGABYTE,
    swapBytes: GIGABYTE,
    bootedAt: '2031-02-03T10:10:00Z',
    timezone: 'Etc/UTC',
    virtualization: 'kvm',
    disks: [
      {
        mount: '/',
        device: '/dev/vda1',
        fileSystem: 'ext4',
        sizeBytes: 40 * GIGABYTE,
        usedBytes: Math.floor((4 + chanceOf(host, 7) * 30) * GIGABYTE),
      },
    ],
    networks: [{ name: 'eth0', mac: null, addresses: [`${address}/8`], isUp: true }],
    rebootReasons: chanceOf(host, 8) < 0.03 ? ['linux-image'] : [],
  };
}

const EMPTY_OS = { id: 'linux', version: '', name: '' };
