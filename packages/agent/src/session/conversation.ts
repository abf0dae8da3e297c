// What an agent and a server say to each other on one connection.
//
//   greeting ──welcome──► open ──► over
//      └──────nothing for GREETING_MS, or anything else──► over
//
// Invariants: duties hear of a session only between its welcome and its end, and what is asked in
// the name of an older session (by its fence) is never passed on.

import {
  type Cancel,
  commonRevision,
  type Hello,
  PROTOCOL,
  type Range,
  type Run,
  type ServerFrame,
  type Welcome,
} from '@halflap/protocol/agent';
import type { Address } from '../address.js';
import type { Clock, Random } from '../clock.js';
import type { HostIdentity } from '../identity/host-identity.js';
import type { Log } from '../log.js';
import type { Ending } from './backoff.js';
import { CLOSE, Connection } from './connection.js';
import type { About, OrdersDuty, ReadJournal, ReportsDuty, RunFrame } from './duties.js';
import type { Fence } from './fence.js';
import { startHeartbeat } from './heartbeat.js';
import { journalAnswers } from './journal-answer.js';
import type { Renewal } from './renewal.js';
import { ReportPump } from './report-pump.js';

export interface ConversationOptions {
  readonly server: Address;
  readonly identity: HostIdentity;
  readonly fence: Fence;
  readonly renewal: Renewal;
  readonly about: () => Promise<About>;
  readonly reports: ReportsDuty;
  readonly orders: OrdersDuty;
  readonly readJournal: ReadJournal;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Default: PROTOCOL. */
  readonly protocol?: Range;
  /** The connection stands; what follows is the welcome. */
  readonly onConnected: () => void;
  readonly onWelcome: (welcome: Welcome) => void;
}

/** From the first packet to the welcome. A server under a storm lets handshakes wait. */
const GREETING_MS = 30_000;
/** The shape's bound; what is left out is asked for by the server in the next session. */
const MAX_UNFINISHED = 1000;
/** A clock that is further off makes certificates and deadlines wrong. */
const MAX_SKEW_MS = 120_000;

export class Conversation {
  readonly ended: Promise<Ending>;
  readonly #options: ConversationOptions;
  readonly #connection: Connection;
  readonly #pump: ReportPump;
  readonly #over = new AbortController();
  readonly #answerJournal: ReturnType<typeof journalAnswers>;
  readonly #takeBackGreeting: () => void;
  #heartbeat: ReturnType<typeof startHeartbeat> | null = null;
  #isOpen = false;

