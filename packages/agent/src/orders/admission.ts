// Whether an order may be carried out on this host. Every refusal names its rule. What is checked
// is exactly what was signed: the text is read only after its signature, and from the same bytes.

import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { checkOrder, type Order } from '@halflap/protocol/agent';
import type { FrameOf } from './events.js';
import { forbiddenBy } from './policy.js';
import type { ReadPolicy } from './policy-file.js';

/** What an order can break; the rule begins the message of its result. */
export const RULES = [
  /** It is not signed by a key that this agent trusts. */
  'signature',
  /** It is no order, or asks for what no order can. */
  'shape',
  /** It is for another host. */
  'host',
  /** It comes, or has its turn, after its time. */
  'begin_before',
  /** The host's policy file does not allow it, or has a mistake. */
  'policy',
  /** The agent has as many runs, or as much of their output, as it keeps. */
  'room',
] as const;
export type Rule = (typeof RULES)[number];

export interface Refusal {
  readonly rule: Rule;
  /** One sentence, which begins with the rule. */
  readonly message: string;
}

/** A key that orders may be signed with. */
export interface TrustedKey {
  readonly id: string;
  /** Ed25519, PEM. */
  readonly publicKey: string;
}

export function refusal(rule: Rule, why: string): Refusal {
  return { rule, message: `refused by the rule ${rule}: ${why}` };
}

/** The order that a frame holds, once its signature and its shape have been checked. */
export function readOrder(frame: FrameOf<'run'>, keys: readonly TrustedKey[]): Order | Refusal {
  const signed = Buffer.from(frame.order, 'utf8');
  const key = keys.find(({ id }) => id === frame.key);
  if (key === undefined) return refusal('signature', `the key ${frame.key} is not trusted here`);
  if (!isSignedBy(key, signed, frame.signature)) {
    return refusal('signature', `the signature is not that of the key ${frame.key}`);
  }
  const checked = checkOrder(parse(signed));
  if (!checked.ok) return refusal('shape', checked.problems.join('; '));
  const problem = problemOf(checked.value);
  return problem === null ? checked.value : refusal('shape', problem);
}

export interface AdmissionHost {
  readonly host: string;
  readonly now: Date;
  readonly policy: ReadPolicy;
}

/** Null when the order may begin now. */
export function admit(order: Order, { host, now, policy }: AdmissionHost): Refusal | null {
  if (order.host !== host) return refusal('host', `the order is for the host ${order.host}`);
  if (!(now.getTime() <= Date.parse(order.beginBefore))) {
    return refusal('begin_before', `it was to begin before ${order.beginBefore}`);
  }
  if (policy.mistake !== null) return refusal('policy', policy.mistake);
  const forbidden = forbiddenBy(policy.policy, order.work);
  return forbidden === null ? null : refusal('policy', forbidden);
}

/** The run that a text claims to be of, for an answer; not to be believed. */
export function claimedRun(text: string): string | null {
  const run = (parse(Buffer.from(text)) as { run?: unknown } | null | undefined)?.run;
  return typeof run === 'string' && UUID.test(run) ? run : null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function isSignedBy({ publicKey }: TrustedKey, signed: Buffer, signature: string): boolean {
  try {
    const key: KeyObject = createPublicKey(publicKey);
    if (key.asymmetricKeyType !== 'ed25519') return false;
    return verify(null, signed, key, Buffer.from(signature, 'base64'));
  } catch {
    // A key or a signature that is none has signed nothing.
    return false;
  }
}

function parse(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** What the shape cannot say. */
function problemOf({ beginBefore, work }: Order): string | null {
  if (Number.isNaN(Date.parse(beginBefore))) return `/beginBefore is no time: ${beginBefore}`;
  // The system ends every text at its first NUL, so that more would be checked than is used.
  if (JSON.stringify(work).includes('\\u0000')) return '/work holds a NUL';
  if (work.kind === 'packages') return packagesProblem(work);
  return work.kind === 'command' ? commandProblem(work) : null;
}

function packagesProblem(work: Extract<Order['work'], { kind: 'packages' }>): string | null {
  const { action, packages, onlySecurity } = work;
  if (packages.length === 0 && action !== 'upgrade') return `${action} needs names of packages`;
  if (onlySecurity && (action !== 'upgrade' || packages.length > 0)) {
    return 'onlySecurity is for an upgrade of all packages';
  }
  if (action === 'downgrade' && packages.some(({ version }) => version === null)) {
    return 'downgrade needs the version of each package';
  }
  // To apt-get `NAME-` means: remove NAME.
  const odd = packages.find(({ name }) => name.endsWith('-'));
  return odd === undefined ? null : `no package is named ${odd.name}`;
}

function commandProblem(work: Extract<Order['work'], { kind: 'command' }>): string | null {
  const names = Object.keys(work.environment);
  const odd = names.find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (odd !== undefined) return 'a variable has no valid name';
  const loaded = work.user === null ? undefined : names.find((name) => LOADED.test(name));
  return loaded === undefined ? null : `${loaded} cannot be set for another user`;
}

/**
 * What the loader and the C library read before the program begins, while the process still has the
 * agent's rights. Source: glibc, sysdeps/generic/unsecvars.h.
 */
const LOADED = new RegExp(
  `^(${[
    ...['LD_', 'MALLOC_', 'GCONV_PATH', 'GETCONF_DIR', 'GLIBC_TUNABLES', 'HOSTALIASES'],
    ...['LOCALDOMAIN', 'LOCPATH', 'NIS_PATH', 'NLSPATH', 'RESOLV_HOST_CONF', 'RES_OPTIONS'],
    ...['TZDIR'],
  ].join('|')})`,
);
