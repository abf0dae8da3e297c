// The authority of the cluster, as whoever enrols hosts hands it on. It is no secret: every server
// shows it to whoever connects.

import { Type } from 'typebox';
import type { Authority } from '../../authority/authority.js';
import { type Route, read } from '../route.js';

export const ClusterAuthority = Type.Object({
  certificate: Type.String({ description: 'In PEM.' }),
  pin: Type.String({ description: 'By which a new agent knows it: `sha256:…`.' }),
});

export function authorityRoutes(authority: Authority): readonly Route[] {
  return [
    read({
      method: 'GET',
      path: '/api/v1/authority',
      summary: 'What the certificates of servers and agents are from.',
      permission: 'known',
      answer: ClusterAuthority,
      async handle() {
        return { certificate: authority.certificate, pin: await authority.pin() };
      },
    }),
  ];
}