  /** Begins at once. */
  constructor(options: ConversationOptions) {
    this.#options = options;
    const { server, identity, clock, log, reports, readJournal } = options;
    this.#connection = new Connection({
      server,
      identity,
      clock,
      log,
      onOpen: () => this.#handle('hello', this.#greet()),
      onFrame: (frame) => this.#take(frame),
      onHeard: () => this.#heartbeat?.heard(),
    });
    this.#pump = new ReportPump(reports, (report) => this.#connection.send(report));
    this.#answerJournal = journalAnswers(readJournal, this.#over.signal);
    this.#takeBackGreeting = clock.after(GREETING_MS, () =>
      this.#connection.terminate(`no welcome within ${GREETING_MS / 1000} seconds`),
    );
    this.ended = this.#connection.ended.then((ending) => this.#end(ending));
  }

  /** There are new facts to tell. */
  wake(): void {
    if (this.#isOpen) this.#pump.wake();
  }

  /** @returns false when the session is not open, or ends before it could be sent. */
  emit(frame: RunFrame): Promise<boolean> {
    return this.#isOpen ? this.#connection.send(frame) : Promise.resolve(false);
  }

  /** Ends it from this side. */
  stop(): void {
    this.#connection.end('the agent stops', CLOSE.away);
  }

  get #protocol(): Range {
    return this.#options.protocol ?? PROTOCOL;
  }

  async #greet(): Promise<void> {
    const { about, identity, reports, orders, onConnected } = this.#options;
    onConnected();
    const hello: Hello = {
      type: 'hello',
      protocol: this.#protocol,
      ...(await about()),
      revision: reports.acknowledged,
      fence: this.#options.fence.value,
      unfinished: orders.unfinished().slice(0, MAX_UNFINISHED),
      kept: identity.kept,
    };
    await this.#connection.send(hello);
  }

  /** What cannot be handled ends the session: the server asks for it again in the next one. */
  #handle(type: string, work: Promise<unknown>): void {
    work.catch((error: Error) => this.#connection.fail(type, error));
  }

  #take(frame: ServerFrame): void {
    if (frame.type === 'welcome') this.#welcome(frame);
    else if (this.#isOpen) this.#pass(frame);
    else this.#connection.end(`${frame.type} before a welcome`, CLOSE.policy);
  }

  /** To whom it is for. */
  #pass(frame: Exclude<ServerFrame, Welcome>): void {
    const { orders, renewal } = this.#options;
    switch (frame.type) {
      case 'goodbye':
        // The connection has ended with it.
        return;
      case 'reported':
        this.#handle(frame.type, this.#pump.answered(frame));
        return;
      case 'run':
        if (this.#isOfThisSession(frame)) this.#handle(frame.type, orders.take(frame));
        return;
      case 'cancel':
        if (this.#isOfThisSession(frame)) this.#handle(frame.type, orders.cancel(frame));
        return;
      case 'output_kept':
        this.#handle(frame.type, orders.outputKept(frame));
        return;
      case 'result_kept':
        this.#handle(frame.type, orders.resultKept(frame));
        return;
      case 'journal_asked':
        void this.#answerJournal(frame).then((answer) => this.#connection.send(answer));
        return;
      case 'certificate':
        renewal.answered(frame);
        this.#sayKept();
        return;
      case 'trust':
        renewal.told(frame);
        this.#sayKept();
        return;
      default:
        frame satisfies never;
    }
  }

  #sayKept(): void {
    void this.#connection.send({ type: 'trusts', kept: this.#options.identity.kept });
  }

  #welcome(welcome: Welcome): void {
    const problem = this.#problemOf(welcome);
    if (problem !== null) {
      this.#connection.end(problem, CLOSE.policy);
      return;
    }
    this.#takeBackGreeting();
    this.#raiseFence(welcome);
    this.#noteSkew(welcome);
    this.#open(welcome);
  }

  #problemOf({ protocol }: Welcome): string | null {
    if (this.#isOpen) return 'a second welcome';
    if (commonRevision(this.#protocol, { oldest: protocol, newest: protocol }) !== null)
      return null;
    return `the server speaks revision ${protocol}, which this agent does not`;
  }

  #raiseFence(welcome: Welcome): void {
    const { fence, log } = this.#options;
    if (welcome.fence < fence.value) {
      const detail = { fence: welcome.fence, highest: fence.value };
      log.warn(detail, 'a session has a lower number than one before: its orders are not run');
    }
    fence.raise(welcome.fence);
  }

  #open(welcome: Welcome): void {
    const { reports, orders, onWelcome } = this.#options;
    this.#isOpen = true;
    this.#beat(welcome.heartbeatSeconds * 1000);
    if (welcome.revision !== reports.acknowledged) {
      this.#handle('welcome', reports.reported(welcome.revision, true));
    }
    onWelcome(welcome);
    this.#handle('welcome', orders.connected());
    this.#pump.wake();
  }

  #noteSkew({ now }: Welcome): void {
    const skewMs = this.#options.clock.now() - Date.parse(now);
    if (Math.abs(skewMs) <= MAX_SKEW_MS) return;
    const detail = { seconds: Math.round(skewMs / 1000) };
    this.#options.log.warn(detail, 'the clock of this host is not that of the server');
  }

  #beat(everyMs: number): void {
    const { clock, random, renewal } = this.#options;
    this.#heartbeat = startHeartbeat({
      clock,
      random,
      everyMs,
      beat: () => {
        this.#connection.beat();
        this.#pump.beat();
        const request = renewal.due();
        if (request === null) return;
        void this.#connection.send({ type: 'certificate_asked', request });
      },
      dead: () => this.#connection.terminate('the server does not answer any more'),
    });
  }

  #isOfThisSession({ type, fence }: Run | Cancel): boolean {
    const highest = this.#options.fence.value;
    if (fence >= highest) return true;
    this.#options.log.warn({ type, fence, highest }, 'asked for by an older session: passed over');
    return false;
  }

  #end(ending: Ending): Ending {
    this.#takeBackGreeting();
    this.#heartbeat?.stop();
    this.#over.abort();
    if (this.#isOpen) this.#options.orders.disconnected();
    this.#isOpen = false;
    return ending;
  }
}
