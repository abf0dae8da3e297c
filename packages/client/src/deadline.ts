// Waiting no longer than agreed. The work itself is not stopped by this; whoever waits says what
// becomes of it.

/**
 * The outcome of `work`, or the error of `late()` when `limitMs` pass first. Undefined waits for
 * ever. `abandon` receives a value that came too late, so that what it holds can be given back.
 */
export async function within<Value>(
  limitMs: number | undefined,
  work: Promise<Value>,
  late: () => Error,
  abandon: (value: Value) => void = () => {},
): Promise<Value> {
  if (limitMs === undefined) return work;
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      // Nobody waits any longer: a late failure has been reported as the deadline's error.
      work.then(abandon, () => {});
      reject(late());
    }, limitMs);
  });
  try {
    return await Promise.race([work, expiry]);
  } finally {
    clearTimeout(timer);
  }
}
