// An agent from its start to its end: who this host is, and a session that keeps it connected.

import { HalflapError } from '@halflap/protocol';
import type { Welcome } from '@halflap/protocol/agent';
import type { Address } from './address.js';
import type { Clock, Random } from './clock.js';
import {
  assertNotRevoked,
  type EnrolOptions,
  enrol,
  revoked,
  storedIdentity,
} from './identity/enrol.js';
import type { HostIdentity } from './identity/host-identity.js';
import { holdAlone } from './identity/single.js';
import { StateDirectory } from './identity/state-directory.js';
import type { Log } from './log.js';
import type { About, OrdersDuty, ReadJournal, ReportsDuty, RunFrame } from './session/duties.js';
import { openFence } from './session/fence.js';
import { Session, type SessionState } from './session/session.js';

/** What an agent does for its host. */
export interface AgentParts {
  readonly about: () => Promise<About>;
  readonly reports: ReportsDuty;
  readonly orders: OrdersDuty;
  readonly readJournal: ReadJournal;
  /** A session has begun: its welcome says how often facts are to be looked at. */
  welcomed(welcome: Welcome): void;
  /** Lets go of everything; once, after the last session. */
  stop(): Promise<void>;
}

/** How its parts reach the session; without one they do nothing. */
export interface Tell {
  /** There are new facts. */
  readonly wake: () => void;
  readonly emit: (frame: RunFrame) => void;
}

export interface AgentOptions {
  /** Of the agent's user alone: /var/lib/halflap-agent. Made where there is none. */
  readonly stateDirectory: string;
  /** At least one, in any order. */
  readonly servers: readonly Address[];
  /** How this host enrols, if it has not yet; null: it must have. */
  readonly enrolment: Pick<
    EnrolOptions,
    'token' | 'trust' | 'hostname' | 'machineId' | 'agentVersion'
  > | null;
  /** Makes the parts. */
  readonly parts: (host: HostIdentity, tell: Tell) => Promise<AgentParts>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onState?: (state: SessionState) => void;
}

/**
 * Runs until the signal is aborted.
 *
 * @throws AGENT_STATE_INVALID, also when another agent has the directory; what enrolment throws;
 * AGENT_REVOKED when the servers know the host no more: the state is kept, and only another
 * enrolment helps.
 */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const state = new StateDirectory(options.stateDirectory);
  const letGo = await holdAlone(state);
  try {
    await runAlone(options, state, signal);
  } finally {
    await letGo();
  }
}

async function runAlone(
  options: AgentOptions,
  state: StateDirectory,
  signal: AbortSignal,
): Promise<void> {
  const { servers, clock, random, log, onState } = options;
  const identity = await identify(options, state, signal);
  if (signal.aborted) return;
  let session: Session | null = null;
  const parts = await options.parts(identity, {
    wake: () => session?.wake(),
    emit: (frame) => void session?.emit(frame),
  });
  const { about, reports, orders, readJournal } = parts;
  session = new Session({
    ...{ about, reports, orders, readJournal },
    servers,
    identity,
    fence: openFence(state, identity.current.host),
    clock,
    random,
    log,
    onState: (now) => {
      if (now.state === 'open') parts.welcomed(now.welcome);
      onState?.(now);
    },
  });
  try {
    await connected(session, signal);
  } finally {
    await parts.stop();
  }
}

/** @throws AGENT_REVOKED */
async function connected(session: Session, signal: AbortSignal): Promise<void> {
  const stop = () => void session.stop();
  signal.addEventListener('abort', stop);
  session.start();
  if (signal.aborted) stop();
  const why = await session.ended;
  signal.removeEventListener('abort', stop);
  if (why.because === 'revoked') throw revoked(why.detail);
}

async function identify(
  options: AgentOptions,
  state: StateDirectory,
  signal: AbortSignal,
): Promise<HostIdentity> {
  const { enrolment, servers, clock, random, log } = options;
  if (enrolment !== null)
    return enrol({ ...enrolment, state, servers, clock, random, log, signal });
  assertNotRevoked(state);
  const stored = storedIdentity(state);
  if (stored !== null) return stored;
  throw new HalflapError('AGENT_NOT_ENROLLED', `this host has no identity in ${state.path}`, {
    hint: 'make a token with halflap tokens create; then halflap agent --enrol TOKEN',
  });
}
