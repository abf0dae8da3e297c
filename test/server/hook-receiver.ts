// A receiver of hooks, as somebody would write one: it checks the signature, notes what it is told,
// and answers what a test says.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Told {
  readonly delivery: string;
  readonly event: string;
  readonly hook: string;
  readonly campaign: { readonly id: string; readonly state: string };
  readonly step: { readonly id: string; readonly attempt: number } | null;
}

interface Saying {
  readonly status: number;
  readonly reason?: string;
}

export class Receiver {
  readonly url: string;
  readonly told: Told[] = [];
  /** Those that were not signed by the secret. */
  forged = 0;
  /** One for each request, in their order; null: none at all. Afterwards: yes. */
  answers: (() => Promise<Saying | null>)[] = [];
  readonly #server: Server;
  readonly #secret: string;
  #waiting: (() => void)[] = [];

  constructor(server: Server, secret: string) {
    this.#server = server;
    this.#secret = secret;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => void this.#take(request, response));
  }

  /** Resolves when it holds, asked whenever something was told. */
  async until(holds: (receiver: this) => boolean): Promise<void> {
    while (!holds(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces).toString();
    if (!this.#isGenuine(String(request.headers['halflap-signature']), body)) this.forged += 1;
    this.told.push(JSON.parse(body));
    for (const resolve of this.#waiting.splice(0)) resolve();
    const answer = this.answers.shift();
    const says = answer === undefined ? { status: 204 } : await answer();
    if (says === null) return;
    const { status, reason }: Saying = says;
    response.writeHead(status, reason === undefined ? {} : { 'halflap-reason': reason }).end();
  }

  #isGenuine(header: string, body: string): boolean {
    const [, seconds, signature = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header) ?? [];
    const expected = createHmac('sha256', this.#secret).update(`${seconds}.${body}`).digest();
    return signature !== '' && timingSafeEqual(expected, Buffer.from(signature, 'hex'));
  }
}

/** On a port of this machine. */
export async function openReceiver(secret: string): Promise<Receiver> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new Receiver(server, secret);
}
