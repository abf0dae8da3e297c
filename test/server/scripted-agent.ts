// An agent of a test: it speaks the real protocol and does what its script says in place of work.
// Its journal outlives its connections, as the disk of a real one does: what it knows it never does
// again, and it tells of it until a server has kept it.

import { createPublicKey, verify, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import {
  type AgentFrame,
  checkOrder,
  type Hello,
  ORDER_KINDS,
  type Order,
  type Result,
  type ServerFrame,
} from '@halflap/protocol/agent';
import { type Authority, bucketOf, type Store } from '@halflap/server';
import * as x509 from '@peculiar/x509';
import WebSocket from 'ws';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface AgentIdentity {
  readonly host: string;
  readonly key: string;
  readonly chain: string;
  readonly authority: string;
}

/** A key of a host, and the request for its certificate. */
export async function keysAndRequest(): Promise<{ key: string; request: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const pkcs10 = await x509.Pkcs10CertificateRequestGenerator.create({
    ...{ name: 'CN=host', keys, signingAlgorithm: ALGORITHM },
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----`;
  return { key, request: pkcs10.toString('pem') };
}

/** Hosts as an enrolment leaves them: `web-0`, `web-1`, … with these labels. */
export async function makeHosts(
  store: Store,
  authority: Authority,
  { count, labels }: { readonly count: number; readonly labels: object },
): Promise<AgentIdentity[]> {
  // One key for all: what tells hosts apart here is the name in the certificate.
  const { key, request } = await keysAndRequest();
  const make = async (at: number): Promise<AgentIdentity> => {
    const host = webcrypto.randomUUID();
    const certificate = await authority.issueHost(host, request);
    const { pem, serial, fingerprint, authority: pin, notBefore, notAfter } = certificate;
    await store.withHost(host, (client) =>
      client.query(
        `with made as (
           insert into hosts (id, bucket, state, hostname, labels) values ($1, $2, 'active', $3, $4)
           returning id
         )
         insert into host_certificates
           (serial, host_id, fingerprint, authority, not_before, not_after)
         select $5, id, $6, $7, $8, $9 from made`,
        [
          ...[host, bucketOf(host), `web-${at}`, JSON.stringify(labels)],
          ...[serial, fingerprint, pin, notBefore, notAfter],
        ],
      ),
    );
    return { host, key, chain: pem, authority: authority.certificate };
  };
  return Promise.all(Array.from({ length: count }, (_, at) => make(at)));
}

/** What an agent does for an order. */
export interface Play {
  readonly output?: readonly string[];
  readonly exitCode?: number;
  /** It begins, and ends with this. */
  readonly until?: Promise<unknown>;
  /** It refuses, and begins nothing. */
  readonly refuses?: string;
}
export type Script = (order: Order) => Play;

interface Entry {
  readonly order: string;
  startedAt: string | null;
  output: string[];
  kept: number;
  result: Result | null;
  isKept: boolean;
}

export class ScriptedAgent {
  readonly host: string;
  /** How often the work of a run was done. */
  readonly effects = new Map<string, number>();
  readonly #identity: AgentIdentity;
  readonly #ports: () => number;
  readonly #authority: Authority;
  readonly #script: Script;
  readonly #journal = new Map<string, Entry>();
  #socket: WebSocket | undefined;
  #isStopped = false;
  #welcomed: () => void = () => {};

  /** @param ports where it connects to next */
  constructor(
    identity: AgentIdentity,
    on: { readonly ports: () => number; readonly authority: Authority },
    script: Script,
  ) {
    this.host = identity.host;
    this.#identity = identity;
    this.#ports = on.ports;
    this.#authority = on.authority;
    this.#script = script;
  }

  /** Resolves with the welcome of a server. It comes back by itself until it is stopped. */
  connect(): Promise<void> {
    this.#isStopped = false;
    const welcomed = new Promise<void>((resolve) => {
      this.#welcomed = resolve;
    });
    this.#dial();
    return welcomed;
  }

  /** Goes offline. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const socket = this.#socket;
    if (socket === undefined || socket.readyState === WebSocket.CLOSED) return;
    socket.terminate();
    await once(socket, 'close');
  }

  /** The connection breaks; it comes back. */
  breakOff(): void {
    this.#socket?.terminate();
  }

  /** As if its disk was lost. */
  forget(): void {
    this.#journal.clear();
  }

  #dial(): void {
    if (this.#isStopped) return;
    const { key, chain, authority } = this.#identity;
    const socket = new WebSocket(
      `wss://127.0.0.1:${this.#ports()}/agent/session`,
      'halflap-agent',
      { ...{ ca: authority, cert: chain, key, servername: 'halflap-server' } },
    );
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('open', () => this.#say(this.#hello()));
    socket.on('message', (data) => this.#hear(JSON.parse(String(data))));
    socket.on('close', () => {
      if (this.#socket === socket) setTimeout(() => this.#dial(), 20 + Math.random() * 80);
    });
  }

  #hello(): Hello {
    const unfinished = [...this.#journal].filter(
      ([, { startedAt, isKept }]) => startedAt !== null && !isKept,
    );
    return {
      ...{ type: 'hello', protocol: { oldest: 1, newest: 1 }, agentVersion: '1.0' },
      ...{ abilities: { packages: [], services: false }, allowed: [...ORDER_KINDS], revision: 0 },
      unfinished: unfinished.map(([run]) => run),
    };
  }

  #say(frame: AgentFrame): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #hear(frame: ServerFrame): void {
    switch (frame.type) {
      case 'welcome':
        for (const run of this.#journal.keys()) this.#tell(run);
        this.#welcomed();
        return;
      case 'run':
        this.#take(frame);
        return;
      case 'cancel':
        this.#cancel(frame.run);
        return;
      case 'output_kept': {
        const entry = this.#journal.get(frame.run);
        if (entry !== undefined) entry.kept = Math.max(entry.kept, frame.below);
        return;
      }
      case 'result_kept': {
        const entry = this.#journal.get(frame.run);
        if (entry !== undefined) entry.isKept = true;
        return;
      }
    }
  }

  #take({ order: text, key, signature }: Extract<ServerFrame, { type: 'run' }>): void {
    const known = this.#authority.orderKeys.find(({ id }) => id === key);
    const publicKey = createPublicKey(known?.publicKey ?? '');
    if (!verify(null, Buffer.from(text), publicKey, Buffer.from(signature, 'base64'))) {
      throw new Error(`not signed by ${key}`);
    }
    const checked = checkOrder(JSON.parse(text));
    if (!checked.ok) throw new Error(checked.problems.join('; '));
    const { run } = checked.value;
    const entry = this.#journal.get(run);
    if (entry === undefined) void this.#perform(checked.value, text);
    else if (entry.order !== '' && entry.order !== text) throw new Error(`${run} has two texts`);
    else this.#tell(run);
  }

  async #perform(order: Order, text: string): Promise<void> {
    const { run } = order;
    const play = this.#script(order);
    const entry: Entry = {
      ...{ order: text, startedAt: null, output: [], kept: 0, result: null, isKept: false },
    };
    this.#journal.set(run, entry);
    if (play.refuses !== undefined) {
      entry.result = resultOf(entry, { state: 'refused', message: play.refuses });
      this.#tell(run);
      return;
    }
    entry.startedAt = new Date().toISOString();
    this.effects.set(run, (this.effects.get(run) ?? 0) + 1);
    this.#say({ type: 'begun', run, at: entry.startedAt });
    for (const piece of play.output ?? []) {
      entry.output.push(piece);
      this.#sayOutput(run, entry, entry.output.length - 1);
    }
    await play.until;
    if (entry.result !== null) return;
    const exitCode = play.exitCode ?? 0;
    entry.result = resultOf(entry, { state: exitCode === 0 ? 'succeeded' : 'failed', exitCode });
    this.#tell(run, entry.output.length);
  }

  #cancel(run: string): void {
    const entry: Entry = this.#journal.get(run) ?? {
      ...{ order: '', startedAt: null, output: [], kept: 0, result: null, isKept: false },
    };
    this.#journal.set(run, entry);
    entry.result ??= resultOf(entry, { state: 'cancelled', message: 'cancelled' });
    this.#tell(run);
  }

  /** What no server has kept of a run. */
  #tell(run: string, from?: number): void {
    const entry = this.#journal.get(run);
    if (entry === undefined || entry.isKept) return;
    if (entry.startedAt !== null) this.#say({ type: 'begun', run, at: entry.startedAt });
    const first = from ?? entry.kept;
    for (let at = first; at < entry.output.length; at += 1) this.#sayOutput(run, entry, at);
    if (entry.result !== null) this.#say({ type: 'ended', run, result: entry.result });
  }

  #sayOutput(run: string, { output }: Entry, number: number): void {
    this.#say({ type: 'output', run, number, stream: 'stdout', text: output[number] ?? '' });
  }
}

function resultOf({ startedAt, output }: Entry, result: Partial<Result>): Result {
  return {
    ...{ state: 'succeeded', exitCode: null, signal: null, message: '', startedAt },
    ...{ endedAt: new Date().toISOString(), droppedBytes: 0 },
    outputBytes: output.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0),
    ...result,
  };
}
