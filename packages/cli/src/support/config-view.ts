// halflap.yaml for somebody who helps from afar: made anew of what is known to be no secret, and
// not by taking secrets out of the file, whose comments may hold anything.

import type { Config, ShardConfig } from '../config.js';
import type { SecretSource } from '../secrets.js';
import type { ServerConfig } from '../server-config.js';

export function configView({ file, app, releases, bundle, bundles, scratch, ...rest }: Config) {
  return {
    ...{ file, app, releases, bundle, bundles },
    scratch: sourceView(scratch),
    shards: rest.shards.map(shardView),
    server: serverView(rest.server),
  };
}

function shardView({ name, url, password }: ShardConfig) {
  return { name, url: sourceView(url), password: sourceView(password) };
}

function serverView({ secret, nats, smtp, oidc, ...server }: ServerConfig) {
  const { name, listen, agents, names, home, mailFrom, baseUrl, proxies, certificate } = server;
  return {
    ...{ name, listen, agents, names, home, mailFrom, baseUrl, proxies, certificate },
    secret: sourceView(secret),
    nats: sourceView(nats),
    smtp: sourceView(smtp),
    oidc: oidc && { ...oidc, clientSecret: sourceView(oidc.clientSecret) },
  };
}

/** Where a secret is; of one that stands in the file itself, where it leads. */
function sourceView(source: SecretSource | undefined) {
  if (source?.literal === undefined) return source;
  return { literal: placeIn(source.literal) };
}

/** Of a URL what says where; who asks may be a token, and options may be anything. */
function placeIn(text: string): string {
  if (!URL.canParse(text)) return '***';
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname}`;
}
