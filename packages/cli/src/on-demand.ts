// What a command does is loaded when it is run: `halflap --help` needs no engine, and a verb on a
// shard no compiler. Each module costs about a millisecond, and there are hundreds of them.

/** For commander: an action that comes from `load` when its command is run. */
export function onDemand<Given extends unknown[]>(
  load: () => Promise<(...given: Given) => Promise<void>>,
): (...given: Given) => Promise<void> {
  return async (...given) => (await load())(...given);
}
