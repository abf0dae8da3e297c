// A host in the hands of a test: a state directory, a session, and duties that note what they are
// told. The real reports and orders have tests of their own.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Address,
  type EnrolOptions,
  enrol,
  type HostIdentity,
  type Log,
  type OrdersDuty,
  openFence,
  type ReportsDuty,
  Session,
  type SessionOptions,
  type SessionState,
  StateDirectory,
} from '@halflap/agent';
import type { Report } from '@halflap/protocol/agent';
import { onTestFinished } from 'vitest';
import type { Keys } from '../../packages/server/src/authority/certificates.js';
import { TestClock } from './clock.js';
import type { TestServer } from './server.js';
import { Signals } from './signals.js';

const directories: string[] = [];

/** For itself alone; `removeDirectories` removes it. */
export function freshDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'halflap-agent-'));
  directories.push(path);
  return path;
}

/** After all tests of a file. */
export function removeDirectories(): void {
  for (const path of directories.splice(0)) rmSync(path, { recursive: true, force: true });
}

export interface LogLine {
  readonly level: keyof Log;
  readonly detail: object;
  readonly message: string;
}

export function noting(): { log: Log; lines: Signals<LogLine> } {
  const lines = new Signals<LogLine>();
  const at = (level: keyof Log) => (detail: object, message: string) =>
    lines.push({ level, detail, message });
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { log, lines };
}

export class NotedReports implements ReportsDuty {
  acknowledged = 0;
  readonly told: string[] = [];
  frames: Report[] = [];

  pending(): readonly Report[] {
    return this.frames;
  }

  async reported(revision: number, isNeeded: boolean): Promise<void> {
    this.told.push(isNeeded ? `${revision}, all needed` : `${revision}`);
    if (isNeeded) return;
    this.acknowledged = revision;
    this.frames = this.frames.filter((one) => one.revision > revision);
  }
}

export class NotedOrders implements OrdersDuty {
  readonly calls = new Signals<string>();
  open: string[] = [];
  /** Of the next call that is given something. */
  failure: Error | null = null;

  unfinished(): readonly string[] {
    return this.open;
  }

  connected(): Promise<void> {
    return this.#note('connected');
  }

  disconnected(): void {
    this.calls.push('disconnected');
  }

  take({ order }: { order: string }): Promise<void> {
    return this.#note(`run ${order}`);
  }

  cancel({ run }: { run: string }): Promise<void> {
    return this.#note(`cancel ${run}`);
  }

  outputKept({ below }: { below: number }): Promise<void> {
    return this.#note(`output kept below ${below}`);
  }

  resultKept({ run }: { run: string }): Promise<void> {
    return this.#note(`result kept ${run}`);
  }

  async #note(call: string): Promise<void> {
    this.calls.push(call);
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
  }
}

export interface EnrolledHost {
  readonly state: StateDirectory;
  readonly identity: HostIdentity;
}

/** How a host of a test enrols with that server. */
export function enrolOptions(
  server: Pick<TestServer, 'address'> & { readonly authority: Pick<Keys, 'certificate'> },
  path = freshDirectory(),
): EnrolOptions & { readonly clock: TestClock } {
  return {
    state: new StateDirectory(path),
    servers: [server.address],
    trust: { authorities: server.authority.certificate },
    token: 'secret',
    hostname: 'web-1',
    machineId: null,
    agentVersion: '0.1.0',
    clock: new TestClock(),
    random: () => 0.5,
    log: noting().log,
    signal: new AbortController().signal,
  };
}

export async function enrolledHost(server: TestServer): Promise<EnrolledHost> {
  const options = enrolOptions(server);
  return { state: options.state, identity: await enrol(options) };
}

/** A session that has begun; it is stopped when the test ends. */
export function startSession(
  { state, identity }: EnrolledHost,
  servers: readonly Address[],
  more: Partial<SessionOptions> = {},
) {
  const clock = new TestClock();
  const states = new Signals<SessionState>();
  const reports = new NotedReports();
  const orders = new NotedOrders();
  const { log, lines } = noting();
  const session = new Session({
    servers,
    identity,
    fence: openFence(state, identity.current.host),
    about: async () => ({
      agentVersion: '0.1.0',
      abilities: { packages: ['dpkg'], services: true },
      allowed: ['service'],
    }),
    reports,
    orders,
    readJournal: async ({ service }) => [`${service} started`],
    clock,
    random: () => 0.5,
    log,
    onState: states.push,
    ...more,
  });
  onTestFinished(() => session.stop());
  session.start();
  const waiting = () => states.next(isWaiting);
  return { session, clock, states, reports, orders, lines, waiting };
}

type Waiting = Extract<SessionState, { state: 'waiting' }>;
const isWaiting = (one: SessionState): one is Waiting => one.state === 'waiting';
