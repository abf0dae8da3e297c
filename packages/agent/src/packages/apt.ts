// Which version apt would bring each package to, and whether that brings a security fix. One call
// for all packages, and only when something that apt goes by has changed: its lists, its sources,
// its preferences, what is installed. Nothing is downloaded.
//
// Source: apt-cache(8), "policy": the versions of a package, newest first, each with where it is
// from. `apt list` says that its output may change, and not which versions were passed over.

import type { Host } from '../host.js';
import { rootOfPrograms } from '../host.js';
import { type Memory, stampOf } from '../memory.js';
import { runProgram } from '../program.js';
import { DPKG_STATUS, type DpkgPackage } from './dpkg.js';

/** What an upgrade would do to an installed package. */
export interface Candidate {
  readonly version: string;
  readonly isSecurity: boolean;
}

/** By the name that apt has for a package; only what can be upgraded. */
export type Candidates = ReadonlyMap<string, Candidate>;

const SOURCES = [
  DPKG_STATUS,
  '/var/lib/apt/lists',
  '/etc/apt/sources.list',
  '/etc/apt/sources.list.d',
  '/etc/apt/preferences',
  '/etc/apt/preferences.d',
  '/etc/apt/apt.conf',
  '/etc/apt/apt.conf.d',
];

/** It builds its cache anew after each update of its lists. */
const TIMEOUT_MS = 60_000;
/** Names in one call: far below what a command line holds. */
const NAMES_AT_ONCE = 5000;

/**
 * What was found last where apt does not answer, for whoever has changed its files is perhaps not
 * done; null where it never has.
 */
export async function aptCandidates(
  host: Host,
  memory: Memory,
  installed: readonly DpkgPackage[],
): Promise<Candidates | null> {
  const found = await memory.ask('apt', await stampOf(host, SOURCES), async () => {
    const names = installed.map(aptNames(installed));
    const all = new Map<string, Candidate>();
    for (let at = 0; at < names.length; at += NAMES_AT_ONCE) {
      const policies = await policiesOf(host, names.slice(at, at + NAMES_AT_ONCE));
      if (policies === null) return null;
      for (const [name, candidate] of policies) all.set(name, candidate);
    }
    return all as Candidates;
  });
  return found ?? memory.last<Candidates>('apt');
}

/** By what name apt goes for a package: its own, with the architecture where that is foreign. */
export function aptNames(installed: readonly DpkgPackage[]): (one: DpkgPackage) => string {
  // dpkg itself is of the host's own architecture.
  const own = installed.find(({ name }) => name === 'dpkg')?.architecture;
  return ({ name, architecture }) =>
    own === undefined || [own, 'all'].includes(architecture) ? name : `${name}:${architecture}`;
}

async function policiesOf(host: Host, names: readonly string[]): Promise<Candidates | null> {
  const root = rootOfPrograms(host);
  const options = root === '/' ? [] : rootedAt(root);
  const outcome = await runProgram(host, ['apt-cache', ...options, 'policy', ...names], {
    timeoutMs: TIMEOUT_MS,
  });
  if (outcome.kind === 'ran' && outcome.exitCode === 0) return candidatesIn(outcome.stdout);
  if (outcome.kind !== 'missing') {
    const why = outcome.kind === 'failed' ? outcome.why : outcome.stderr.trim().slice(0, 1000);
    host.log.warn({ why }, 'apt does not say what can be upgraded');
  }
  return null;
}

function rootedAt(root: string): string[] {
  return ['-o', `Dir=${root}`, '-o', `Dir::State::status=${root}${DPKG_STATUS}`];
}

function candidatesIn(policies: string): Candidates {
  const found = new Map<string, Candidate>();
  // Each begins at the margin: `name:`, or `name:architecture:` of another architecture.
  for (const policy of policies.split(/\n(?=\S)/)) {
    const name = /^(\S+):$/m.exec(policy)?.[1];
    const candidate = candidateIn(policy);
    if (name !== undefined && candidate !== null) found.set(name, candidate);
  }
  return found;
}

/**
 * A security fix is brought by any version above the installed one that the candidate contains,
 * wherever the candidate itself is from: a later point release has the fixes before it.
 */
function candidateIn(policy: string): Candidate | null {
  const [head = '', table = ''] = policy.split('\n  Version table:\n');
  const wanted = /^ {2}Candidate: (\S+)$/m.exec(head)?.[1];
  // Each version begins with its mark (`***` is the installed one), its sources are further in.
  const versions = table.split(/\n(?= (?:\*\*\*| {3}) \S)/).map((version) => ({
    isInstalled: version.startsWith(' ***'),
    name: /^ (?:\*\*\*| {3}) (\S+)/.exec(version)?.[1],
    isSecurity: isFromSecurity(version),
  }));
  const installed = versions.findIndex(({ isInstalled }) => isInstalled);
  const candidate = versions.findIndex(({ name }) => name === wanted);
  if (wanted === undefined || candidate === -1 || candidate >= installed) return null;
  const brought = versions.slice(candidate, installed);
  return { version: wanted, isSecurity: brought.some(({ isSecurity }) => isSecurity) };
}

/** `bookworm-security`, `jammy-security`, `jammy-infra-security`; `buster/updates` before 2021. */
function isFromSecurity(version: string): boolean {
  return /^ +-?\d+ \S+ (?:\S+-security|[a-z]+\/updates)(?:\/| )/m.test(version);
}
