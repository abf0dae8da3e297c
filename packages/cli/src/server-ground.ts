// What a server works with, as halflap.yaml says it: every secret read, every URL taken apart.

import { HalflapError } from '@halflap/protocol';
import { APP, type OidcSettings, SECRET_BYTES, type ServerOptions } from '@halflap/server';
import { type Config, findShard, openShard } from './config.js';
import { readSecret, rememberUrl } from './secrets.js';
import { isNatsUrl, type ServerConfig } from './server-config.js';

/** What the server works on, and how to let go of it. */
export interface Ground extends Pick<ServerOptions, 'shards' | 'secret'> {
  readonly nats: ServerOptions['nats'] | undefined;
  readonly mail: ServerOptions['mail'] | undefined;
  readonly home: string | undefined;
  readonly api: ServerOptions['api'] | undefined;
  readonly certificate: ServerOptions['certificate'] | undefined;
  release(): Promise<void>;
}

/** Of a server without a configuration. */
export const NOTHING_ELSE = {
  ...{ home: undefined, nats: undefined, mail: undefined },
  ...{ api: undefined, certificate: undefined },
} as const;

/** With the shards of halflap.yaml. @throws CONFIG_INVALID */
export function groundOf(config: Config): Ground {
  const { app, file, server, shards } = config;
  if (app !== APP) {
    throw new HalflapError('CONFIG_INVALID', `${file}: app is ${app}, not ${APP}`, {
      detail: { file },
      hint: `halflap serve works on its own shards; name their file: halflap --config FILE serve`,
    });
  }
  if (shards.length === 0) {
    throw new HalflapError('CONFIG_INVALID', `${file}: shards is empty`, {
      detail: { file },
      hint: 'list at least one: - { name: s1, url: postgres://… }',
    });
  }
  if (server.home !== undefined) findShard(config, server.home);
  if (server.secret === undefined) {
    throw new HalflapError('CONFIG_INVALID', `${file}: server: secret_file is missing`, {
      detail: { file },
      hint: `openssl rand -hex 32 > secret, for all servers; server: { secret_file: secret }`,
    });
  }
  return {
    shards: shards.map(openShard),
    home: server.home,
    secret: secretOf(readSecret(server.secret, 'secret of the cluster')),
    nats: natsOf(server),
    mail: mailOf(server),
    api: { proxies: server.proxies, oidc: oidcOf(server) },
    certificate: server.certificate,
    release: async () => {},
  };
}

/** @throws CONFIG_INVALID */
export function mailOf({ smtp, mailFrom }: ServerConfig): ServerOptions['mail'] {
  if (smtp === undefined || mailFrom === undefined) return undefined;
  const url = readSecret(smtp, 'URL of the mail server');
  if (!URL.canParse(url) || !/^smtps?:$/.test(new URL(url).protocol)) {
    throw new HalflapError('CONFIG_INVALID', 'the URL of the mail server is none', {
      hint: 'smtps://USER:PASSWORD@HOST, or smtp://HOST:587',
    });
  }
  rememberUrl(url);
  return { url, from: mailFrom };
}

/** @throws CONFIG_INVALID */
export function natsOf({ nats }: ServerConfig): ServerOptions['nats'] {
  if (nats === undefined) return undefined;
  const text = readSecret(nats, 'URL of NATS');
  if (!isNatsUrl(text)) {
    throw new HalflapError('CONFIG_INVALID', 'the URL of NATS is none', {
      hint: 'nats://USER:PASSWORD@HOST:4222',
    });
  }
  const { host, protocol, username, password } = new URL(text);
  rememberUrl(text);
  return {
    servers: `${protocol}//${host}`,
    ...(username === '' ? {} : { user: decodeURIComponent(username) }),
    ...(password === '' ? {} : { pass: decodeURIComponent(password) }),
  };
}

/** The path of the API's route to which a provider sends people back. */
const CALLBACK = '/api/v1/oidc/callback';

/** @throws CONFIG_INVALID */
export function oidcOf({ oidc, baseUrl }: ServerConfig): OidcSettings | undefined {
  if (oidc === undefined || baseUrl === undefined) return undefined;
  const { issuer, clientId, groupsClaim, scopes } = oidc;
  const groups = new Map<string, OidcSettings['groups'][string]>();
  for (const { group, role, hosts } of oidc.groups) {
    groups.set(group, [...(groups.get(group) ?? []), { role, selector: hosts ?? null }]);
  }
  return {
    ...{ issuer, clientId, groupsClaim, scopes, groups: Object.fromEntries(groups) },
    clientSecret: readSecret(oidc.clientSecret, 'secret of the OpenID Connect client'),
    redirectUrl: baseUrl + CALLBACK,
    // The configuration takes such an issuer on this machine alone.
    allowHttp: issuer.startsWith('http:'),
  };
}

/** @throws CONFIG_INVALID */
export function secretOf(text: string): Buffer {
  if (new RegExp(`^[0-9a-f]{${2 * SECRET_BYTES}}$`, 'i').test(text))
    return Buffer.from(text, 'hex');
  throw new HalflapError(
    'CONFIG_INVALID',
    `the secret of the cluster is not of ${2 * SECRET_BYTES} hexadecimal digits`,
    { hint: 'openssl rand -hex 32 > secret' },
  );
}
