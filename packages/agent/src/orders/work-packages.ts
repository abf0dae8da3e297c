// One transaction of the host's package manager:
//
//   refresh ──► simulate ──► download ──► change
//
// Up to the end of the download everything can be ended at any time, and nothing has been changed.
// What another transaction has left half done when it was cut is put in order before all of it, and
// then the order is not ended any more either.
// Then the change begins, and it is not ended any more, neither by a server nor by its time limit:
// of a package that is half configured nobody knows what works. What it did is told by comparing
// what is installed before and after, not by its words.

import * as fs from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { apt } from './apt.js';
import { dnf } from './dnf.js';
import {
  bareName,
  changesBetween,
  entriesOf,
  type PackageManager,
  type PackagesOrder,
  type Plan,
  type Versions,
} from './package-manager.js';
import type { Program, ProgramEnd } from './program.js';
import {
  failed,
  INTERRUPTED,
  type Outcome,
  outcomeOf,
  type ReadEnd,
  succeeded,
  type WorkHost,
} from './work.js';

/** What a host knows of its repositories may be as old as this. */
const REFRESH_AFTER_MS = 24 * 3600 * 1000;
/** dpkg's exit code when another process works on packages, and for other trouble (dpkg(1)). */
const LOCKED = 2;
const LOCK_LOOK_MS = 1000;
/** As many changes as the sentence names; the output has all of them. */
const NAMED_CHANGES = 10;

export async function runPackages(order: PackagesOrder, host: WorkHost): Promise<Outcome> {
  const manager = await findManager();
  if (manager === null) return failed('this host has neither apt-get nor dnf');
  const isHolding = order.action === 'hold' || order.action === 'unhold';
  return isHolding ? hold(manager, order, host) : transact(manager, order, host);
}

/** The one that the distribution is made with; Debian has dnf, too, but only as a guest. */
async function findManager(): Promise<PackageManager | null> {
  const has = (path: string) => fs.access(path, fs.constants.X_OK).then(...YES_OR_NO);
  if (await has('/usr/bin/apt-get')) return apt;
  return (await has('/usr/bin/dnf')) ? dnf : null;
}

const YES_OR_NO = [() => true, () => false] as const;

async function transact(
  manager: PackageManager,
  given: PackagesOrder,
  host: WorkHost,
): Promise<Outcome> {
  if (!given.simulate && (await wasCut(manager))) {
    if (!host.commit()) return INTERRUPTED;
    host.say(await mend(manager, host));
  }
  const made = await makePlan(manager, given, host);
  if ('outcome' in made) return made.outcome;
  const { order, plan } = made;
  if (plan.problem !== null) return failed(`nothing was changed: ${plan.problem}`);
  if (order.simulate) return succeeded(`nothing was changed: would change ${listed(plan.changes)}`);
  const before = await versionsOf(manager, host);
  const end = plan.changes.length === 0 ? null : await change(manager, order, host);
  if (end !== null && 'state' in end) return end;
  const after = await versionsOf(manager, host);
  const changed = `changed: ${listed(changesBetween(before, after))}`;
  if (end !== null && end.exitCode !== 0) {
    const { message, ...outcome } = outcomeOf('the package manager', end);
    return { ...outcome, message: `${message}; ${changed}` };
  }
  const missed = missedBy(order, after);
  return missed.length === 0 ? succeeded(changed) : failed(`${missed.join('; ')}; ${changed}`, 0);
}

/** After the host went down in the middle of a transaction. @returns what was done, in words. */
export async function mendPackages(host: WorkHost): Promise<string> {
  const manager = await findManager();
  return manager === null ? 'this host has neither apt-get nor dnf' : mend(manager, host);
}

async function mend(manager: PackageManager, host: WorkHost): Promise<string> {
  const program = manager.mend;
  if (program === null) return 'what it has left half done is the next transaction’s to end';
  // Unlike apt-get, dpkg does not wait for others.
  const until = performance.now() + host.lockWaitSeconds * 1000;
  for (;;) {
    const end = await host.read(program);
    if (end.exitCode === LOCKED && performance.now() < until) {
      await pause(LOCK_LOOK_MS);
      continue;
    }
    show(end, host);
    return outcomeOf(`what a transaction left half done was configured: ${program.path}`, end)
      .message;
  }
}

async function wasCut({ journal }: PackageManager): Promise<boolean> {
  if (journal === null) return false;
  const names = await fs.readdir(journal).catch(() => []);
  return names.some((name) => /^\d+$/.test(name));
}

