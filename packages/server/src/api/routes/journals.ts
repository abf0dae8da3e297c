// The journal of a service on one host, asked of the host itself.

import { type Static, Type } from 'typebox';
import type { Journals } from '../../agents/journals.js';
import type { Store } from '../../store/store.js';
import { isWithin } from '../caller.js';
import { found, type Route, read } from '../route.js';
import { id, name } from '../shapes.js';

export const ServiceJournal = Type.Object({
  lines: Type.Array(Type.String(), { description: 'The oldest first.' }),
});
export type ServiceJournal = Static<typeof ServiceJournal>;

const MOST_LINES = 1000;
const LINES = 100;

/** @see journals.ts of the agents' side. */
export function journalRoutes(store: Store, journals: Journals): readonly Route[] {
  return [
    read({
      method: 'GET',
      path: '/api/v1/hosts/:id/services/:service/journal',
      summary: 'The last lines that a service has logged, as its host tells them now.',
      // A log may hold what only those should see who could as well run a command there.
      permission: 'jobs:run',
      params: { id: id(), service: name() },
      query: {
        lines: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST_LINES, default: LINES })),
      },
      answer: ServiceJournal,
      async handle({ params, query, scope }) {
        const [row] = await store.readHost<{ labels: Record<string, string> }>(
          params.id,
          'select labels from hosts where id = $1',
          [params.id],
        );
        const host = row !== undefined && isWithin(scope, row.labels) ? row : undefined;
        found(host, `host ${params.id}`);
        const { lines = LINES } = query;
        const told = await journals.read({ host: params.id, service: params.service, lines });
        return { lines: [...told] };
      },
    }),
  ];
}
