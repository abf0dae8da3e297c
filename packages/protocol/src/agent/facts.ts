// What an agent tells about its host. Everything is what the host itself says; null means that the
// host does not say it (a container without a boot time, a file system that cannot be asked).

import { type Static, Type } from 'typebox';
import { count, MAX_NAME, name, nullable, oneOf, time } from './shape.js';

const text = () => Type.String({ maxLength: 1024 });

export const Disk = Type.Object({
  mount: Type.String({ minLength: 1, maxLength: 4096 }),
  device: text(),
  fileSystem: name(),
  sizeBytes: count(),
  usedBytes: count(),
});

export const Network = Type.Object({
  name: name(),
  mac: nullable(name()),
  /** With their prefix: `10.0.0.7/24`. */
  addresses: Type.Array(name(), { maxItems: 256 }),
  isUp: Type.Boolean(),
});

/** One per host. Of a part that has changed, the whole part is told again. */
export const SystemFacts = Type.Object({
  hostname: name(),
  /** /etc/machine-id; the same after a reinstallation of the agent, another after one of the OS. */
  machineId: nullable(name(64)),
  os: Type.Object({ id: name(), version: text(), name: text() }),
  kernel: text(),
  architecture: name(),
  cpu: Type.Object({ model: text(), cores: count(65_536) }),
  memoryBytes: count(),
  swapBytes: count(),
  bootedAt: nullable(time()),
  timezone: text(),
  virtualization: nullable(name()),
  disks: Type.Array(Disk, { maxItems: 256 }),
  networks: Type.Array(Network, { maxItems: 256 }),
  /** Why the host wants to be booted again; empty when it does not. */
  rebootReasons: Type.Array(text(), { maxItems: 64 }),
});
export type SystemFacts = Static<typeof SystemFacts>;

export const PACKAGE_MANAGERS = ['dpkg', 'rpm'] as const;

/** One installed package. Its key is manager, name, architecture and, with rpm, version. */
export const InstalledPackage = Type.Object({
  manager: oneOf(PACKAGE_MANAGERS),
  name: name(),
  architecture: name(64),
  /** As the package manager writes it, epoch included. */
  version: name(),
  /** The version that an upgrade would install; null when there is none. */
  candidate: nullable(name()),
  /** Whether the candidate comes from where the distribution publishes security fixes. */
  isSecurity: Type.Boolean(),
  isHeld: Type.Boolean(),
});
export type InstalledPackage = Static<typeof InstalledPackage>;

/** One service of systemd, in systemd's own words. */
export const Service = Type.Object({
  name: Type.String({ minLength: 1, maxLength: MAX_NAME }),
  description: text(),
  /** `loaded`, `not-found`, `masked` … */
  load: name(64),
  /** `active`, `inactive`, `failed` … */
  active: name(64),
  /** `running`, `exited`, `dead` … */
  sub: name(64),
  /** Whether it starts with the host: `enabled`, `disabled`, `static` …; null: not installed. */
  enabled: nullable(name(64)),
  since: nullable(time()),
});
export type Service = Static<typeof Service>;

/** Which parts of a host an agent can tell about, and which programs it found for it. */
export const Abilities = Type.Object({
  packages: Type.Array(oneOf(PACKAGE_MANAGERS)),
  services: Type.Boolean(),
});
export type Abilities = Static<typeof Abilities>;

/** The key by which a package is told apart in a delta. */
export function packageKey(one: InstalledPackage): string {
  const parts = [one.manager, one.name, one.architecture];
  return (one.manager === 'rpm' ? [...parts, one.version] : parts).join('|');
}
