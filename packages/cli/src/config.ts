// What halflap.yaml says, checked. Its JSON Schema, for editors, is the engine's
// schemas/halflap.schema.json; a test holds the two to the same keys.
//
// Invariant: loading reads no secret. A secret is read when a command first needs it, so that a
// vendor's `halflap plan` works on a machine that knows no shard.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { didYouMean } from '@halflap/engine/suggest';
import { HalflapError } from '@halflap/protocol';
import { readSecret, rememberUrl, type SecretSource, withPassword } from './secrets.js';
import { readServer, type ServerConfig } from './server-config.js';

import * as yaml from './yaml-reader.js';

export interface Config {
  readonly file: string;
  readonly app: string;
  /** Directory with one directory per release; absolute. */
  readonly releases: string;
  /** One bundle file, or a directory of them; absolute. */
  readonly bundle: string | undefined;
  readonly bundles: string | undefined;
  /** An existing server on which check, plan and build may make scratch databases. */
  readonly scratch: SecretSource | undefined;
  readonly shards: readonly ShardConfig[];
  readonly server: ServerConfig;
}

export interface ShardConfig {
  readonly name: string;
  readonly url: SecretSource;
  readonly password: SecretSource | undefined;
}

/** A shard with its secret: never printed. */
export interface Shard {
  readonly name: string;
  readonly url: string;
}

/** What tells the URL of a database from the name of a file. */
export const URL_BEGINNING = /^(postgres|postgresql|socket):/;
const URL_FORM =
  'postgres://USER@HOST:5432/DATABASE, with the password from password_env or password_file';

/** What can stand in the name of a schema, with a release behind it. */
export const APP_NAME = /^[a-z][a-z0-9_]{0,30}$/;

/** As many shards as an error names. */
const LISTED_NAMES = 10;

const SCRATCH_KEYS = ['scratch', 'scratch_env', 'scratch_file'] as const;
const URL_KEYS = ['url', 'url_env', 'url_file'] as const;
const PASSWORD_KEYS = ['password_env', 'password_file'] as const;

export const TOP_KEYS = [
  'app',
  'releases',
  'bundle',
  'bundles',
  ...SCRATCH_KEYS,
  'shards',
  'server',
];
export const SHARD_KEYS = ['name', ...URL_KEYS, ...PASSWORD_KEYS];

/**
 * @throws CONFIG_INVALID with the position of what is wrong. Paths in it are relative to the file.
 */
export function loadConfig(file: string): Config {
  const root = yaml.parseSection(readConfigFile(file), file, 'halflap.yaml');
  yaml.allowKeys(root, TOP_KEYS);
  const at = (path: string) => resolve(dirname(file), path);
  const maybeAt = (key: string) => {
    const path = yaml.optionalText(root, key);
    return path === undefined ? undefined : at(path);
  };
  if (root.map.has('bundle') && root.map.has('bundles')) {
    throw yaml.invalidAt(
      root,
      'bundles',
      'bundle and bundles exclude each other',
      'keep one of them',
    );
  }
  return {
    file,
    app: readApp(root),
    releases: maybeAt('releases') ?? at('releases'),
    bundle: maybeAt('bundle'),
    bundles: maybeAt('bundles'),
    scratch: readSource(root, SCRATCH_KEYS, at),
    shards: readShards(root, at),
    server: readServer(root, at),
  };
}

/** @throws CONFIG_UNKNOWN_SHARD with the nearest name. */
export function findShard(config: Config, name: string): ShardConfig {
  const found = config.shards.find((shard) => shard.name === name);
  if (found !== undefined) return found;
  const names = config.shards.map((shard) => shard.name);
  const message = `${config.file} lists no shard "${name}"${didYouMean(name, names)}`;
  throw new HalflapError('CONFIG_UNKNOWN_SHARD', message, { hint: `its shards: ${listed(names)}` });
}

/** The first names, and how many more there are. */
function listed(names: readonly string[]): string {
  const more = names.length - LISTED_NAMES;
  if (names.length === 0) return 'none';
  return names.slice(0, LISTED_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** The shard with its URL complete. @throws CONFIG_INVALID when the secret is missing or no URL. */
export function openShard(shard: ShardConfig): Shard {
  const url = readUrl(shard.url, `url of shard ${shard.name}`);
  if (shard.password === undefined) return { name: shard.name, url };
  const password = readSecret(shard.password, `password of shard ${shard.name}`);
  return { name: shard.name, url: withPassword(url, password) };
}

/** A URL from its source, remembered for redaction. @throws CONFIG_INVALID when it is not one. */
export function readUrl(source: SecretSource, what: string): string {
  const url = readSecret(source, what);
  rememberUrl(url);
  if (URL_BEGINNING.test(url)) return url;
  throw new HalflapError('CONFIG_INVALID', `${what}: not a URL that begins with postgres://`, {
    hint: URL_FORM,
  });
}

function readConfigFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new HalflapError('CONFIG_INVALID', `cannot read ${file} (${reason})`, {
      detail: { file },
      hint: 'run halflap where halflap.yaml is, or name it with --config FILE',
    });
  }
}

function readApp(root: yaml.Section): string {
  const app = yaml.requiredText(root, 'app');
  if (APP_NAME.test(app)) return app;
  throw yaml.invalidAt(
    root,
    'app',
    'app takes a lower-case word: letters, digits and _, at most 31, a letter first',
    'it becomes part of schema names: app "inventory" gives "inventory_2_0"',
  );
}

function readShards(root: yaml.Section, at: (path: string) => string): ShardConfig[] {
  const seen = new Map<string, yaml.Section>();
  return yaml.sections(root, 'shards', 'shard').map((section) => {
    yaml.allowKeys(section, SHARD_KEYS);
    const name = yaml.requiredText(section, 'name');
    const first = seen.get(name);
    if (first !== undefined) {
      const place = `${first.what}, ${yaml.placeOf(first, 'name')}`;
      const problem = `the name ${name} is taken by ${place}`;
      throw yaml.invalidAt(section, 'name', problem, 'give each shard a name of its own');
    }
    seen.set(name, section);
    const url = readSource(section, URL_KEYS, at);
    if (url === undefined) {
      const problem = `one of ${URL_KEYS.join(', ')} is missing`;
      throw yaml.invalidAt(section, 'url', problem, `url: ${URL_FORM}`);
    }
    return { name, url, password: readSource(section, PASSWORD_KEYS, at) };
  });
}

/** Reads `x`, `x_env` or `x_file`, of which at most one may stand: where a URL is. */
function readSource(
  section: yaml.Section,
  keys: readonly string[],
  at: (path: string) => string,
): SecretSource | undefined {
  const found = yaml.source(section, keys, at);
  if (found?.literal === undefined || URL_BEGINNING.test(found.literal)) return found;
  const key = keys.find((one) => section.map.has(one)) ?? '';
  throw yaml.invalidAt(section, key, `${key} takes a URL that begins with postgres://`, URL_FORM);
}
