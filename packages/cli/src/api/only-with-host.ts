// Options that make sense for the list of one host only.

import { HalflapError } from '@halflap/protocol';

/** @throws COMMAND_INVALID when any is given */
export function onlyWithHost(options: Readonly<Record<string, unknown>>): void {
  const [given] = Object.entries(options).find(([, value]) => value !== undefined) ?? [];
  if (given === undefined) return;
  throw new HalflapError('COMMAND_INVALID', `--${given} is for the list of one host`, {
    hint: `name the host with --host; halflap hosts list chooses among hosts`,
  });
}
