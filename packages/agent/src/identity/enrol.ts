// How a host gets its identity, once in its life, and how its agent finds it again.
//
//   no key ──► key on the disk ──ask──► answered ──► identity on the disk
//
// Whatever is on the disk tells where to go on. Between the answer and its being stored an agent
// may die: the request is then repeated with the same key, by which the servers know the host. A
// host that was revoked enrols with a new key, since somebody else may have the old one.

import { HalflapError } from '@halflap/protocol';
import type { Enrolled } from '@halflap/protocol/agent';
import { type Address, textOf } from '../address.js';
import { type Clock, pause, type Random } from '../clock.js';
import type { Log } from '../log.js';
import { waitAfter } from '../session/backoff.js';
import { askEnrolment, type EnrolmentAnswer } from './enrol-request.js';
import { HostIdentity } from './host-identity.js';
import { type Identity, readIdentity } from './identity.js';
import { isCertificate, isOfKey, newKey, requestFor, validityOf } from './key.js';
import { type FirstTrust, isUntrusted, pinnedAuthority } from './server-trust.js';
import type { StateDirectory } from './state-directory.js';
import { certificatesOf, pinOf } from './trusted.js';

const KEY_FILE = 'key.pem';
const IDENTITY_FILE = 'identity.json';
/** Longest wait for a server, in ms; issuing takes it milliseconds. */
const ANSWER_MS = 30_000;

/** What is on the disk once a step is done. */
export type EnrolmentStep = 'key' | 'answered' | 'stored';

export interface EnrolOptions {
  readonly state: StateDirectory;
  /** Asked in turn, from any one of them on. */
  readonly servers: readonly Address[];
  readonly trust: FirstTrust;
  readonly token: string;
  readonly hostname: string;
  readonly machineId: string | null;
  readonly agentVersion: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Ends the waiting between attempts. */
  readonly signal: AbortSignal;
  readonly onStep?: (step: EnrolmentStep) => void;
}

/**
 * The identity that an earlier enrolment has stored; null for none, and for one that was revoked.
 *
 * @throws AGENT_STATE_INVALID when a file is damaged, or the key is not that of the certificate.
 */
export function storedIdentity(state: StateDirectory): HostIdentity | null {
  const stored = readStored(state);
  if (stored === null || stored.revoked !== null) return null;
  const key = state.read(KEY_FILE);
  if (key !== null && isOfKey(stored.chain, key)) return opened(state, stored, key);
  const file = state.pathOf(KEY_FILE);
  throw new HalflapError('AGENT_STATE_INVALID', `${file} is not the key of this host`, {
    detail: { file },
    hint: `restore it, or take ${state.path} away and enrol again: halflap agent --enrol TOKEN`,
  });
}

/** @throws AGENT_REVOKED when the servers have said so to the identity that is stored. */
export function assertNotRevoked(state: StateDirectory): void {
  const stored = readStored(state)?.revoked;
  if (stored !== null && stored !== undefined) throw revoked(`${stored.detail}, ${stored.at}`);
}

/** @param detail in the words of the servers. */
export function revoked(detail: string): HalflapError {
  return new HalflapError('AGENT_REVOKED', `this host was revoked: ${detail}`, {
    hint: 'enrol it again with a new token: halflap agent --enrol TOKEN',
  });
}

/**
 * The stored identity; or a new one, also when the certificate of the stored one has ended, or when
 * it does not trust the authority that is named: the cluster has another one by now. However long
 * the servers have to be waited for.
 *
 * @throws ENROLMENT_REFUSED and what else the servers refuse with; SERVER_UNTRUSTED when no server
 * is trusted; INTERRUPTED when the signal comes before the answer.
 */
export async function enrol(options: EnrolOptions): Promise<HostIdentity> {
  const { state, clock, log, onStep } = options;
  const stored = storedIdentity(state);
  const isGood = stored !== null && validityOf(stored.current.chain).to > clock.now();
  const known = stored === null ? [] : pinsOf(stored.current);
  if (isGood && pinsNamed(options.trust).some((pin) => known.includes(pin))) {
    log.info({ host: stored.current.host }, 'this host has enrolled before');
    return stored;
  }
  const key = keyToEnrolWith(state);
  onStep?.('key');
  const request = await requestFor(key);
  const enrolled = await ask(options, request);
  onStep?.('answered');
  const { host, chain, authorities, keys } = enrolled;
  if (!isOfKey(chain, key) || !isCertificate(authorities)) {
    throw new HalflapError('SERVER_UNTRUSTED', 'the certificates are of no use to this host', {
      hint: 'look at the servers, and at what stands between them and this host',
    });
  }
  const formerAuthorities = [...new Set([...known, ...pinsNamed(options.trust)])];
  const trusted = { authorities, formerAuthorities, keys };
  const identity: Identity = { format: 1, host, request, chain, ...trusted, revoked: null };
  const made = opened(state, identity, key);
  write(state, identity);
  onStep?.('stored');
  log.info({ host, state: enrolled.state }, 'this host has enrolled');
  return made;
}

