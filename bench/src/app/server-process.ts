// One server of the cluster in a process of its own.

import { type ServerOptions, type ServerPace, type StoreShard, startServer } from '@halflap/server';
import { serveParent } from './child.js';

export interface ServerProcessOptions {
  readonly name: string;
  readonly shards: readonly StoreShard[];
  readonly secretHex: string;
  readonly pace: Partial<ServerPace>;
  /** The directory of the console's files; default: it serves none. */
  readonly console?: string;
  /** Default: any that are free. */
  readonly ports?: { readonly api: number; readonly agents: number };
}

export interface ServerReady {
  /** Where the API is. */
  readonly address: string;
  readonly agentsPort: number;
  /** In PEM. */
  readonly authority: string;
}

export interface ServerUsage {
  /** Of the process so far. */
  readonly cpuMs: number;
  /** After a collection of garbage. */
  readonly rssBytes: number;
  readonly sessions: number;
}

/** The benchmark comes from one address, more often than any person may. */
const REQUESTS_PER_MINUTE = 1_000_000;

const silent = () => {};
const say = (detail: object, message: string) => console.error(message, detail);
const LOG: ServerOptions['log'] = { debug: silent, info: silent, warn: silent, error: say };

await serveParent(async (options: ServerProcessOptions) => {
  const { name, shards, secretHex, pace, ports, console: files } = options;
  const server = await startServer({
    ...(files === undefined ? {} : { console: files }),
    ...{ name, version: 'bench', shards, pace, log: LOG },
    secret: Buffer.from(secretHex, 'hex'),
    listen: { host: '127.0.0.1', port: ports?.api ?? 0 },
    agents: { host: '127.0.0.1', port: ports?.agents ?? 0 },
    names: ['127.0.0.1'],
    api: { requestsPerMinute: REQUESTS_PER_MINUTE },
  });
  const { address, agents, authority } = server;
  const ready: ServerReady = { address, agentsPort: agents.port, authority };
  const usage = async (): Promise<ServerUsage> => {
    globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    const rssBytes = process.memoryUsage.rss();
    return { cpuMs: (user + system) / 1000, rssBytes, sessions: agents.sessions.size };
  };
  return { ready, duties: { usage } };
});
