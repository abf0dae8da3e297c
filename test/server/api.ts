// The API of a test, on a real store; hosts to ask it about.

import { bucketOf, createApi, parseSelector, type Role, type Store } from '@halflap/server';
import { SILENT, type TestStore } from './store.js';

export interface TestApi {
  readonly app: Awaited<ReturnType<typeof createApi>>;
  /** Asks as somebody with this role. */
  as(role: Role | null, selector?: string): Asking;
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
  const app = await createApi({
    store: test.store,
    log: SILENT,
    clock: () => new Date(),
    identify: async ({ headers }) => {
      const [, role, selector = ''] =
        /^Bearer (\w+)(?: (.*))?$/.exec(headers.authorization ?? '') ?? [];
      if (role === undefined) return null;
      const grants =
        role === 'none'
          ? []
          : [
              {
                role: role as Role,
                selector: selector === '' ? null : parseSelector(selector, 'test'),
              },
            ];
      return { kind: 'user', id: role, name: role, grants };
    },
    ...options,
  });
  return {
    app,
    as:
      (role, selector) =>
      async (method, url, rest = {}) => {
        const known =
          role === null ? {} : { authorization: `Bearer ${role} ${selector ?? ''}`.trim() };
        const answer = await app.inject({
          method,
          url,
          ...(rest.payload === undefined ? {} : { payload: rest.payload }),
          headers: { ...known, ...rest.headers },
        });
        const isJson = /json/.test(String(answer.headers['content-type']));
        return {
          status: answer.statusCode,
          headers: answer.headers,
          text: answer.body,
          body: isJson && answer.body !== '' ? answer.json() : null,
        };
      },
  };
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
  const id = host.id ?? crypto.randomUUID();
  await store.withHost(id, async (client) => {
    await client.query(
      `insert into hosts (id, bucket, state, hostname, labels, packages_upgradable, last_seen_at,
         os_id, os_version, session_expires_at)
       values ($1, $2, 'active', $3, $4, $5, $6, 'debian', '13', now() + interval '1 hour')`,
      [
        id,
        bucketOf(id),
        host.hostname,
        JSON.stringify(host.labels ?? {}),
        host.upgradable ?? 0,
        host.lastSeenAt ?? null,
      ],
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
        `insert into host_services (host_id, name, description, load_state, active_state, sub_state)
         values ($1, $2, 'a service', 'loaded', $3, 'running')`,
        [id, name, state],
      );
    }
  });
  return id;
}
