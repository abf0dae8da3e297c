// Where simulated hosts have their identities from: they enrol, with keys that are in memory only.

import {
  type Address,
  askEnrolment,
  type Clock,
  HostIdentity,
  newKey,
  type OrderKey,
  pause,
  requestFor,
} from '@halflap/agent';
import { hostname } from './facts.js';

/** What a host needs to have been given. */
export interface GivenIdentity {
  readonly host: string;
  readonly key: string;
  readonly request: string;
  readonly chain: string;
  readonly authorities: string;
  readonly keys: readonly OrderKey[];
}

export function identityOf({ key, keys, ...given }: GivenIdentity): HostIdentity {
  return new HostIdentity({ format: 1, ...given, keys: [...keys], revoked: null }, key, () => {});
}

export interface EnrolAllOptions {
  readonly servers: readonly Address[];
  /** In PEM. */
  readonly authorities: string;
  readonly token: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const ANSWER_MS = 60_000;
const AGAIN_MS = 1000;

/** Of the host of that number. @throws what the servers refuse with. */
export async function enrolHost(
  { servers, authorities, token, clock, signal }: EnrolAllOptions,
  at: number,
): Promise<HostIdentity> {
  const key = newKey();
  const request = await requestFor(key);
  const machineId = at.toString(16).padStart(32, '0');
  const asked = { token, hostname: hostname(at), machineId, agentVersion: 'simulated', request };
  for (let attempt = at; ; attempt += 1) {
    signal.throwIfAborted();
    const server = servers[attempt % servers.length];
    if (server === undefined) throw new Error('a fleet has at least one server');
    const answer = await askEnrolment({
      server,
      authorities,
      asked,
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
      now: clock.now(),
    }).catch(
      (error: Error) => ({ kind: 'later', reason: error.message, retryAfterMs: null }) as const,
    );
    if (answer.kind === 'enrolled') return identityOf({ ...answer.enrolled, key, request });
    if (answer.kind === 'refused') throw answer.error;
    await pause(clock, answer.retryAfterMs ?? AGAIN_MS, signal);
  }
}
