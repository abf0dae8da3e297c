// What a host lets servers do to it: by kind, and within a kind by name. A policy only ever allows;
// what it does not name is not allowed. docs/agent-policy.md is its description for people.

import { userInfo } from 'node:os';
import type { Order, OrderKind, PACKAGE_ACTIONS, SERVICE_ACTIONS } from '@halflap/protocol/agent';
import { ORDER_KINDS } from '@halflap/protocol/agent';
import { type Pattern, patternOf } from './pattern.js';
import type { WorkOf } from './work.js';

/** Each list that is null allows everything. */
export interface Policy {
  readonly packages: PackagesPolicy | null;
  readonly service: ServicePolicy | null;
  readonly command: CommandPolicy | null;
  readonly file: FilePolicy | null;
}

export interface PackagesPolicy {
  readonly names: readonly Pattern[] | null;
  readonly actions: readonly (typeof PACKAGE_ACTIONS)[number][] | null;
}
export interface ServicePolicy {
  readonly names: readonly Pattern[] | null;
  readonly actions: readonly (typeof SERVICE_ACTIONS)[number][] | null;
}
export interface CommandPolicy {
  /** Absolute paths. */
  readonly programs: readonly Pattern[] | null;
  readonly users: readonly string[] | null;
  /** Variables that an order may set. */
  readonly environment: readonly Pattern[] | null;
}
export interface FilePolicy {
  readonly paths: readonly Pattern[] | null;
}

/** Of a kind that is allowed without anything finer. */
export const ANYTHING = {
  packages: { names: null, actions: null },
  service: { names: null, actions: null },
  command: { programs: null, users: null, environment: null },
  file: { paths: null },
} as const satisfies Policy;

/** A host without a policy file: what its package manager and its services can do, no programs. */
export const DEFAULT_POLICY: Policy = { ...ANYTHING, command: null };

export const NOTHING: Policy = { packages: null, service: null, command: null, file: null };

/** Kinds that a policy allows at least a part of. */
export function kindsOf(policy: Policy): OrderKind[] {
  return ORDER_KINDS.filter((kind) => policy[kind] !== null);
}

/** Null when the work is allowed; or what of it is not. */
export function forbiddenBy(policy: Policy, work: Order['work']): string | null {
  switch (work.kind) {
    case 'packages':
      return policy.packages === null ? NOT_ALLOWED(work.kind) : packages(policy.packages, work);
    case 'service':
      return policy.service === null ? NOT_ALLOWED(work.kind) : service(policy.service, work);
    case 'command':
      return policy.command === null ? NOT_ALLOWED(work.kind) : command(policy.command, work);
    case 'file':
      return policy.file === null ? NOT_ALLOWED(work.kind) : file(policy.file, work);
    default:
      return work satisfies never;
  }
}

const NOT_ALLOWED = (kind: OrderKind) => `orders of the kind ${kind} are not allowed on this host`;

function packages(policy: PackagesPolicy, work: WorkOf<'packages'>): string | null {
  if (!isListed(policy.actions, work.action)) return `${work.action} is not allowed for packages`;
  if (policy.names === null) return null;
  if (work.packages.length === 0) return 'not all packages are allowed, and the order names none';
  // `NAME:ARCHITECTURE` is the same package.
  const names = work.packages.map(({ name }) => name.replace(/:.*$/, ''));
  const other = names.find((name) => !matches(policy.names, name));
  return other === undefined ? null : `package ${other} is not allowed`;
}

function service(policy: ServicePolicy, work: WorkOf<'service'>): string | null {
  if (!isListed(policy.actions, work.action)) return `${work.action} is not allowed for services`;
  const unit = unitOf(work.service);
  // Targets and mounts are as powerful as a shutdown; whoever wants them says so.
  const names = policy.names ?? ANY_SERVICE;
  return matches(names, unit) ? null : `unit ${unit} is not allowed`;
}

function command(policy: CommandPolicy, work: WorkOf<'command'>): string | null {
  if (!matches(policy.programs, work.program)) return `program ${work.program} is not allowed`;
  const user = work.user ?? userInfo().username;
  if (!isListed(policy.users, user)) return `user ${user} is not allowed for commands`;
  const variable = Object.keys(work.environment).find((name) => !matches(policy.environment, name));
  return variable === undefined ? null : `variable ${variable} is not allowed for commands`;
}

function file(policy: FilePolicy, work: WorkOf<'file'>): string | null {
  return matches(policy.paths, work.path) ? null : `file ${work.path} is not allowed`;
}

function isListed<Word>(list: readonly Word[] | null, word: Word): boolean {
  return list === null || list.includes(word);
}

function matches(patterns: readonly Pattern[] | null, text: string): boolean {
  return patterns === null || patterns.some((pattern) => pattern(text));
}

/** As systemd reads a name (systemctl(1)): without a type it is a service. */
export function unitOf(name: string): string {
  return UNIT_TYPE.test(name) ? name : `${name}.service`;
}

const UNIT_TYPE =
  /\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope|snapshot)$/;

const ANY_SERVICE: readonly Pattern[] = [patternOf('*.service')];
