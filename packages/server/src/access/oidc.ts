// Sign-in at a provider of OpenID Connect: authorization code with PKCE (RFC 9700, section 2.1.1).
//
// What has to come back unchanged is kept in a cookie of this very host, so any server can finish
// what another began. An account of the provider is told by issuer and subject alone: a name or an
// address that is the same as a user's here proves nothing.

import { HalflapError } from '@halflap/protocol';
import * as client from 'openid-client';
import type { ClientBase } from 'pg';
import type { Grant } from '../api/caller.js';
import type { GrantShape } from './grants.js';
import { readGrants, writeGrants } from './grants.js';
import { makeUser } from './users.js';

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where the provider sends people back: `https://…/api/v1/oidc/callback`. */
  readonly redirectUrl: string;
  /** The claim that lists groups; `groups` with most providers. */
  readonly groupsClaim: string;
  /** Which roles the members of a group have. Others may not sign in. */
  readonly groups: Readonly<Record<string, readonly GrantShape[]>>;
  /** Beside `openid profile email`. */
  readonly scopes: readonly string[];
  /** Plain HTTP to the provider: for tests on one machine. */
  readonly allowHttp: boolean;
}

/** What is kept in the browser while its user is at the provider. */
export interface Pending {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** A path of this host. */
  readonly returnTo: string;
}

/** The account that has signed in. */
export interface Account {
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  readonly displayName: string | null;
  readonly email: string | null;
  readonly grants: readonly Grant[];
}

/** Longest wait for the provider, in seconds. */
const PROVIDER_SECONDS = 10;

export interface Provider {
  /** Where to send the browser, and what it has to bring back. */
  begin(returnTo: string): Promise<{ readonly url: URL; readonly pending: Pending }>;
  /** @throws API_UNAUTHENTICATED, API_FORBIDDEN when no group of the account has a role here. */
  finish(query: URLSearchParams, pending: Pending): Promise<Account>;
}

/** Asks the provider what it is when it is first needed, and again after a failure. */
export function createProvider(settings: OidcSettings): Provider {
  let found: Promise<client.Configuration> | undefined;
  const configuration = async () => {
    found ??= discover(settings);
    try {
      return await found;
    } catch (cause) {
      found = undefined;
      throw new HalflapError('API_PROVIDER_AWAY', 'the sign-in provider does not answer', {
        hint: 'repeat it, or sign in with a password',
        cause,
      });
    }
  };
  return {
    begin: async (returnTo) => begin(await configuration(), settings, returnTo),
    finish: async (query, pending) => finish(await configuration(), settings, query, pending),
  };
}

/** Whether the provider answers, and is the one that is named. @throws why not */
export async function checkProvider(settings: OidcSettings, timeoutMs: number): Promise<void> {
  await discover(settings, timeoutMs / 1000);
}

function discover(
  settings: OidcSettings,
  timeout = PROVIDER_SECONDS,
): Promise<client.Configuration> {
  const { issuer, clientId, clientSecret, allowHttp } = settings;
  return client.discovery(new URL(issuer), clientId, clientSecret, undefined, {
    timeout,
    ...(allowHttp ? { execute: [client.allowInsecureRequests] } : {}),
  });
}

async function begin(
  configuration: client.Configuration,
  { redirectUrl, scopes }: OidcSettings,
  returnTo: string,
) {
  const pending: Pending = {
    state: client.randomState(),
    nonce: client.randomNonce(),
    verifier: client.randomPKCECodeVerifier(),
    returnTo: localPath(returnTo),
  };
  const url = client.buildAuthorizationUrl(configuration, {
    redirect_uri: redirectUrl,
    scope: ['openid', 'profile', 'email', ...scopes].join(' '),
    code_challenge: await client.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: 'S256',
    state: pending.state,
    nonce: pending.nonce,
  });
  return { url, pending };
}

async function finish(
  configuration: client.Configuration,
  settings: OidcSettings,
  query: URLSearchParams,
  pending: Pending,
): Promise<Account> {
  const url = new URL(settings.redirectUrl);
  url.search = query.toString();
  const claims = await claimsOf(configuration, url, pending);
  const groups: unknown = claims[settings.groupsClaim];
  const names = Array.isArray(groups) ? groups.filter((one) => typeof one === 'string') : [];
  const shapes = names.flatMap((one) =>
    Object.hasOwn(settings.groups, one) ? (settings.groups[one] ?? []) : [],
  );
  if (shapes.length === 0) {
    throw new HalflapError('API_FORBIDDEN', 'no group of this account has a role here', {
      hint: 'have the account put into a group that has one',
    });
  }
  const text = (claim: string) =>
    typeof claims[claim] === 'string' ? String(claims[claim]) : null;
  return {
    issuer: settings.issuer,
    subject: claims.sub,
    name: nameOf(text('preferred_username') ?? text('email') ?? claims.sub),
    displayName: text('name'),
    email: text('email'),
    grants: readGrants(shapes),
  };
}

/** Of the ID token, whose signature, issuer, audience, nonce and times are checked. */
async function claimsOf(
  configuration: client.Configuration,
  url: URL,
  { verifier, state, nonce }: Pending,
) {
  try {
    const tokens = await client.authorizationCodeGrant(configuration, url, {
      pkceCodeVerifier: verifier,
      expectedState: state,
      expectedNonce: nonce,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    if (claims !== undefined) return claims;
  } catch (cause) {
    throw refused(cause);
  }
  throw refused(undefined);
}

function refused(cause: unknown): HalflapError {
  return new HalflapError('API_UNAUTHENTICATED', 'the sign-in at the provider did not succeed', {
    hint: 'begin again: GET /api/v1/oidc/start',
    cause,
  });
}

/**
 * The user of an account, made at its first sign-in, with the roles that its groups give it now.
 * @throws API_CONFLICT when another user has its name; API_FORBIDDEN when it was disabled.
 */
export async function userOfAccount(on: ClientBase, account: Account): Promise<string> {
  const { rows } = await on.query<{ id: string; state: string }>(
    'select id, state from users where issuer = $1 and subject = $2',
    [account.issuer, account.subject],
  );
  const [row] = rows;
  if (row?.state === 'disabled') {
    throw new HalflapError('API_FORBIDDEN', `${account.name} is disabled`, {
      hint: 'ask an administrator',
    });
  }
  const { name, displayName, email, issuer, subject } = account;
  const made = { name, displayName, email, passwordHash: null, account: { issuer, subject } };
  const id = row?.id ?? (await makeUser(on, made));
  await writeGrants(on, { user: id }, account.grants, true);
  return id;
}

/** Letters that a user's name may have; others become dots. */
function nameOf(text: string): string {
  const name = text.replace(/[^A-Za-z0-9._@+-]/g, '.').replace(/^[^A-Za-z0-9]+/, '');
  return name === '' ? 'user' : name.slice(0, 128);
}

/** A path and nothing that a browser takes for another host: `//x`, `/\x`. */
export function localPath(path: string): string {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(path) ? path : '/';
}
