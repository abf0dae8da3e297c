// What holds for every connection and every request, whatever is asked: sizes and times after which
// a client is cut off, so that one who is slow or hostile takes nothing from the others.

import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import { HalflapError } from '@halflap/protocol';
import { type FastifyInstance, fastify } from 'fastify';
import { PROBLEM_TYPE, problemOf } from './problem.js';
import type { ApiSettings } from './settings.js';
import { invalidRequest } from './validate.js';

/** Without routes. */
export function openHttp(settings: ApiSettings): FastifyInstance {
  const server = {
    headersTimeout: settings.headersMs,
    // How often Node looks for connections that are too slow.
    connectionsCheckingInterval: Math.min(settings.headersMs, CHECK_MS),
  };
  const { tls } = settings;
  const app = fastify({
    ...(tls === undefined ? { http: server } : { https: { ...tls, ...server } }),
    bodyLimit: settings.bodyBytes,
    requestTimeout: settings.requestMs,
    connectionTimeout: 2 * settings.requestMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxRequestsPerSocket: 10_000,
    // A client's own id would let it write into the log.
    requestIdHeader: false,
    genReqId: () => crypto.randomUUID(),
    trustProxy: settings.proxies.length === 0 ? false : [...settings.proxies],
    return503OnClosing: true,
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 255 },
    schemaErrorFormatter: (errors, part) => invalidRequest(errors, part),
    clientErrorHandler(error, socket) {
      refuseMalformed(error, socket);
    },
  }) as unknown as FastifyInstance;
  app.setValidatorCompiler(TypeBoxValidatorCompiler as never);
  app.server.maxConnections = settings.connections;
  app.addHook('preClose', async () => closeIdle(app));
  return app;
}

/**
 * A connection whose request is answered while the end goes on is idle only then: it would be
 * waited for as long as it may be kept.
 */
function closeIdle({ server }: FastifyInstance): void {
  if (!server.listening) return;
  const timer = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  server.once('close', () => clearInterval(timer));
}

const IDLE_CHECK_MS = 50;

const CHECK_MS = 5000;
/** Above the idle time of usual balancers, so that they do not send into a closed connection. */
const KEEP_ALIVE_MS = 75_000;

/** What is no HTTP at all, or too slow, gets one answer and no connection. */
function refuseMalformed(
  error: Error & { code?: string },
  socket: { writable: boolean; end(text: string): void; destroy(): void },
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const isLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const refusal = new HalflapError(
    isLarge ? 'API_TOO_LARGE' : 'API_INVALID',
    isLarge ? 'the headers are longer than the server reads' : 'this is no request of HTTP/1.1',
    { hint: 'send an HTTP/1.1 request, at once' },
  );
  const { problem } = problemOf(refusal, crypto.randomUUID());
  const body = JSON.stringify(problem);
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${isLarge ? 'Content Too Large' : 'Bad Request'}`,
      `content-type: ${PROBLEM_TYPE}`,
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
