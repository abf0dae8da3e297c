// The halflap.yaml that a developer begins with. It holds no secret: the URL of the shard stays in
// the environment, under a name that stands here.

import { HalflapError } from '@halflap/protocol';
import { APP_NAME, type Config } from './config.js';

export interface DraftConfig {
  readonly app: string;
  readonly text: string;
  /** The environment variable that is to hold the URL; null where there is no shard yet. */
  readonly variable: string | null;
  readonly scratch: undefined;
}

const SHARD = 'first';

/**
 * @param wanted what somebody calls the application, or the name of a database or a file.
 * @throws COMMAND_INVALID where no name can be made of it, and none exists.
 */
export function draftConfig(
  wanted: string,
  variableOf: ((app: string) => string) | null,
  existing: Config | undefined,
): DraftConfig {
  const app = existing?.app ?? nameOf(wanted);
  const variable = variableOf?.(app) ?? null;
  const shards =
    variable === null
      ? [
          '# shards:',
          `#   - name: ${SHARD}`,
          `#     url_env: ${app.toUpperCase()}_URL   # the environment variable that holds its URL`,
        ]
      : [
          'shards:',
          `  - name: ${SHARD}`,
          `    url_env: ${variable}   # the environment variable that holds its URL`,
        ];
  const lines = [
    '# yaml-language-server: $schema=./node_modules/@halflap/engine/schemas/halflap.schema.json',
    `app: ${app}   # becomes part of schema names`,
    'releases: ./releases',
    ...shards,
  ];
  return { app, text: `${lines.join('\n')}\n`, variable, scratch: undefined };
}

function nameOf(wanted: string): string {
  const app = wanted
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[^a-z]+|_+$/g, '')
    .slice(0, 31);
  if (APP_NAME.test(app)) return app;
  throw new HalflapError(
    'COMMAND_INVALID',
    `no name for the application can be made of "${wanted}"`,
    {
      hint: 'name it: --app NAME, a lower-case word',
    },
  );
}
