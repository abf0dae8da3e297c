// A provider of OpenID Connect for tests: a real one, which lets in whoever is named.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** What is used of it; the package has no types of its own. */
interface Provider {
  callback(): (request: IncomingMessage, response: ServerResponse) => void;
  interactionFinished(
    request: IncomingMessage,
    response: ServerResponse,
    result: object,
  ): Promise<void>;
  readonly Grant: new (
    of: object,
  ) => { addOIDCScope(scope: string): void; save(): Promise<string> };
}

interface Context {
  readonly oidc: {
    readonly client: { readonly clientId: string };
    readonly session: { readonly accountId: string };
  };
}

export interface TestProvider {
  readonly issuer: string;
  /** Who signs in next, and his groups. */
  next(account: { readonly name: string; readonly groups: readonly string[] }): void;
  /** Goes where a browser would, with its cookies, until it is sent to `redirectUrl`. */
  visit(url: string): Promise<URL>;
  close(): Promise<void>;
}

export const CLIENT = { id: 'halflap', secret: 'a secret of the client' } as const;

export async function startProvider(redirectUrl: string): Promise<TestProvider> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const issuer = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const accounts = new Map<string, readonly string[]>();
  let name = '';
  const provider = await makeProvider(issuer, redirectUrl, accounts);
  const answer = provider.callback();
  server.on('request', (request, response) => {
    if (request.url?.startsWith('/interaction/') !== true) answer(request, response);
    else void provider.interactionFinished(request, response, { login: { accountId: name } });
  });
  return {
    issuer,
    next(account) {
      name = account.name;
      accounts.set(account.name, account.groups);
    },
    visit: (url) => visit(url, redirectUrl),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function makeProvider(
  issuer: string,
  redirectUrl: string,
  accounts: ReadonlyMap<string, readonly string[]>,
): Promise<Provider> {
  const name = 'oidc-provider';
  const { default: Made } = (await import(name)) as {
    default: new (issuer: string, configuration: object) => Provider;
  };
  const provider: Provider = new Made(issuer, {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [redirectUrl],
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    pkce: { required: () => true },
    cookies: { keys: ['a key of a test'] },
    ttl: { AccessToken: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    scopes: ['openid', 'profile', 'email', 'groups'],
    claims: {
      openid: ['sub'],
      profile: ['preferred_username', 'name'],
      email: ['email'],
      groups: ['groups'],
    },
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    findAccount: (_: unknown, accountId: string) => ({
      accountId,
      claims: () => ({
        ...{ sub: `sub-of-${accountId}`, preferred_username: accountId, name: 'A Name' },
        ...{ email: `${accountId}@example.org`, groups: accounts.get(accountId) ?? [] },
      }),
    }),
    async loadExistingGrant({ oidc: { client, session } }: Context) {
      const { clientId } = client;
      const grant = new provider.Grant({ clientId, accountId: session.accountId });
      grant.addOIDCScope('openid profile email groups');
      await grant.save();
      return grant;
    },
  });
  return provider;
}

const MOST_HOPS = 10;

async function visit(url: string, redirectUrl: string): Promise<URL> {
  const jar = new Map<string, string>();
  let at = new URL(url);
  for (let hop = 0; hop < MOST_HOPS; hop += 1) {
    const cookie = [...jar].map(([key, value]) => `${key}=${value}`).join('; ');
    const answer = await fetch(at, { redirect: 'manual', headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, key = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      jar.set(key, value);
    }
    const location = answer.headers.get('location');
    if (location === null)
      throw new Error(`${at.pathname}: ${answer.status} ${await answer.text()}`);
    at = new URL(location, at);
    if (at.href.startsWith(redirectUrl)) return at;
  }
  throw new Error('the provider sends from page to page without end');
}
