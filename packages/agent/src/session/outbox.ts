// What an agent has to say, in order, at the pace at which it is read: bounded in bytes by what the
// socket has not sent yet, and in messages by what a server reads of one agent.

import { WebSocket } from 'ws';
import type { Clock } from '../clock.js';

/** As much as a busy host says in some seconds; more would only be kept twice. */
const MAX_UNSENT_BYTES = 1024 * 1024;
/** Half of what a server allows, since both count by clocks of their own. */
const BURST = 1000;
const PER_TICK = 10;
const TICK_MS = 100;

interface Waiting {
  readonly text: string;
  readonly bytes: number;
  readonly resolve: (isSent: boolean) => void;
}

export class Outbox {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  #allowed = BURST;
  #isStopped = false;
  #takeBackTick: (() => void) | null = null;

  constructor(socket: WebSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  /** Resolves once it is handed to the socket: true; or cannot be any more: false. */
  send(text: string, bytes: number): Promise<boolean> {
    if (this.#isStopped) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#waiting.push({ text, bytes, resolve });
      this.#drain();
    });
  }

  /** Nothing is sent any more. Idempotent. */
  stop(): void {
    this.#isStopped = true;
    this.#takeBackTick?.();
    for (const { resolve } of this.#waiting.splice(0)) resolve(false);
  }

  readonly #drain = (): void => {
    if (this.#isStopped || this.#socket.readyState !== WebSocket.OPEN) return;
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || this.#allowed === 0 || !this.#fits(next.bytes)) return;
      this.#waiting.shift();
      this.#allowed -= 1;
      this.#tickLater();
      // Called when it has left the socket's buffer.
      this.#socket.send(next.text, this.#drain);
      next.resolve(true);
    }
  };

  #fits(bytes: number): boolean {
    const unsent = this.#socket.bufferedAmount;
    return unsent === 0 || unsent + bytes <= MAX_UNSENT_BYTES;
  }

  #tickLater(): void {
    this.#takeBackTick ??= this.#clock.after(TICK_MS, () => {
      this.#takeBackTick = null;
      this.#allowed = Math.min(BURST, this.#allowed + PER_TICK);
      if (this.#allowed < BURST) this.#tickLater();
      this.#drain();
    });
  }
}
