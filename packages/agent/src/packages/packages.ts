// The packages of a host, of every package manager that it has.

import type { InstalledPackage } from '@halflap/protocol/agent';
import type { Installed } from '../facts/reboot.js';
import { type Host, isThere } from '../host.js';
import type { Memory } from '../memory.js';
import { findProgram } from '../program.js';
import { nameOf } from '../words.js';
import { aptCandidates, aptNames } from './apt.js';
import { dnfCandidates, lockedNames } from './dnf.js';
import { DPKG_STATUS, dpkgPackages } from './dpkg.js';
import { type RpmPackage, rpmDatabase, rpmPackages } from './rpm.js';

export interface FoundPackages {
  readonly packages: InstalledPackage[];
  /** The same packages, as far as a reason to boot may be among them. */
  readonly installed: Installed[];
}

/** Managers that the host has packages of. */
export async function packageManagers(host: Host): Promise<InstalledPackage['manager'][]> {
  const managers: InstalledPackage['manager'][] = [];
  if (await isThere(host, DPKG_STATUS)) managers.push('dpkg');
  const hasRpm = (await rpmDatabase(host)) !== null && (await findProgram(host, 'rpm')) !== null;
  if (hasRpm) managers.push('rpm');
  return managers;
}

/** null when a package manager that is there does not answer: then nothing is known of any. */
export async function findPackages(host: Host, memory: Memory): Promise<FoundPackages | null> {
  const managers = await packageManagers(host);
  const parts = [
    managers.includes('dpkg') ? await ofDpkg(host, memory) : NOTHING,
    managers.includes('rpm') ? await ofRpm(host, memory) : NOTHING,
  ];
  const known = parts.filter((part) => part !== null);
  if (known.length < parts.length) return null;
  return {
    packages: known.flatMap(({ packages }) => packages),
    installed: known.flatMap(({ installed }) => installed),
  };
}

const NOTHING: FoundPackages = { packages: [], installed: [] };

async function ofDpkg(host: Host, memory: Memory): Promise<FoundPackages | null> {
  const installed = await dpkgPackages(host, memory);
  if (installed === null) return null;
  const candidates = await aptCandidates(host, memory, installed);
  const aptName = aptNames(installed);
  const packages = installed.map((one): InstalledPackage => {
    const candidate = candidates?.get(aptName(one));
    // An answer from before the last upgrade may name what is installed by now.
    const isNewer = candidate !== undefined && candidate.version !== one.version;
    return {
      manager: 'dpkg',
      name: nameOf(one.name),
      architecture: one.architecture,
      version: nameOf(one.version),
      candidate: isNewer ? nameOf(candidate.version) : null,
      isSecurity: isNewer && candidate.isSecurity,
      isHeld: one.isHeld,
    };
  });
  return {
    packages,
    installed: installed.map(({ name, version }) => ({ name, version, installedAt: null })),
  };
}

async function ofRpm(host: Host, memory: Memory): Promise<FoundPackages | null> {
  const database = await rpmDatabase(host);
  const installed = database === null ? [] : await rpmPackages(host, memory, database);
  if (installed === null || database === null) return null;
  const candidates = await dnfCandidates(host, memory, database);
  const isLocked = await lockedNames(host);
  const newest = newestOf(installed);
  const packages = installed.map((one): InstalledPackage => {
    const key = `${one.name}.${one.architecture}`;
    // Of several kernels that are kept beside each other, the upgrade follows the newest.
    const candidate = newest.get(key) === one ? candidates?.get(key) : undefined;
    const isNewer = candidate !== undefined && candidate.version !== one.version;
    return {
      manager: 'rpm',
      name: one.name,
      architecture: one.architecture,
      version: one.version,
      candidate: isNewer ? nameOf(candidate.version) : null,
      isSecurity: isNewer && candidate.isSecurity,
      isHeld: isLocked(one.name),
    };
  });
  return { packages, installed };
}

function newestOf(installed: readonly RpmPackage[]): ReadonlyMap<string, RpmPackage> {
  const newest = new Map<string, RpmPackage>();
  for (const one of installed) {
    const key = `${one.name}.${one.architecture}`;
    const known = newest.get(key);
    if (known === undefined || one.installedAt >= known.installedAt) newest.set(key, one);
  }
  return newest;
}
