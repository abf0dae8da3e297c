// What people change of a host: its labels and notes.

import { HalflapError } from '@halflap/protocol';
import { Type } from 'typebox';
import type { Api } from '../app.js';
import { isWithin } from '../caller.js';
import { HOST_COLUMNS, Host, type HostRow, hostOf } from '../host-shapes.js';
import { Labels } from '../labels.js';
import { act, bodyOf, found, type Route } from '../route.js';
import { id, nullable } from '../shapes.js';

export function hostChangeRoutes(api: Api): readonly Route[] {
  return [
    act({
      method: 'PATCH',
      path: '/api/v1/hosts/:id',
      summary: 'Changes labels and notes of a host; labels as a whole.',
      permission: 'hosts:write',
      params: { id: id() },
      body: bodyOf({
        labels: Type.Optional(Labels),
        notes: Type.Optional(nullable(Type.String({ maxLength: 8192 }))),
      }),
      answer: Host,
      audit: {
        act: 'host.update',
        on: ({ params }) => `host ${params.id}`,
        detail: ({ body }) => body,
      },
      handle: ({ params, body, scope }) =>
        api.store.withHost(params.id, async (client) => {
          const { rows } = await client.query<HostRow>(
            `select ${HOST_COLUMNS} from hosts h where h.id = $1 for update`,
            [params.id],
          );
          const [row] = rows;
          const isSeen = row !== undefined && isWithin(scope, row.labels);
          const host = found(isSeen ? row : undefined, `host ${params.id}`);
          const labels = body.labels ?? host.labels;
          const notes = body.notes === undefined ? host.notes : body.notes;
          // Who has some hosts must neither push one away nor draw one to himself.
          if (!isWithin(scope, labels)) throw outOfScope();
          await client.query('update hosts set labels = $2, notes = $3 where id = $1', [
            ...[params.id, JSON.stringify(labels), notes],
          ]);
          return hostOf({ ...host, labels, notes });
        }),
    }),
  ];
}

function outOfScope(): HalflapError {
  return new HalflapError('API_FORBIDDEN', 'with these labels the host is none of yours any more', {
    hint: 'keep the labels by which your role is for this host',
  });
}
