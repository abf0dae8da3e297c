// Which version dnf would bring each package to, which of that fixes a vulnerability, and what is
// locked to its version. It works from what dnf has in its cache: nothing is downloaded, and
// nothing asked again before cache, configuration or installed packages change, since each call
// costs about a second of computing.
//
// Source: dnf(8), "repoquery command"; the same options exist in dnf 5.

import { type Host, namesIn, readText, rootOfPrograms } from '../host.js';
import { type Memory, stampOf } from '../memory.js';
import { runProgram } from '../program.js';
import type { Candidate, Candidates } from './apt.js';
import { rpmFiles } from './rpm.js';

const SOURCES = ['/etc/dnf', '/etc/dnf/plugins', '/etc/yum.repos.d'];
const CACHES = ['/var/cache/dnf', '/var/cache/libdnf5'];
const TIMEOUT_MS = 120_000;
const FORMAT = '%{name}\\t%{arch}\\t%{epoch}:%{version}-%{release}\\n';
const LOCKS = ['/etc/dnf/plugins/versionlock.list', '/etc/yum/pluginconf.d/versionlock.list'];

/** By `name.architecture`. What dnf said last where it does not answer; null if it never has. */
export async function dnfCandidates(
  host: Host,
  memory: Memory,
  database: string,
): Promise<Candidates | null> {
  const indexes = await Promise.all(CACHES.map((cache) => indexesIn(host, cache)));
  const stamp = await stampOf(host, [...rpmFiles(database), ...SOURCES, ...indexes.flat()]);
  const found = await memory.ask('dnf', stamp, async () => {
    const newest = await upgrades(host, ['--latest-limit=1']);
    if (newest === null) return null;
    // Any version above the installed one counts: the newest has the fixes before it.
    const fixes = newest.size === 0 ? newest : await upgrades(host, ['--security']);
    if (fixes === null) return null;
    const candidates = [...newest].map(([key, version]): [string, Candidate] => [
      key,
      { version, isSecurity: fixes.has(key) },
    ]);
    return new Map(candidates) as Candidates;
  });
  return found ?? memory.last<Candidates>('dnf');
}

/** Each repository's own index; what is beside it changes with every call. */
async function indexesIn(host: Host, cache: string): Promise<string[]> {
  return (await namesIn(host, cache)).map((name) => `${cache}/${name}/repodata/repomd.xml`);
}

async function upgrades(
  host: Host,
  which: readonly string[],
): Promise<ReadonlyMap<string, string> | null> {
  const root = rootOfPrograms(host);
  const options = [...(root === '/' ? [] : [`--installroot=${root}`]), '--cacheonly', '--quiet'];
  const query = ['repoquery', '--upgrades', ...which, '--qf', FORMAT];
  const outcome = await runProgram(host, ['dnf', ...options, ...query], { timeoutMs: TIMEOUT_MS });
  if (outcome.kind === 'ran' && outcome.exitCode === 0) return versionsIn(outcome.stdout);
  if (outcome.kind !== 'missing') {
    const why = outcome.kind === 'failed' ? outcome.why : outcome.stderr.trim().slice(0, 1000);
    host.log.warn({ why }, 'dnf does not say what can be upgraded');
  }
  return null;
}

function versionsIn(output: string): ReadonlyMap<string, string> {
  return new Map(
    output.split('\n').flatMap((line) => {
      const [name, architecture, version] = line.split('\t');
      if (architecture === undefined || version === undefined) return [];
      // As rpm writes it: no epoch is the epoch 0.
      return [[`${name}.${architecture}`, version.replace(/^0:/, '')] as const];
    }),
  );
}

/**
 * Whether the plug-in `versionlock` keeps a package where it is. dnf then knows no candidate for
 * it. Of its lists (dnf 4: a file of patterns; dnf 5: TOML) only the names count here.
 */
export async function lockedNames(host: Host): Promise<(name: string) => boolean> {
  const lists = await Promise.all(LOCKS.map((path) => readText(host, path)));
  const toml = (await namesIn(host, '/etc/dnf')).includes('versionlock.toml')
    ? ((await readText(host, '/etc/dnf/versionlock.toml')) ?? '')
    : '';
  const patterns = lists.flatMap((list) => (list ?? '').split('\n').flatMap(nameInPattern));
  const named = [...toml.matchAll(/^\s*name\s*=\s*["']([^"']+)["']/gm)].map(([, name]) => name);
  const names = new Set([...patterns, ...named]);
  return (name) => names.has(name);
}

/** `bash-0:5.1.8-6.el9.*`: the name ends before epoch or version. `!` forbids other versions. */
function nameInPattern(line: string): string[] {
  const name =
    /^([A-Za-z0-9][\w.+-]*?)-\d+:/.exec(line.trim())?.[1] ??
    /^([A-Za-z0-9][\w.+-]*?)-[^-]+-[^-]+$/.exec(line.trim())?.[1];
  return name === undefined ? [] : [name];
}
