// What --enable and --disable say together.

/** Undefined: it stays as it is. */
export function switchOf(options: {
  readonly enable?: boolean;
  readonly disable?: boolean;
}): boolean | undefined {
  if (options.disable === true) return false;
  return options.enable;
}
