// A cluster as somebody declares it: which application, which servers it has and how each release
// gets on them, which shards. One shape for the API and for the file of the command line.
//
// Invariant: the connection strings of shards are in what comes in and in nothing that goes out.

import type { FieldProblem } from '@halflap/protocol';
import { Type } from 'typebox';
import { invalid } from '../../api/problem.js';
import { APP } from '../../store/install.js';
import { Hook, hookProblems, MOST_HOOKS } from '../hooks/hook-declaration.js';
import {
  type DeclaredSignal,
  MOST_SIGNALS,
  ofSignal,
  Signal,
} from '../signals/signal-declaration.js';
import { HostCommand } from './host-command.js';

const NAME = '^[a-z0-9][a-z0-9-]{0,62}$';
const MOST_SERVERS = 1000;
const MOST_SHARDS = 1000;

const text = (maxLength: number, description: string) =>
  Type.String({ minLength: 1, maxLength, description });

const Servers = Type.Object(
  {
    hosts: Type.Optional(text(1024, 'A selector of labels: every host with them is a server.')),
    nameLabel: Type.Optional(
      text(63, 'The label by whose value such a server registers; default: by its hostname.'),
    ),
    named: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: text(255, 'By which it registers on shards.'),
            host: text(255, 'The hostname of the host that it runs on.'),
          },
          { additionalProperties: false },
        ),
        { maxItems: MOST_SERVERS, description: 'Servers one by one; a host may have several.' },
      ),
    ),
  },
  { additionalProperties: false },
);

const Commands = Type.Object(
  {
    upgrade: Type.Optional(HostCommand),
    restart: Type.Optional(HostCommand),
    drain: Type.Optional(HostCommand),
    undrain: Type.Optional(HostCommand),
    health: Type.Optional(HostCommand),
  },
  {
    additionalProperties: false,
    description:
      '`upgrade` in place of a package, `restart` in place of a service; `drain` before, ' +
      '`undrain` after; `health` is asked until it ends with 0.',
  },
);

const Release = Type.Object(
  {
    release: text(64, 'As in `1.0`.'),
    version: text(255, 'The version of the package that has it.'),
  },
  { additionalProperties: false },
);

const Shard = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' }),
    url: Type.Optional(
      Type.String({
        pattern: '^postgres(ql)?://',
        maxLength: 2048,
        description: 'By whose role Halflap changes it. Never shown; may be left out once known.',
      }),
    ),
    canary: Type.Optional(Type.Boolean({ description: 'Goes first.' })),
  },
  { additionalProperties: false },
);

const declaration = {
  name: Type.String({ pattern: NAME }),
  app: text(64, 'What `halflap build` calls the application.'),
  itself: Type.Optional(
    Type.Boolean({
      description:
        'It is this Halflap, app `halflap`: its shards are those of the store, by the addresses ' +
        'that each server has in its halflap.yaml, and need not be named.',
    }),
  ),
  servers: Servers,
  package: Type.Optional(text(255, 'The package that servers run.')),
  releases: Type.Optional(Type.Array(Release, { maxItems: 100 })),
  service: Type.Optional(text(255, 'The service that is restarted when the package has changed.')),
  commands: Type.Optional(Commands),
  sessionLens: Type.Optional(
    Type.Boolean({
      description:
        'Servers open shards with the bundle, and their role may make temporary objects: so one ' +
        'of the newer release may work with a shard that is not prepared yet.',
    }),
  ),
  hooks: Type.Optional(
    Type.Array(Hook, { maxItems: MOST_HOOKS, description: 'Called around steps, in this order.' }),
  ),
  shards: Type.Optional(Type.Array(Shard, { maxItems: MOST_SHARDS })),
  signals: Type.Optional(
    Type.Array(Signal, {
      maxItems: MOST_SIGNALS,
      description: 'Numbers of the application that are shown beside the steps, and stop them.',
    }),
  ),
};

export const ClusterDeclaration = Type.Object(declaration, { additionalProperties: false });
export const DECLARATION_FIELDS = declaration;

export interface ClusterDeclaration {
  readonly name: string;
  readonly app: string;
  readonly itself?: boolean;
  readonly servers: {
    readonly hosts?: string;
    readonly nameLabel?: string;
    readonly named?: readonly { readonly name: string; readonly host: string }[];
  };
  readonly package?: string;
  readonly releases?: readonly { readonly release: string; readonly version: string }[];
  readonly service?: string;
  readonly commands?: Readonly<
    Partial<Record<'upgrade' | 'restart' | 'drain' | 'undrain' | 'health', HostCommand>>
  >;
  readonly sessionLens?: boolean;
  readonly hooks?: readonly Hook[];
  readonly shards: readonly DeclaredShard[];
  readonly signals?: readonly DeclaredSignal[];
}

