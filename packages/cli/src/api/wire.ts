// One request over HTTP or HTTPS, and the beginning of its answer.
//
// Node's own fetch takes no private authority but by an environment variable that is read when the
// process starts; so this is node:https. Redirects are not followed: a token is for one server.

import { Agent, type IncomingHttpHeaders, type IncomingMessage, request as plain } from 'node:http';
import { Agent as SecureAgent, request as secure } from 'node:https';

export interface WireRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the request, and what is read of its answer. */
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** No answer, or half of one. */
export interface Lost {
  readonly error: Error & { readonly code?: string };
  /** Whether the server may have read the request. */
  readonly wasSent: boolean;
}

export interface Wire {
  /** The answer as a whole. Never rejects. */
  exchange(request: WireRequest): Promise<Answer | Lost>;
  /** The beginning of an answer, whose body the caller reads. Never rejects. */
  open(request: WireRequest): Promise<IncomingMessage | Lost>;
  close(): void;
}

/** Far beyond any page; what is longer is not of our server. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Longer than a server takes for an answer, whatever its settings. */
const ANSWER_MS = 60_000;

/** @param ca what a server's certificate is trusted by, in place of the authorities of Node */
export function createWire(ca: string | undefined): Wire {
  const options = { keepAlive: true, maxSockets: 8 };
  const agent = new Agent(options);
  const secureAgent = new SecureAgent(ca === undefined ? options : { ...options, ca });
  const open = ({ method, url, headers, body, signal }: WireRequest) =>
    new Promise<IncomingMessage | Lost>((resolve) => {
      const isSecure = url.protocol === 'https:';
      const settings = { method, headers, signal, agent: isSecure ? secureAgent : agent };
      const request = isSecure ? secure(url, settings) : plain(url, settings);
      let wasSent = false;
      request.once('socket', (socket) => {
        // A connection that is used again is open already.
        const sent = () => {
          wasSent = true;
        };
        if (socket.connecting) socket.once(isSecure ? 'secureConnect' : 'connect', sent);
        else sent();
      });
      request.once('response', resolve);
      request.once('error', (error) => resolve({ error, wasSent }));
      request.end(body);
    });
  return {
    open,
    async exchange(request) {
      const late = AbortSignal.timeout(ANSWER_MS);
      const signal = AbortSignal.any([request.signal, late]);
      const response = await open({ ...request, signal });
      if ('error' in response) return response;
      try {
        const text = await textOf(response);
        return { status: response.statusCode ?? 0, headers: response.headers, text };
      } catch (error) {
        return { error: error as Error, wasSent: true };
      }
    },
    close() {
      agent.destroy();
      secureAgent.destroy();
    },
  };
}

/** Rejects when the connection breaks, or when there is no end to it. */
export async function textOf(response: IncomingMessage, mostBytes = MAX_BYTES): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > mostBytes) throw new Error(`the answer is longer than ${mostBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
