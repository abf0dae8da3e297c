// What an act leaves in the audit log: with the act itself where that is on the home shard.

import type { FastifyRequest } from 'fastify';
import type { ClientBase } from 'pg';
import { appendAudit, type Outcome } from '../audit/chain.js';
import { atHome } from '../store/home.js';
import type { Api } from './app.js';
import { type Caller, NOBODY } from './caller.js';
import { asHalflapError } from './problem.js';
import type { Asked, Route } from './route.js';

export interface Act {
  readonly request: FastifyRequest;
  readonly caller?: Caller;
  readonly act: string;
  readonly target: string;
  readonly outcome: Outcome;
  readonly detail?: object;
}

/** Last in a transaction of the home shard. The log of the server gets the head, too. */
export async function noteAct(api: Pick<Api, 'log'>, client: ClientBase, act: Act): Promise<void> {
  const { request, caller = NOBODY, detail = {}, target, outcome } = act;
  const { number, hash } = await appendAudit(client, {
    ...{ actor: caller.name, actorId: caller.userId ?? '', address: request.ip },
    ...{ request: request.id, act: act.act, target, outcome, detail },
  });
  api.log.info(
    {
      audit: number,
      hash: hash.toString('hex'),
      actor: caller.name,
      act: act.act,
      target,
      outcome,
    },
    'wrote the audit log',
  );
}

/** The same of a declared act. Does nothing for a route that is not audited. */
export async function noteRoute(
  api: Pick<Api, 'log'>,
  client: ClientBase,
  { route, asked }: { readonly route: Route; readonly asked: Asked },
  { outcome, error }: { readonly outcome: Outcome; readonly error?: unknown },
): Promise<void> {
  const { audit } = route;
  if (audit === null) return;
  const { request, caller } = asked;
  const detail = {
    ...audit.detail?.(asked),
    ...(error === undefined ? {} : { error: asHalflapError(error).code }),
  };
  await noteAct(api, client, {
    ...{ request, caller, act: audit.act, target: audit.on(asked), outcome, detail },
  });
}

/** Writes that somebody tried what his roles do not allow. */
export async function noteForbidden(
  api: Pick<Api, 'log' | 'store'>,
  { audit }: Route,
  request: FastifyRequest,
  caller: Caller,
): Promise<void> {
  if (audit === null) return;
  // Its body was not read, so the address is all there is to say what it was about.
  const target = request.url.split('?')[0] ?? '';
  const detail = { error: 'API_FORBIDDEN' };
  const act: Act = { request, caller, act: audit.act, target, outcome: 'refused', detail };
  await atHome(api.store, (client) => noteAct(api, client, act));
}

/** Writes that an act was refused, or failed. What keeps it from being written is logged. */
export async function noteFailure(
  api: Pick<Api, 'log' | 'store'>,
  route: Route,
  asked: Asked,
  error: unknown,
): Promise<void> {
  if (route.audit === null) return;
  const { code, status } = asHalflapError(error);
  if (code === 'STORE_UNAVAILABLE') return;
  const outcome = status < 500 ? 'refused' : 'failed';
  try {
    await atHome(api.store, (client) =>
      noteRoute(api, client, { route, asked }, { outcome, error }),
    );
  } catch (cause) {
    api.log.error({ act: route.audit.act, error: cause }, 'could not write the audit log');
  }
}
