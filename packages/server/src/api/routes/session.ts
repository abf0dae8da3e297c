// Who is signed in, and how one signs in and out: by password, or as the very first user.
//
// These routes audit themselves: who asks is known only at their end, and an attempt that fails is
// written, too.

import { HalflapError } from '@halflap/protocol';
import { type Static, Type } from 'typebox';
import { countAttempt, forgetAttempts } from '../../access/attempts.js';
import { GrantShapes, writeGrants } from '../../access/grants.js';
import { hashPassword, isPassword, NewPassword, TriedPassword } from '../../access/passwords.js';
import { beginSession, endSession, giveCookie, takeCookie } from '../../access/sessions.js';
import { useSetupToken } from '../../access/setup.js';
import { makeUser, setPassword, UserName } from '../../access/users.js';
import { askHome, atHome } from '../../store/home.js';
import type { Api } from '../app.js';
import { noteAct } from '../audited.js';
import { selectorText } from '../labels.js';
import { type Asked, actAlone, actAtHome, bodyOf, type Route, read } from '../route.js';
import { nullable } from '../shapes.js';

export const Who = Type.Object({
  kind: Type.String({ description: '`user`, or `token` for an API token.' }),
  name: Type.String(),
  userId: nullable(Type.String()),
  grants: GrantShapes,
  csrfToken: nullable(
    Type.String({ description: 'With a cookie: what acts send back as `x-csrf-token`.' }),
  ),
});

const SignIn = bodyOf({ name: UserName, password: TriedPassword });
const SetUp = bodyOf({
  token: Type.String({ maxLength: 100, description: 'That the server printed when it started.' }),
  name: UserName,
  password: NewPassword,
});
const OwnPassword = bodyOf({ old: TriedPassword, new: NewPassword });
export const Begun = Type.Object({ csrfToken: Type.String() });

export function sessionRoutes(api: Api): readonly Route[] {
  return [whoami(), signIn(api), signOut(), setUp(api), changeOwnPassword(api)];
}

function whoami(): Route {
  return read({
    method: 'GET',
    path: '/api/v1/session',
    summary: 'Who asks, and with which roles.',
    permission: 'known',
    answer: Who,
    async handle({ caller: { kind, name, userId, grants, csrfToken } }) {
      const shown = grants.map(({ role, selector }) => ({
        role,
        selector: selector === null ? null : selectorText(selector),
      }));
      return { kind, name, userId, grants: shown, csrfToken };
    },
  });
}

function signIn(api: Api): Route {
  return actAlone({
    method: 'POST',
    path: '/api/v1/session',
    summary: 'Signs in by name and password; answers with a cookie.',
    permission: 'anyone',
    body: SignIn,
    status: 201,
    answer: Begun,
    async handle({ body, request, reply }) {
      const name = body.name.toLowerCase();
      await countAttempt(api.store, { user: name, address: request.ip });
      const user = await checkPassword(api, name, body.password);
      const { sessionSeconds: seconds } = api.settings;
      const note = { request, act: 'session.begin', target: `user ${name}` };
      if (user === null) {
        api.metrics.signIns.inc({ outcome: 'refused' });
        await atHome(api.store, (client) => noteAct(api, client, { ...note, outcome: 'refused' }));
        throw wrongPassword();
      }
      const begun = await atHome(api.store, async (client) => {
        const session = await beginSession(client, user, { request, seconds });
        await noteAct(api, client, { ...note, outcome: 'done' });
        return session;
      });
      await forgetAttempts(api.store, name);
      api.metrics.signIns.inc({ outcome: 'done' });
      giveCookie(reply, begun.secret, seconds);
      return { csrfToken: begun.csrfToken };
    },
  });
}

/** @returns the id of the active user whose password it is. */
async function checkPassword(api: Api, name: string, tried: string): Promise<string | null> {
  const [row] = await askHome<{ id: string; password_hash: string | null }>(
    api.store,
    `select id, password_hash from users where name = $1 and state = 'active'`,
    [name],
  );
  const isRight = await isPassword(row?.password_hash ?? null, tried);
  return isRight ? (row?.id ?? null) : null;
}

function wrongPassword(): HalflapError {
  return new HalflapError('API_UNAUTHENTICATED', 'no such user, or another password', {
    hint: 'try again; an administrator can set a new password',
  });
}

function signOut(): Route {
  return actAtHome({
    method: 'DELETE',
    path: '/api/v1/session',
    summary: 'Signs out.',
    permission: 'known',
    answer: null,
    audit: { act: 'session.end', on: () => 'own session' },
    async handle({ request, reply }, client) {
      await endSession(client, request);
      takeCookie(reply);
      return undefined;
    },
  });
}

function setUp(api: Api): Route {
  return actAlone({
    method: 'POST',
    path: '/api/v1/setup',
    summary: 'Makes the first user, an administrator, and signs him in.',
    permission: 'anyone',
    body: SetUp,
    status: 201,
    answer: Begun,
    async handle({ body, request, reply }: Asked<unknown, unknown, Static<typeof SetUp>>) {
      await countAttempt(api.store, { user: null, address: request.ip });
      const passwordHash = await hashPassword(body.password);
      const { sessionSeconds: seconds } = api.settings;
      const begun = await atHome(api.store, async (client) => {
        await useSetupToken(client, body.token);
        const user = await makeUser(client, { name: body.name, passwordHash });
        await writeGrants(client, { user }, [{ role: 'admin', selector: null }]);
        const session = await beginSession(client, user, { request, seconds });
        const target = `user ${body.name.toLowerCase()}`;
        await noteAct(api, client, { request, act: 'user.setup', target, outcome: 'done' });
        return session;
      });
      giveCookie(reply, begun.secret, seconds);
      return { csrfToken: begun.csrfToken };
    },
  });
}

function changeOwnPassword(api: Api): Route {
  return actAlone({
    method: 'PUT',
    path: '/api/v1/session/password',
    summary: 'Changes one’s own password, and ends all one’s sessions.',
    permission: 'known',
    body: OwnPassword,
    answer: null,
    async handle({ body, caller, request }) {
      const name = caller.name;
      if (caller.kind !== 'user') throw wrongPassword();
      await countAttempt(api.store, { user: name, address: request.ip });
      if ((await checkPassword(api, name, body.old)) === null) throw wrongPassword();
      const hash = await hashPassword(body.new);
      await atHome(api.store, async (client) => {
        await setPassword(client, caller.id, hash);
        const note = { act: 'user.password', target: `user ${name}`, outcome: 'done' } as const;
        await noteAct(api, client, { request, caller, ...note });
      });
      await forgetAttempts(api.store, name);
      return undefined;
    },
  });
}
