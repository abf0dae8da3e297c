// An option that may be given several times. Not a variadic one: `--shard eu1 2.0` would take the
// version for a second shard.

/** For commander: the values in the order in which they were given. */
export function repeated(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
