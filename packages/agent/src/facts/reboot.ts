// Why a host wants to be booted again: because its distribution says so in a file, because a newer
// kernel than the running one is installed, or because parts that only a boot replaces were.
//
// Of rpm systems the rule is that of `dnf needs-restarting --reboothint`, which would cost a second
// of computing each time: a package of its list was installed after the boot.

import { type Host, namesIn, readText } from '../host.js';
import { text } from '../words.js';
import { bootedAt } from './boot.js';

/** As much of an installed package as tells whether a boot is needed for it. */
export interface Installed {
  readonly name: string;
  readonly version: string;
  /** In seconds since 1970; null where the package manager does not say it. */
  readonly installedAt: number | null;
}

/** dnf-plugins-core, plugins/needs_restarting.py, with the parts that kernels come in since. */
const AFTER_BOOT = [
  'kernel',
  'kernel-core',
  'kernel-rt',
  'kernel-rt-core',
  'glibc',
  'linux-firmware',
  'systemd',
  'udev',
  'openssl-libs',
  'gnutls',
  'dbus',
];
const MORE_AFTER_BOOT = '/etc/dnf/plugins/needs-restarting.d';

const MAX_REASONS = 64;
/** All of them must fit into one message with the rest of the system. */
const MAX_REASON = 200;

/** Sentences for people, in the order in which they were found; empty when it does not. */
export async function rebootReasons(
  host: Host,
  installed: readonly Installed[],
): Promise<string[]> {
  const reasons = [
    ...(await saidByFile(host)),
    ...newerKernel((await readText(host, '/proc/sys/kernel/osrelease')) ?? '', installed),
    ...(await installedAfterBoot(host, installed)),
  ];
  return [...new Set(reasons.map((reason) => text(reason, MAX_REASON)))].slice(0, MAX_REASONS);
}

/** Debian and Ubuntu name the packages that ask for it; SUSE does not. */
async function saidByFile(host: Host): Promise<string[]> {
  const debian = await readText(host, '/run/reboot-required');
  const suse = await readText(host, '/run/reboot-needed');
  if (debian === null && suse === null) return [];
  const names = (await readText(host, '/run/reboot-required.pkgs')) ?? '';
  const packages = names.split('\n').filter((name) => name.trim() !== '');
  if (packages.length === 0) return ['the system asks for it'];
  return packages.map((name) => `${name.trim()} asks for it`);
}

/** A kernel is named by its release: `6.1.0-28-cloud-amd64` is number and flavour. */
const RELEASE = /^(\d.*?)-([a-z][a-z0-9_]*(?:-[a-z][a-z0-9_]*)*)$/i;

/** Of dpkg's packages of kernels. Only one of the running kernel's flavour would take its place. */
function newerKernel(release: string, installed: readonly Installed[]): string[] {
  const running = release.trim();
  const flavour = RELEASE.exec(running)?.[2];
  const kernels = installed.flatMap(({ name }) => {
    const other = /^linux-image-(?:unsigned-)?(\d.*)$/.exec(name)?.[1] ?? '';
    return flavour !== undefined && RELEASE.exec(other)?.[2] === flavour ? [other] : [];
  });
  const newest = kernels.sort(byNumbers).at(-1);
  if (newest === undefined || byNumbers(newest, running) <= 0) return [];
  return [`kernel ${newest} is installed, ${running} is running`];
}

function byNumbers(one: string, other: string): number {
  const [ones, others] = [one, other].map((release) => (release.match(/\d+/g) ?? []).map(Number));
  for (const [index, number] of (ones ?? []).entries()) {
    const difference = number - (others?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return (ones?.length ?? 0) - (others?.length ?? 0);
}

async function installedAfterBoot(host: Host, installed: readonly Installed[]): Promise<string[]> {
  const boot = await bootedAt(host);
  if (boot === null || installed.every(({ installedAt }) => installedAt === null)) return [];
  const files = (await namesIn(host, MORE_AFTER_BOOT)).filter((name) => name.endsWith('.conf'));
  const contents = await Promise.all(
    files.map((name) => readText(host, `${MORE_AFTER_BOOT}/${name}`)),
  );
  const more = contents.flatMap((content) => (content ?? '').split('\n').map((one) => one.trim()));
  const names = new Set([...AFTER_BOOT, ...more]);
  return installed
    .filter(({ name, installedAt }) => names.has(name) && (installedAt ?? 0) > boot)
    .map(({ name, version }) => `${name} ${version} was installed after the boot`);
}
