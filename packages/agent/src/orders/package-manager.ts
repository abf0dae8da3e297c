// What a package manager has to offer for an order to be carried out by it: which programs to run,
// and what their words mean. Pure; work-packages.ts runs them.

import type { Program } from './program.js';
import type { ReadEnd, WorkOf } from './work.js';

export type PackagesOrder = WorkOf<'packages'>;

/** What the package manager would do. */
export interface Plan {
  /** Packages that it would install, upgrade, downgrade or remove. */
  readonly changes: readonly string[];
  /** Why it must not be done. */
  readonly problem: string | null;
}

/** Versions of what is installed, by `NAME:ARCHITECTURE`. */
export type Versions = ReadonlyMap<string, string>;

export interface PackageManager {
  /** Lists all that is installed. */
  readonly list: Program;
  readonly versionsOf: (stdout: string) => Versions;
  /** Learns what the repositories have now. */
  readonly refresh: Program;
  /** A directory that every refresh changes; null where the package manager refreshes by itself. */
  readonly refreshed: string | null;
  readonly simulate: (order: PackagesOrder) => Program;
  readonly planOf: (order: PackagesOrder, end: ReadEnd) => Plan;
  /** Of an order for security fixes, one for exactly those packages; others stay as they are. */
  readonly narrowed: (order: PackagesOrder, end: ReadEnd) => PackagesOrder;
  /** Brings what the change needs to this host, and changes nothing. */
  readonly download: (order: PackagesOrder, lockWaitSeconds: number) => Program;
  readonly change: (order: PackagesOrder, lockWaitSeconds: number) => Program;
  /** Ends what a transaction that was cut has left half done; null where nothing does. */
  readonly mend: Program | null;
  /**
   * Where numbers are names of files once one was cut, so that no other can begin; null where the
   * package manager finds out by itself. Source: apt, apt-pkg/deb/debsystem.cc, CheckUpdates.
   */
  readonly journal: string | null;
  readonly hold: (order: PackagesOrder) => Program;
  /** Lists the names of what is held. */
  readonly held: Program;
  readonly heldOf: (stdout: string) => readonly string[];
}

/** A name without its architecture. */
export const bareName = (name: string): string => name.replace(/:[^:]*$/, '');

/** The entries of a package, which may be installed for several architectures. */
export function entriesOf(versions: Versions, name: string): [string, string][] {
  return [...versions].filter(([key]) => key === name || bareName(key) === name);
}

/** Each package whose version differs, for people. */
export function changesBetween(before: Versions, after: Versions): string[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].sort().flatMap((key) => {
    const [was, is] = [before.get(key), after.get(key)];
    if (was === is) return [];
    return [`${bareName(key)} ${was ?? '(none)'} → ${is ?? '(none)'}`];
  });
}
