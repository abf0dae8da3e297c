// Ctrl-C and SIGTERM: the first asks the running verb to stop at its current batch, the second ends
// the process. Ending it anywhere is safe: the journal in the shard says where to go on.

/** What a shell reports for a process that SIGINT ended (128 + 2). */
const EXIT_SIGINT = 130;

const STOPPING =
  'stopping: what is done stays done, running the verb again continues (Ctrl-C again ends at once)';

/**
 * Runs `body` with a signal that the first Ctrl-C aborts, after telling the user `stopping` through
 * `note`.
 * The process has its default handling again when `body` has ended.
 */
export async function interruptible<Result>(
  note: (line: string) => void,
  body: (signal: AbortSignal) => Promise<Result>,
  stopping = STOPPING,
): Promise<Result> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(EXIT_SIGINT);
    note(stopping);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    return await body(controller.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
