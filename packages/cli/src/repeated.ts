// An option that may be given several times. Not a variadic one: `--shard eu1 2.0` would take the
// version for a second shard.

import { InvalidArgumentError } from 'commander';

/** For commander: the values in the order in which they were given. */
export function repeated(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** The same of certain words only. @throws commander's InvalidArgumentError */
export function repeatedOf(words: readonly string[]) {
  return (value: string, before: readonly string[] = []): readonly string[] => {
    if (words.includes(value)) return [...before, value];
    throw new InvalidArgumentError(`Allowed choices are ${words.join(', ')}.`);
  };
}
