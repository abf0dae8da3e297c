// Users and their roles.

import { type Static, Type } from 'typebox';
import {
  type GrantRow,
  GrantShapes,
  grantsColumn,
  readGrants,
  writeGrants,
} from '../../access/grants.js';
import { hashPassword, NewPassword } from '../../access/passwords.js';
import {
  changeUser,
  makeUser,
  removeUser,
  setGrants,
  setPassword,
  UserName,
} from '../../access/users.js';
import { askHome } from '../../store/home.js';
import type { Api } from '../app.js';
import { Conditions } from '../conditions.js';
import { homePage } from '../home-page.js';
import { isoOf } from '../host-shapes.js';
import { actAtHome, bodyOf, found, type Route, read } from '../route.js';
import { id, instant, name, nullable, oneOf, pageOf, paging } from '../shapes.js';

export const User = Type.Object({
  id: id(),
  name: Type.String(),
  displayName: nullable(Type.String()),
  email: nullable(Type.String()),
  state: oneOf(['active', 'disabled']),
  signsInBy: oneOf(['password', 'provider', 'nothing']),
  grants: GrantShapes,
  madeAt: instant(),
  signedInAt: nullable(instant()),
});

const Made = Type.Object({ id: id() });
const optionalName = () => Type.Optional(nullable(name()));

interface UserRow {
  readonly id: string;
  readonly name: string;
  readonly display_name: string | null;
  readonly email: string | null;
  readonly state: 'active' | 'disabled';
  readonly signs_in_by: 'password' | 'provider' | 'nothing';
  readonly grants: GrantRow[];
  readonly made_at: Date;
  readonly signed_in_at: Date | null;
}

const COLUMNS = `u.id, u.name, u.display_name, u.email, u.state, u.made_at, u.signed_in_at,
  case when u.issuer is not null then 'provider' when u.password_hash is not null then 'password'
    else 'nothing' end as signs_in_by,
  ${grantsColumn('g.user_id = u.id')} as grants`;

function userOf(row: UserRow): Static<typeof User> {
  return {
    ...{ id: row.id, name: row.name, displayName: row.display_name, email: row.email },
    ...{ state: row.state, signsInBy: row.signs_in_by, grants: row.grants },
    ...{ madeAt: row.made_at.toISOString(), signedInAt: isoOf(row.signed_in_at) },
  };
}

export function userRoutes(api: Api): readonly Route[] {
  return [listUsers(api), oneUser(api), createUser(), editUser(), ...accessOfUser(), deleteUser()];
}

function listUsers(api: Api): Route {
  return read({
    method: 'GET',
    path: '/api/v1/users',
    summary: 'Users, by name.',
    permission: 'users:read',
    query: paging,
    answer: pageOf(User),
    handle: ({ query }) =>
      homePage<UserRow, Static<typeof User>>(api, query, {
        ...{ columns: COLUMNS, from: 'users u', conditions: new Conditions() },
        ...{ key: 'u.name', keyType: 'text', direction: 'asc', item: userOf },
      }),
  });
}

function oneUser(api: Api): Route {
  return read({
    method: 'GET',
    path: '/api/v1/users/:id',
    summary: 'One user.',
    permission: 'users:read',
    params: { id: id() },
    answer: User,
    async handle({ params }) {
      const sql = `select ${COLUMNS} from users u where u.id = $1`;
      const [row] = await askHome<UserRow>(api.store, sql, [params.id]);
      return userOf(found(row, `user ${params.id}`));
    },
  });
}

const NewUser = bodyOf({
  name: UserName,
  displayName: optionalName(),
  email: optionalName(),
  password: Type.Optional(NewPassword),
  grants: GrantShapes,
});

function createUser(): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/users',
    summary: 'Makes a user.',
    permission: 'users:write',
    body: NewUser,
    status: 201,
    answer: Made,
    audit: {
      act: 'user.create',
      on: ({ body }) => `user ${body.name.toLowerCase()}`,
      detail: ({ body }) => ({ grants: body.grants }),
    },
    async handle({ body }, client) {
      const { password, grants, ...user } = body;
      const passwordHash = password === undefined ? null : await hashPassword(password);
      const made = await makeUser(client, { ...user, passwordHash });
      await writeGrants(client, { user: made }, readGrants(grants));
      return { id: made };
    },
  });
}

const onUser = ({ params }: { readonly params: { readonly id: string } }) => `user ${params.id}`;

function editUser(): Route {
  return actAtHome({
    method: 'PATCH',
    path: '/api/v1/users/:id',
    summary: 'Changes a user; disabling one ends his sessions and tokens at once.',
    permission: 'users:write',
    params: { id: id() },
    body: bodyOf({
      displayName: optionalName(),
      email: optionalName(),
      state: Type.Optional(oneOf(['active', 'disabled'])),
    }),
    answer: null,
    audit: { act: 'user.update', on: onUser, detail: ({ body }) => body },
    async handle({ params, body }, client) {
      await changeUser(client, params.id, body);
      return undefined;
    },
  });
}

function accessOfUser(): readonly Route[] {
  return [
    actAtHome({
      method: 'PUT',
      path: '/api/v1/users/:id/grants',
      summary: 'Puts roles in the place of those that a user has, but for those of his groups.',
      permission: 'users:write',
      params: { id: id() },
      body: bodyOf({ grants: GrantShapes }),
      answer: null,
      audit: { act: 'user.grants', on: onUser, detail: ({ body }) => body },
      async handle({ params, body }, client) {
        await setGrants(client, params.id, readGrants(body.grants));
        return undefined;
      },
    }),
    actAtHome({
      method: 'PUT',
      path: '/api/v1/users/:id/password',
      summary: 'Sets a new password for a user, and ends his sessions.',
      permission: 'users:write',
      params: { id: id() },
      body: bodyOf({ password: NewPassword }),
      answer: null,
      audit: { act: 'user.password', on: onUser },
      async handle({ params, body }, client) {
        await setPassword(client, params.id, await hashPassword(body.password));
        return undefined;
      },
    }),
  ];
}

function deleteUser(): Route {
  return actAtHome({
    method: 'DELETE',
    path: '/api/v1/users/:id',
    summary: 'Removes a user with his sessions and API tokens.',
    permission: 'users:write',
    params: { id: id() },
    answer: null,
    audit: { act: 'user.delete', on: onUser },
    async handle({ params }, client) {
      await removeUser(client, params.id);
      return undefined;
    },
  });
}