/** How the change itself ended, or why it was not begun. */
async function change(
  manager: PackageManager,
  order: PackagesOrder,
  host: WorkHost,
): Promise<ProgramEnd | Outcome> {
  const download = await host.run(manager.download(order, host.lockWaitSeconds));
  const isFetched = download.exitCode === 0 || order.action === 'remove';
  if (!isFetched) return outcomeOf('nothing was changed: the download', download);
  if (!host.commit()) return INTERRUPTED;
  return host.run(manager.change(order, host.lockWaitSeconds));
}

type Made = { readonly outcome: Outcome } | { readonly order: PackagesOrder; readonly plan: Plan };

async function makePlan(
  manager: PackageManager,
  given: PackagesOrder,
  host: WorkHost,
): Promise<Made> {
  const isStale = given.action !== 'remove' && (await isOld(manager));
  for (let isFresh = given.action === 'remove' || isStale; ; isFresh = true) {
    if (isFresh && given.action !== 'remove') await refresh(manager, host);
    const first = await host.read(manager.simulate(given));
    if (host.signal.aborted) return { outcome: INTERRUPTED };
    const order = manager.narrowed(given, first);
    if (order !== given && order.packages.length === 0) {
      return { outcome: succeeded('nothing was changed: there is no security fix to install') };
    }
    const end = order === given ? first : await host.read(manager.simulate(order));
    const plan = manager.planOf(order, end);
    // dnf says no to its own question with exit code 1, as it does to what it cannot do.
    if (end.exitCode === 0 || plan.changes.length > 0) {
      if (order.simulate) show(end, host);
      return { order, plan };
    }
    if (isFresh) return { outcome: refusedBy(end, host) };
  }
}

/** The package manager cannot do it, and says why. */
function refusedBy(end: ReadEnd, host: WorkHost): Outcome {
  show(end, host);
  const why = end.stderr.split('\n').find((line) => /^(E|Error): /.test(line));
  return failed(`nothing was changed: ${why ?? 'the package manager cannot do it'}`, end.exitCode);
}

function show({ stdout, stderr }: ReadEnd, host: WorkHost): void {
  for (const text of [stdout, stderr]) if (text !== '') host.say(text.trimEnd());
}

async function isOld({ refreshed }: PackageManager): Promise<boolean> {
  if (refreshed === null) return false;
  const found = await fs.stat(refreshed).catch(() => null);
  return found === null || Date.now() - found.mtimeMs > REFRESH_AFTER_MS;
}

/** A repository that does not answer is no reason not to use the others. */
async function refresh(manager: PackageManager, host: WorkHost): Promise<void> {
  const { exitCode } = await host.run(manager.refresh);
  if (exitCode !== 0) host.say('some repositories could not be read; going on with what is known');
}

async function hold(
  manager: PackageManager,
  order: PackagesOrder,
  host: WorkHost,
): Promise<Outcome> {
  const held = async () => new Set(manager.heldOf((await readWhole(manager.held, host)).stdout));
  const before = await held();
  const isHold = order.action === 'hold';
  const names = order.packages.map(({ name }) => name);
  const isRight = (now: ReadonlySet<string>, name: string) =>
    (now.has(name) || now.has(bareName(name))) === isHold;
  const others = names.filter((name) => !isRight(before, name));
  if (order.simulate)
    return succeeded(`nothing was changed: would ${order.action} ${listed(others)}`);
  if (others.length > 0) {
    const end = await host.run(manager.hold(order));
    if (end.exitCode !== 0 || end.wasInterrupted) return outcomeOf(order.action, end);
  }
  const after = await held();
  const missed = names.filter((name) => !isRight(after, name));
  if (missed.length > 0) return failed(`${order.action} had no effect on ${listed(missed)}`, 0);
  return succeeded(`${order.action}: ${listed(others)}`);
}

async function versionsOf(manager: PackageManager, host: WorkHost): Promise<Versions> {
  return manager.versionsOf((await readWhole(manager.list, host)).stdout);
}

/** @throws when the program fails: what it would have said is needed. */
async function readWhole(program: Program, host: WorkHost): Promise<ReadEnd> {
  const end = await host.read(program);
  if (end.exitCode === 0 || end.wasInterrupted) return end;
  throw new Error(`${program.path} ended with exit code ${end.exitCode}: ${end.stderr.trim()}`);
}

/** What the order asks for and the host has not got. */
function missedBy({ action, packages }: PackagesOrder, after: Versions): string[] {
  return packages.flatMap(({ name, version }) => {
    const versions = entriesOf(after, name).map(([, one]) => one);
    if (action === 'remove') return versions.length === 0 ? [] : [`${name} is still installed`];
    // An upgrade of what is not installed is none.
    if (versions.length === 0) return [`${name} is not installed`];
    if (version === null || versions.includes(version)) return [];
    return [`${name} is at ${versions.join(', ')}, not at ${version}`];
  });
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'nothing';
  const more = names.length - NAMED_CHANGES;
  return names.slice(0, NAMED_CHANGES).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
