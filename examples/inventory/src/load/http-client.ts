// One request to a server of the inventory, and what its answer tells from outside.

import { Agent, request as httpRequest } from 'node:http';
import type { Json } from './dialect.js';

export interface Reply {
  readonly status: number;
  readonly body: Json;
  /** Which release answered, on which shards, in which mode, with how many statements. */
  readonly release: string;
  readonly tally: readonly Work[];
}

export interface Work {
  readonly shard: string;
  readonly mode: string;
  readonly statements: number;
}

/** Connections are kept; a server that was drained has none in use when it goes. */
const agent = new Agent({ keepAlive: true });

/** Longer than any pause that the demonstration would let pass. */
const TIMEOUT_MS = 20_000;

/** @throws Error when no whole answer came: broken connection, no JSON, or no answer in time. */
export function ask(port: number, method: string, path: string, body?: Json): Promise<Reply> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, agent, timeout: TIMEOUT_MS },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          try {
            resolve({
              status: response.statusCode ?? 0,
              body: parse(Buffer.concat(chunks).toString()),
              release: String(response.headers['x-inventory-release'] ?? ''),
              tally: readTally(String(response.headers['x-inventory-tally'] ?? '')),
            });
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)));
    request.on('error', reject);
    request.end(payload);
  });
}

export function closeConnections(): void {
  agent.destroy();
}

function parse(text: string): Json {
  return text === '' ? {} : JSON.parse(text);
}

function readTally(header: string): Work[] {
  return header
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const [shard = '', mode = '', statements = '0'] = part.split('/');
      return { shard, mode, statements: Number(statements) };
    });
}
