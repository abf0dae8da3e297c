// A command on a host, as somebody declares it.

import type { Work } from '@halflap/protocol/agent';
import { Type } from 'typebox';

const text = (maxLength: number, description: string) =>
  Type.String({ minLength: 1, maxLength, description });

const fields = {
  run: Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), {
    ...{ minItems: 1, maxItems: 64 },
    description:
      'A program and its arguments; no shell reads them. `{server}`, `{release}` and ' +
      '`{from}` are replaced by the server, the release that it gets, and the one before.',
  }),
  user: Type.Optional(text(32, 'A user of the host; default: the agent’s own.')),
  directory: Type.Optional(text(4096, 'Default: the root directory.')),
  environment: Type.Optional(
    Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]{0,127}$' }), Type.String(), {
      maxProperties: 64,
      additionalProperties: false,
    }),
  ),
};

export const HOST_COMMAND_FIELDS = fields;
export const HostCommand = Type.Object(fields, { additionalProperties: false });
export interface HostCommand {
  readonly run: readonly string[];
  readonly user?: string;
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** @param values of what stands in braces; what is none of them stays as it is */
export function commandWork(command: HostCommand, values: Readonly<Record<string, string>>): Work {
  const known = new Map(Object.entries(values));
  const filled = (text: string) =>
    text.replace(/\{([a-z]+)\}/g, (whole, key: string) => known.get(key) ?? whole);
  const [program = '', ...args] = command.run.map(filled);
  const environment = Object.entries(command.environment ?? {});
  return {
    ...{ kind: 'command', program, args, user: command.user ?? null },
    directory: command.directory ?? null,
    environment: Object.fromEntries(environment.map(([key, value]) => [key, filled(value)])),
  };
}
