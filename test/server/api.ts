// The API of a test, on a real store: who asks it, and hosts to ask about.

import { randomUUID } from 'node:crypto';
import {
  bucketOf,
  createApi,
  makeApiToken,
  makeUser,
  parseSelector,
  type Role,
  type Store,
  writeGrants,
} from '@halflap/server';
import { SILENT, type TestStore } from './store.js';

export interface TestApi {
  readonly app: Awaited<ReturnType<typeof createApi>>;
  /** Asks with an API token of this role, `none` for a token without any, null for nobody. */
  as(role: Role | 'none' | null, selector?: string): Asking;
  /** Asks with these headers and no others. */
  readonly ask: Asking;
}

export type Asking = (
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE',
  url: string,
  rest?: { readonly payload?: object | string; readonly headers?: Record<string, string> },
) => Promise<Answer>;

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly text: string;
  /** The parsed body. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  readonly body: any;
}

export async function openTestApi(
  test: Pick<TestStore, 'store'>,
  options: Partial<Parameters<typeof createApi>[0]> = {},
): Promise<TestApi> {
  const clock = () => new Date();
  const app = await createApi({
    ...{ store: test.store, log: SILENT, clock, release: '0.0.0' },
    ...options,
  });
  const ask: Asking = async (method, url, rest = {}) => {
    const answer = await app.inject({ method, url, ...rest });
    const isJson = /json/.test(String(answer.headers['content-type'])) && answer.body !== '';
    const body = isJson ? answer.json() : null;
    return { status: answer.statusCode, headers: answer.headers, text: answer.body, body };
  };
  const tokens = new Map<string, Promise<string>>();
  const as: TestApi['as'] =
    (role, selector) =>
    async (method, url, rest = {}) => {
      if (role === null) return ask(method, url, rest);
      const key = `${role} ${selector}`;
      const token = await (tokens.get(key) ?? makeToken(test.store, role, selector));
      tokens.set(key, Promise.resolve(token));
      const headers = { authorization: `Bearer ${token}`, ...rest.headers };
      return ask(method, url, { ...rest, headers });
    };
  return { app, as, ask };
}

/** A token of a user of its own, who may do everything and gives it one role. */
export function makeToken(store: Store, role: Role | 'none', selector?: string): Promise<string> {
  return store.home.transaction(async (client) => {
    const name = `owner-${randomUUID()}`;
    const userId = await makeUser(client, { name, passwordHash: null });
    const all = [{ role: 'admin', selector: null }] as const;
    await writeGrants(client, { user: userId }, all);
    const hosts = selector === undefined ? null : parseSelector(selector, 'selector');
    const grants = role === 'none' ? [] : [{ role, selector: hosts }];
    const asked = { name: 'test', grants, expiresInSeconds: 3600 };
    return (await makeApiToken(client, { userId, name, grants: all }, asked)).secret;
  });
}

export interface TestHost {
  readonly id?: string;
  readonly hostname: string;
  readonly labels?: Record<string, string>;
  readonly upgradable?: number;
  readonly lastSeenAt?: string | null;
  readonly packages?: Record<string, string>;
  readonly services?: Record<string, string>;
}

/** Puts a host where it belongs, as an agent's report would. */
export async function addHost(store: Store, host: TestHost): Promise<string> {
  const id = host.id ?? randomUUID();
  const { hostname, labels = {}, upgradable = 0, lastSeenAt = null } = host;
  await store.withHost(id, async (client) => {
    await client.query(
      `insert into hosts (id, bucket, state, hostname, labels, packages_upgradable, last_seen_at,
         os_id, os_version, session_expires_at)
       values ($1, $2, 'active', $3, $4, $5, $6, 'debian', '13', now() + interval '1 hour')`,
      [id, bucketOf(id), hostname, JSON.stringify(labels), upgradable, lastSeenAt],
    );
    for (const [name, version] of Object.entries(host.packages ?? {})) {
      await client.query(
        `insert into host_packages (host_id, manager, name, architecture, version)
         values ($1, 'dpkg', $2, 'amd64', $3)`,
        [id, name, version],
      );
    }
    for (const [name, state] of Object.entries(host.services ?? {})) {
      await client.query(
        `insert into host_services
           (host_id, name, description, load_state, active_state, sub_state)
         values ($1, $2, 'a service', 'loaded', $3, 'running')`,
        [id, name, state],
      );
    }
  });
  return id;
}
