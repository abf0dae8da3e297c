// The API as a value: routes, what validates and documents them, and what every answer has. It
// listens on no port until somebody asks it to.

import cookie from '@fastify/cookie';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import { HalflapError } from '@halflap/protocol';
import type { FastifyError, FastifyInstance } from 'fastify';
import { createIdentify, type Identify } from '../access/identify.js';
import type { BusState } from '../bus/bus.js';
import { createPulse, type Pulse } from '../store/pulse.js';
import type { Log, Store } from '../store/store.js';
import { sendPage, serveConsole } from './console-files.js';
import { openApi } from './document.js';
import { openHttp } from './http.js';
import { createMetrics, type Metrics } from './metrics.js';
import { serveRoute } from './perform.js';
import { PROBLEM_TYPE, problemOf } from './problem.js';
import type { Route } from './route.js';
import { apiTokenRoutes } from './routes/api-tokens.js';
import { auditRoutes } from './routes/audit.js';
import { enrolmentTokenRoutes } from './routes/enrolment-tokens.js';
import { healthRoutes } from './routes/health.js';
import { hostChangeRoutes } from './routes/host-changes.js';
import { hostJobRoutes } from './routes/host-jobs.js';
import { hostRoutes } from './routes/hosts.js';
import { nameRoutes } from './routes/names.js';
import { oidcRoutes } from './routes/oidc.js';
import { sessionRoutes } from './routes/session.js';
import { signInRoutes } from './routes/sign-in.js';
import { userRoutes } from './routes/users.js';
import { type ApiSettings, DEFAULT_SETTINGS } from './settings.js';

export type Clock = () => Date;

export interface ApiOptions {
  readonly store: Store;
  readonly log: Log;
  readonly clock: Clock;
  readonly settings?: Partial<ApiSettings>;
  /** How the bus of this server stands; absent where it has none. */
  readonly bus?: () => BusState;
  /** The release of this server, by which a page of another one knows that it is one. */
  readonly release: string;
  /** The directory of the console's files; undefined: this server serves none. */
  readonly console?: string | undefined;
  /** Of other parts of the server. */
  readonly routes?: readonly Route[];
}

/** What every route works with. */
export interface Api {
  readonly store: Store;
  readonly log: Log;
  readonly clock: Clock;
  readonly settings: ApiSettings;
  readonly metrics: Metrics;
  readonly identify: Identify;
  readonly pulse: Pulse;
  readonly bus?: () => BusState;
  /** Ends when the server does: live views would keep it from ending. */
  readonly stopping: AbortSignal;
}

/** The app, ready for `inject` or `listen`; `close` it. */
export async function createApi(options: ApiOptions): Promise<FastifyInstance> {
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const stopping = new AbortController();
  const api: Api = {
    ...{ ...options, settings, stopping: stopping.signal },
    identify: createIdentify({ ...options, settings }),
    metrics: createMetrics(options.store, settings.shardMs),
    pulse: createPulse(options.store.shards, () => performance.now()),
  };
  const app = openHttp(settings);
  app.addHook('preClose', async () => stopping.abort());
  app.addHook('onClose', () => api.pulse.close());
  answerErrors(app, api, options.console !== undefined);
  guard(app, api, options.release);
  await app.register(cookie);
  await app.register(rateLimit, {
    max: settings.requestsPerMinute,
    timeWindow: '1 minute',
    errorResponseBuilder: (_request, { ttl }) => tooMany(Math.ceil(ttl / 1000)),
  });
  await app.register(swagger, openApi());
  if (options.console !== undefined) await serveConsole(app, options.console);
  const routes = allRoutes(api, options.routes ?? [], app);
  for (const route of routes) serveRoute(app, api, route);
  await app.ready();
  return app;
}

/** Every route that is served, in the order of the document. */
function allRoutes(api: Api, others: readonly Route[], app: FastifyInstance): readonly Route[] {
  return [
    ...healthRoutes(api, () => app.swagger()),
    ...signInRoutes(api),
    ...sessionRoutes(api),
    ...oidcRoutes(api),
    ...hostRoutes(api),
    ...hostChangeRoutes(api),
    ...hostJobRoutes(api),
    ...nameRoutes(api),
    ...enrolmentTokenRoutes(api),
    ...apiTokenRoutes(api),
    ...userRoutes(api),
    ...auditRoutes(api),
    ...others,
  ];
}

function answerErrors(app: FastifyInstance, api: Api, hasConsole: boolean): void {
  app.setNotFoundHandler((request, reply) => {
    if (hasConsole && sendPage(request, reply)) return reply;
    throw new HalflapError('API_NOT_FOUND', 'there is no such address', {
      hint: '/api/v1/openapi.json lists what there is',
    });
  });
  app.setErrorHandler((error: FastifyError | HalflapError, request, reply) => {
    const { problem, retryAfterSeconds } = problemOf(error, request.id);
    if (problem.status >= 500) {
      const detail = { request: request.id, route: request.routeOptions.url, error };
      api.log[problem.code === 'INTERNAL_DEFECT' ? 'error' : 'warn'](detail, 'a request failed');
    }
    if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
    // As text, so that no shape of the route's answers is asked.
    return reply
      .code(problem.status)
      .type(PROBLEM_TYPE)
      .serializer((body: string) => body)
      .send(JSON.stringify(problem));
  });
}

/** What every answer has, whatever it answers. */
function guard(app: FastifyInstance, api: Api, release: string): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'x-request-id': request.id,
      'halflap-release': release,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    if (api.settings.tls !== undefined) {
      reply.header('strict-transport-security', 'max-age=31536000');
    }
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const { statusCode: status } = reply;
    api.metrics.answered({ method: request.method, route, status }, reply.elapsedTime / 1000);
    api.log.debug(
      { request: request.id, method: request.method, route, status, ms: reply.elapsedTime },
      'answered a request',
    );
  });
}

function tooMany(seconds: number): HalflapError {
  return new HalflapError('API_TOO_MANY', 'too many requests came from your address', {
    detail: { retryAfterSeconds: Math.max(1, seconds) },
    hint: 'wait as long as Retry-After says; ask for larger pages',
  });
}
