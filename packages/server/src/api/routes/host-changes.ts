// What people change of a host: its labels and notes, and whether it belongs to the cluster.

import { HalflapError } from '@halflap/protocol';
import { Type } from 'typebox';
import { approveHost, removeHost, revokeHost } from '../../access/host-standing.js';
import type { Api } from '../app.js';
import { isWithin } from '../caller.js';
import { HOST_COLUMNS, Host, type HostRow, hostOf } from '../host-shapes.js';
import { Labels } from '../labels.js';
import { act, bodyOf, found, type Route } from '../route.js';
import { id, name, nullable } from '../shapes.js';

export function hostChangeRoutes(api: Api): readonly Route[] {
  return [editHost(api), approve(api), revoke(api), remove(api)];
}

function editHost(api: Api): Route {
  return act({
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
      on: onHost,
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
  });
}

const onHost = ({ params }: { readonly params: { readonly id: string } }) => `host ${params.id}`;

function approve({ store }: Api): Route {
  return act({
    method: 'POST',
    path: '/api/v1/hosts/:id/approve',
    summary: 'Lets a host in that waits for it.',
    permission: 'hosts:write',
    params: { id: id() },
    answer: null,
    audit: { act: 'host.approve', on: onHost },
    async handle({ params, scope, caller }) {
      const by = caller.name;
      await store.withHost(params.id, (client) => approveHost(client, params.id, { scope, by }));
      return undefined;
    },
  });
}

function revoke({ store }: Api): Route {
  return act({
    method: 'POST',
    path: '/api/v1/hosts/:id/revoke',
    summary: 'Shuts a host out with all its certificates; its agent would have to enrol anew.',
    permission: 'hosts:write',
    params: { id: id() },
    body: bodyOf({ because: name() }),
    answer: null,
    audit: { act: 'host.revoke', on: onHost, detail: ({ body }) => body },
    async handle({ params, body, scope, caller }) {
      const how = { scope, by: caller.name, because: body.because };
      await store.withHost(params.id, (client) => revokeHost(client, params.id, how));
      return undefined;
    },
  });
}

function remove({ store }: Api): Route {
  return act({
    method: 'DELETE',
    path: '/api/v1/hosts/:id',
    summary: 'Forgets a host that was revoked, and all that it told.',
    permission: 'hosts:write',
    params: { id: id() },
    answer: null,
    audit: { act: 'host.delete', on: onHost },
    async handle({ params, scope }) {
      await store.withHost(params.id, (client) => removeHost(client, params.id, scope));
      return undefined;
    },
  });
}

function outOfScope(): HalflapError {
  return new HalflapError('API_FORBIDDEN', 'with these labels the host is none of yours any more', {
    hint: 'keep the labels by which your role is for this host',
  });
}
