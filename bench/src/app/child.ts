// Processes of a measurement: a script that answers what its parent asks, until it is killed.
//
// What is measured runs apart from what measures, as it does in life; on few cores the two share
// them nevertheless, which the figures say.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

export interface Child<Ready> {
  readonly pid: number;
  /** What it said when it was ready. */
  readonly ready: Ready;
  /** @throws when the process has ended, or its duty failed. */
  ask<Answer>(duty: string, detail?: object): Promise<Answer>;
  /** SIGKILL. Idempotent. */
  kill(): Promise<void>;
}

interface Asked {
  readonly number: number;
  readonly duty: string;
  readonly detail: object;
}

interface Answered {
  readonly number: number;
  readonly answer?: unknown;
  readonly error?: string;
}

type Settle = (answered: Answered) => void;

const READY = 0;

/** Starts the compiled script of this directory. @throws what it could not start for. */
export async function startChild<Ready>(script: string, options: object): Promise<Child<Ready>> {
  const file = new URL(script, import.meta.url);
  const settings = { execArgv: ['--expose-gc'], stdio: [...STDIO] };
  const child = fork(file, [JSON.stringify(options)], settings);
  const waiting = new Map<number, Settle>();
  child.on('message', (message: Answered) => {
    waiting.get(message.number)?.(message);
    waiting.delete(message.number);
  });
  child.on('exit', () => {
    for (const [number, settle] of waiting) settle({ number, error: `${script} has ended` });
    waiting.clear();
  });
  const answerTo = <Answer>(number: number) =>
    new Promise<Answer>((resolve, reject) => {
      waiting.set(number, ({ answer, error }) => {
        if (error === undefined) resolve(answer as Answer);
        else reject(new Error(error));
      });
    });
  const ready = await answerTo<Ready>(READY);
  let last = READY;
  return {
    pid: child.pid ?? 0,
    ready,
    ask<Answer>(duty: string, detail: object = {}) {
      last += 1;
      const answer = answerTo<Answer>(last);
      child.send({ number: last, duty, detail } satisfies Asked);
      return answer;
    },
    kill: () => killed(child),
  };
}

/** Nothing of a child comes among the figures; what goes wrong is seen. */
const STDIO = ['ignore', 'ignore', 'inherit', 'ipc'] as const;

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

type Duties = Readonly<Record<string, (detail: never) => Promise<unknown>>>;

/** In the child: starts, then answers until the parent is gone. */
export async function serveParent<Options>(
  start: (options: Options) => Promise<{ readonly ready: object; readonly duties: Duties }>,
): Promise<void> {
  const tell = (answered: Answered) => process.send?.(answered);
  process.on('disconnect', () => process.exit());
  try {
    const { ready, duties } = await start(JSON.parse(process.argv[2] ?? '{}') as Options);
    process.on('message', async ({ number, duty, detail }: Asked) => {
      try {
        tell({ number, answer: (await duties[duty]?.(detail as never)) ?? null });
      } catch (error) {
        tell({ number, error: String(error) });
      }
    });
    tell({ number: READY, answer: ready });
  } catch (error) {
    tell({ number: READY, error: String(error) });
  }
}
