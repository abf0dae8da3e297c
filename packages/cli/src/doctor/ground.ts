// What there is to be looked at, as far as halflap.yaml and its secrets can be read; each thing
// that cannot is a finding, and keeps nothing else from being looked at.

import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { EXIT, HalflapError } from '@halflap/protocol';
import { APP, type MailOptions, type OidcSettings, type ServerOptions } from '@halflap/server';
import { type Config, findShard, loadConfig, openShard, readUrl } from '../config.js';
import { defaultData, knownDatabases } from '../own-databases.js';
import { readSecret, rememberUrl, type SecretSource } from '../secrets.js';
import { type Address, AGENTS, LISTEN } from '../server-config.js';
import { mailOf, natsOf, oidcOf, secretOf } from '../server-ground.js';
import { type Finding, failed, failure, ok, warning } from './check.js';
import type { ShardTarget } from './shard-checks.js';

/** What the command line says, as `halflap serve` takes it. */
export interface GroundOptions {
  /** halflap.yaml. */
  readonly file: string;
  /** Whether somebody named the file; else it may be missing. */
  readonly isNamed: boolean;
  readonly data?: string;
  readonly listen?: Address | undefined;
  readonly agents?: Address | undefined;
  readonly name?: string;
}

export interface ServerGround {
  readonly name: string;
  readonly listen: Address;
  readonly agents: Address;
  readonly hasCertificate: boolean;
  readonly nats: ServerOptions['nats'];
  readonly mail: MailOptions | undefined;
  readonly oidc: OidcSettings | undefined;
}

export interface LookedAt {
  /** Undefined without a file, or with one that cannot be read. */
  readonly config: Config | undefined;
  readonly app: string;
  readonly shards: readonly ShardTarget[];
  /** The shard of what belongs to the whole fleet; undefined for another application. */
  readonly home: string | undefined;
  readonly secret: Buffer | undefined;
  /** The server of this machine; undefined where none is configured. */
  readonly server: ServerGround | undefined;
  /** The directory of a PostgreSQL of its own. */
  readonly data: string | undefined;
  /** Files that hold secrets. */
  readonly sources: readonly (SecretSource | undefined)[];
  readonly findings: readonly Finding[];
}

const NAME = 'configuration';
const NOTHING = {
  ...{ config: undefined, app: APP, shards: [], home: undefined, secret: undefined },
  ...{ server: undefined, data: undefined, sources: [] },
} as const;

/** Never throws. */
export async function groundOf(options: GroundOptions): Promise<LookedAt> {
  const { file, isNamed } = options;
  if (!isNamed && !existsSync(file)) return ownGround(options);
  try {
    return configured(loadConfig(file), options);
  } catch (error) {
    const next = 'correct the file; docs/cli.md lists its keys';
    return { ...NOTHING, findings: [failure({ name: NAME, of: file }, error, next)] };
  }
}

function configured(config: Config, options: GroundOptions): LookedAt {
  const { app, file, server, shards } = config;
  const place = { name: NAME, of: file };
  const findings: Finding[] = [];
  const tried = <Value>(read: () => Value): Value | undefined => {
    try {
      return read();
    } catch (error) {
      findings.push(failure(place, error, 'correct the file, or what it names'));
      return undefined;
    }
  };
  if (shards.length === 0) findings.push(failed(place, 'lists no shards', 'add them', EXIT.usage));
  const isOurs = app === APP;
  const secret =
    server.secret &&
    tried(() => secretOf(readSecret(server.secret ?? {}, 'secret of the cluster')));
  if (isOurs && server.secret === undefined) {
    const found = 'server: secret_file is missing, so no server of this machine is looked at';
    findings.push(warning(place, found, 'halflap serve needs it: openssl rand -hex 32 > secret'));
  }
  const home = server.home ?? shards[0]?.name;
  const isHomeKnown = home !== undefined && tried(() => findShard(config, home)) !== undefined;
  const read = {
    nats: tried(() => natsOf(server)),
    mail: tried(() => mailOf(server)),
    oidc: tried(() => oidcOf(server)),
  };
  rememberScratch(config);
  if (findings.length === 0) findings.push(ok(place, `${app} on ${shards.length} shards`));
  return {
    ...{ config, app, secret, findings, data: undefined },
    shards: shards.map((shard) => ({ name: shard.name, url: urlOf(() => openShard(shard).url) })),
    home: isOurs && isHomeKnown ? home : undefined,
    server:
      isOurs && server.secret !== undefined
        ? {
            name: options.name ?? server.name ?? hostname(),
            listen: options.listen ?? server.listen ?? LISTEN,
            agents: options.agents ?? server.agents ?? AGENTS,
            hasCertificate: server.certificate !== undefined,
            ...read,
          }
        : undefined,
    sources: [
      ...shards.flatMap(({ url, password }) => [url, password]),
      ...[server.secret, server.nats, server.smtp, server.oidc?.clientSecret],
      // The key is a secret too.
      server.certificate && { file: server.certificate.key },
    ],
  };
}

/** Nothing here needs it, but a log may quote it. */
function rememberScratch({ scratch }: Config): void {
  if (scratch === undefined) return;
  try {
    readUrl(scratch, 'url of scratch');
  } catch (error) {
    // It is for a developer's commands, which say so.
    if (!(error instanceof HalflapError)) throw error;
  }
}

/** A secret that is missing hides one shard. */
function urlOf(read: () => string): string | HalflapError {
  try {
    return read();
  } catch (error) {
    if (error instanceof HalflapError) return error;
    throw error;
  }
}

/** Of a server that runs on a PostgreSQL of this machine's own. */
async function ownGround(options: GroundOptions): Promise<LookedAt> {
  const data = options.data ?? defaultData();
  const place = { name: NAME, of: data };
  const known = await knownDatabases(data).catch(() => undefined);
  if (known === undefined) {
    const found = `there is no ${options.file}, and no server has run with this directory`;
    const next = 'name the file: halflap --config FILE doctor; or the directory: --data';
    return { ...NOTHING, findings: [failed(place, found, next, EXIT.usage)] };
  }
  for (const { url } of known.shards) rememberUrl(url);
  readSecret({ literal: known.secret }, 'secret of the cluster');
  return {
    ...{ config: undefined, app: APP, shards: known.shards, data, sources: [] },
    home: known.shards[0]?.name,
    secret: secretOf(known.secret),
    server: {
      name: options.name ?? hostname(),
      listen: options.listen ?? LISTEN,
      agents: options.agents ?? AGENTS,
      ...{ hasCertificate: false, nats: undefined, mail: undefined, oidc: undefined },
    },
    findings: [ok(place, 'a PostgreSQL of its own')],
  };
}