/** Digests of the authorities that somebody names. */
function pinsNamed(trust: FirstTrust): string[] {
  if ('pin' in trust) return [trust.pin.toLowerCase()];
  return certificatesOf(trust.authorities).flatMap((one) => pinOf(one) ?? []);
}

/** Digests of those that an identity trusts, or has trusted. */
function pinsOf({ authorities, formerAuthorities = [] }: Identity): string[] {
  return [...pinsNamed({ authorities }), ...formerAuthorities];
}

function opened(state: StateDirectory, identity: Identity, key: string): HostIdentity {
  return new HostIdentity(identity, key, (next) => write(state, next));
}

function write(state: StateDirectory, identity: Identity): void {
  state.write(IDENTITY_FILE, JSON.stringify(identity, null, 2));
}

function readStored(state: StateDirectory): Identity | null {
  const text = state.read(IDENTITY_FILE);
  return text === null ? null : readIdentity(text, state.pathOf(IDENTITY_FILE));
}

/** The key of an enrolment that did not come to its end, or a new one. */
function keyToEnrolWith(state: StateDirectory): string {
  const known = state.read(KEY_FILE);
  const before = readStored(state);
  const isSpent = known !== null && before?.revoked != null && isOfKey(before.chain, known);
  if (known !== null && !isSpent) return known;
  const key = newKey();
  state.write(KEY_FILE, key);
  return key;
}

/** Asks one server after the other until one of them says yes or no. */
async function ask(options: EnrolOptions, request: string): Promise<Enrolled> {
  const { servers, random, clock, log, signal } = options;
  const start = Math.floor(random() * servers.length);
  let untrusted = 0;
  for (let failures = 0; ; failures += 1) {
    assertGoesOn(signal);
    const server = servers[(start + failures) % servers.length];
    if (server === undefined) throw new Error('an agent has at least one server');
    const answer = await answerOf(options, server, request);
    if (answer.kind === 'enrolled') return answer.enrolled;
    if (answer.kind === 'refused') {
      // Another server may have the right certificate; what servers say they say as one.
      untrusted = answer.error.code === 'SERVER_UNTRUSTED' ? untrusted + 1 : servers.length;
      if (untrusted >= servers.length) throw answer.error;
      log.warn({ server: textOf(server) }, answer.error.message);
      continue;
    }
    untrusted = 0;
    const ending = { reason: answer.reason, goodbye: null, retryAfterMs: answer.retryAfterMs };
    const waitMs = waitAfter(ending, { failures, isEverywhere: true }, random);
    log.warn({ server: textOf(server), waitMs: Math.round(waitMs) }, answer.reason);
    await pause(clock, waitMs, signal);
  }
}

function assertGoesOn(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new HalflapError('INTERRUPTED', 'the enrolment was stopped', {
    hint: 'start the agent again: it goes on with the same key',
  });
}

async function answerOf(
  { trust, token, hostname, machineId, agentVersion, clock, signal }: EnrolOptions,
  server: Address,
  request: string,
): Promise<EnrolmentAnswer> {
  try {
    const authorities =
      'authorities' in trust
        ? trust.authorities
        : await pinnedAuthority(server, trust.pin, ANSWER_MS);
    const asked = { token, hostname, machineId, agentVersion, request };
    return await askEnrolment({
      server,
      authorities,
      asked,
      // Of the whole exchange, also with a server that answers a byte at a time.
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
      now: clock.now(),
    });
  } catch (error) {
    if (error instanceof HalflapError) return { kind: 'refused', error };
    return failureOf(error as Error, server);
  }
}

function failureOf(error: Error, server: Address): EnrolmentAnswer {
  const reason = `${textOf(server)}: ${error.message}`;
  if (!isUntrusted(error)) return { kind: 'later', reason, retryAfterMs: null };
  const refusal = new HalflapError('SERVER_UNTRUSTED', reason, {
    hint: 'compare --ca or --ca-pin with the authority that halflap tokens create names',
    cause: error,
  });
  return { kind: 'refused', error: refusal };
}