export interface DeclaredShard {
  readonly name: string;
  readonly url?: string;
  readonly canary?: boolean;
}

/** What a shape cannot say. @throws API_INVALID with every field and its rule */
export function checkDeclaration(declared: ClusterDeclaration): void {
  const { hooks = [], signals = [] } = declared;
  const problems = [
    ...[...ofServers(declared), ...ofReleases(declared), ...ofShards(declared)],
    ...[...twice('body.hooks', hooks), ...hooks.flatMap(hookProblems)],
    ...twice('body.signals', signals),
    ...signals.flatMap((signal, at) => ofSignal(signal, `body.signals.${at}`)),
  ];
  if (problems.length > 0) throw invalid(problems);
}

function ofServers({ servers }: ClusterDeclaration): FieldProblem[] {
  const { hosts, named = [], nameLabel } = servers;
  const problems: FieldProblem[] = [];
  if (hosts === undefined && named.length === 0) {
    problems.push({ field: 'body.servers', rule: 'hosts by a selector, or servers by name' });
  }
  if (nameLabel !== undefined && hosts === undefined) {
    problems.push({ field: 'body.servers.nameLabel', rule: 'only with hosts by a selector' });
  }
  problems.push(...twice('body.servers.named', named));
  return problems;
}

function ofReleases(declared: ClusterDeclaration): FieldProblem[] {
  const { package: name, releases = [], commands = {} } = declared;
  const problems: FieldProblem[] = [];
  if ((name === undefined) === (commands.upgrade === undefined)) {
    problems.push({ field: 'body.package', rule: 'either a package or commands.upgrade' });
  }
  if (name !== undefined && releases.length === 0) {
    problems.push({ field: 'body.releases', rule: 'the version of the package of each release' });
  }
  if (declared.service !== undefined && commands.restart !== undefined) {
    problems.push({ field: 'body.service', rule: 'either a service or commands.restart' });
  }
  const keys = releases.map(({ release }) => ({ name: release }));
  const versions = releases.map(({ version }) => ({ name: version }));
  problems.push(...twice('body.releases', keys), ...twice('body.releases', versions));
  return problems;
}

function ofShards({ shards, itself, app }: ClusterDeclaration): FieldProblem[] {
  const problems = twice('body.shards', shards);
  if (shards.length === 0) problems.push({ field: 'body.shards', rule: 'one at least' });
  if (itself === true) problems.push(...ofItself(app, shards));
  for (const [at, { url }] of shards.entries()) {
    if (url !== undefined) problems.push(...ofAddress(url, `body.shards.${at}.url`));
  }
  if (shards.filter(({ canary }) => canary === true).length > 1) {
    problems.push({ field: 'body.shards', rule: 'one canary at most' });
  }
  return problems;
}

function ofItself(app: string, shards: readonly DeclaredShard[]): FieldProblem[] {
  const rule = 'none: each server has it in its halflap.yaml';
  const addressed = shards.flatMap(({ url }, at) =>
    url === undefined ? [] : [{ field: `body.shards.${at}.url`, rule }],
  );
  return app === APP ? addressed : [{ field: 'body.app', rule: `${APP}, of itself` }, ...addressed];
}

/** What an address may ask for besides; others name files of the servers, or change sessions. */
const URL_PARAMETERS: ReadonlySet<string> = new Set(['sslmode', 'connect_timeout']);

/**
 * An address is a host by its name: through a socket of its own machine a server might be let in
 * as somebody else. The rule quotes nothing of it.
 */
function ofAddress(url: string, field: string): FieldProblem[] {
  const rule = 'postgres://USER:PASSWORD@HOST:PORT/DATABASE, with sslmode at most';
  try {
    const { hostname, pathname, searchParams } = new URL(url);
    const isHost = /^(\[[0-9a-f:.]+\]|[A-Za-z0-9._-]+)$/i.test(hostname);
    const isPlain = [...searchParams.keys()].every((key) => URL_PARAMETERS.has(key));
    if (isHost && isPlain && /^\/[^/]+$/.test(pathname)) return [];
  } catch {
    // Told as any other that is none.
  }
  return [{ field, rule }];
}

function twice(field: string, all: readonly { readonly name: string }[]): FieldProblem[] {
  const seen = new Set<string>();
  const double = all.filter(({ name }) => seen.has(name) || !seen.add(name));
  return double.map(({ name }) => ({ field, rule: `each once; ${name} is there twice` }));
}

/** The servers' own release of what a package's version is; null: it is none that is declared. */
export function releaseOfVersion(
  { releases = [] }: Pick<ClusterDeclaration, 'releases'>,
  version: string,
): string | null {
  return releases.find((one) => one.version === version)?.release ?? null;
}
