// What is written as `key=value` on a command line: labels, and roles with the hosts they are for.

import { HalflapError } from '@halflap/protocol';

/** @throws COMMAND_INVALID; the server checks the letters */
export function readLabels(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
      throw new HalflapError('COMMAND_INVALID', `${text} is no label`, { hint: 'KEY=VALUE' });
    }),
  );
}

export interface GrantText {
  readonly role: string;
  readonly selector: string | null;
}

/** `viewer` for all hosts, `operator:env=prod,!edge` for some. */
export function readGrants(texts: readonly string[]): GrantText[] {
  return texts.map((text) => {
    const at = text.indexOf(':');
    return at === -1
      ? { role: text, selector: null }
      : { role: text.slice(0, at), selector: text.slice(at + 1) };
  });
}

export function grantsText(grants: readonly GrantText[]): string {
  return grants
    .map(({ role, selector }) => (selector === null ? role : `${role}:${selector}`))
    .join('\n');
}
