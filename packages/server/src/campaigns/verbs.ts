// The verbs of shards that this server runs for a campaign. One may be interrupted at any time: the
// shard has what is done, and whoever runs the verb next goes on from there.
//
// Invariant: the outcome is written as the owner of the campaign, into a step that still runs; so a
// server that has lost the lease changes nothing any more, and it stops its verbs besides.

import { type Outcome, type Progress, runVerb } from '@halflap/engine/runner';
import { type ErrorCode, HalflapError } from '@halflap/protocol';
import { noteEvent, type StepProgress, type StepRow } from './campaign.js';
import { withoutSecrets } from './cluster/observe.js';
import type { ShardStep } from './decide/steps.js';
import { calledStep, callHooks } from './hooks/hook-rows.js';
import { atHome, type Pass } from './pass.js';

interface RunningVerb {
  readonly stopping: AbortController;
  readonly done: Promise<void>;
}

/** How often progress is written. */
const PROGRESS_MS = 1000;
/** Before a verb that could not begin is tried again. */
const AGAIN_MS = 2000;
/** Of one run of a verb. */
const MOST_LINES = 200;
/** What passes without anybody's doing: for as long as a step may take where it does not. */
const PASSING: ReadonlySet<ErrorCode> = new Set(['SHARD_BUSY', 'SHARD_UNREACHABLE']);

export class Verbs {
  readonly #running = new Map<string, RunningVerb>();
  /** Steps, each with its attempt, whose end was written here: what was read before is old. */
  readonly #ended = new Set<string>();
  /** Since when each attempt has not come to its shard. */
  readonly #kept = new Map<string, Date>();
  readonly #onEnd: () => void;

  /** @param onEnd a verb has ended: the campaign is looked at without delay */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  has(step: string): boolean {
    return this.#running.has(step);
  }

  /** Runs the verb of a step, unless it runs already. */
  ensure(pass: Pass, row: StepRow): void {
    const attempt = `${row.id} ${row.attempt}`;
    if (this.#running.has(row.id) || this.#ended.has(attempt)) return;
    const stopping = new AbortController();
    const kept = {
      since: () => this.#kept.get(attempt) ?? this.#keep(attempt, pass.on.clock()),
      over: () => this.#kept.delete(attempt),
    };
    const done = run(pass, row, { signal: stopping.signal, kept })
      .then((isOver) => {
        if (!isOver) return;
        this.#ended.add(attempt);
        this.#kept.delete(attempt);
      })
      .catch((error: unknown) => {
        pass.on.log.warn({ step: row.id, error }, 'the end of a verb was not written');
      })
      .finally(() => {
        this.#running.delete(row.id);
        this.#onEnd();
      });
    this.#running.set(row.id, { stopping, done });
  }

  #keep(attempt: string, since: Date): Date {
    this.#kept.set(attempt, since);
    return since;
  }

  /** Interrupts all of them, and resolves when they have ended. Idempotent. */
  async stop(): Promise<void> {
    const all = [...this.#running.values()];
    for (const { stopping } of all) stopping.abort();
    await Promise.all(all.map(({ done }) => done));
  }
}

interface Running {
  readonly signal: AbortSignal;
  /** What keeps it from its shard: since when, from now on at the latest; and that it is over. */
  readonly kept: { since(): Date; over(): void };
}

/** @returns whether the attempt is over; where it is not, the next pass goes on with it */
async function run(pass: Pass, row: StepRow, { signal, kept }: Running): Promise<boolean> {
  const { addresses, bundle } = pass.known;
  const address = addresses.find(({ name }) => name === row.name);
  const url = address?.url ?? null;
  if (url === null) {
    const message = `the cluster has no shard ${row.name} any more, as this server knows it`;
    await failed(pass, row, message, []);
    return true;
  }
  const notes = new Notes(pass, row);
  try {
    const outcome = await runVerb({
      ...{ url, shard: row.name, bundle, verb: row.action as ShardStep['action'] },
      ...{ signal, runner: `campaign ${pass.known.campaign.id} on ${pass.lease.owner}` },
      onProgress: (progress) => {
        kept.over();
        notes.see(progress);
      },
      log: (line) => notes.line(line),
    });
    await notes.end();
    await succeeded(pass, row, outcome);
    return true;
  } catch (error) {
    await notes.end();
    return endedBy(pass, row, { error, url, signal, kept });
  }
}

async function succeeded(pass: Pass, row: StepRow, { phase, floor, seconds }: Outcome) {
  const where = phase === 'settled' ? `settled at ${floor}` : phase;
  const message = `${row.action} done in ${seconds.toFixed(1)} s, ${row.name} is ${where}`;
  await settle(pass, row, { state: 'succeeded', message, evidence: [] });
}

async function failed(pass: Pass, row: StepRow, message: string, evidence: readonly string[]) {
  await settle(pass, row, { state: 'failed', message, evidence });
}

async function endedBy(
  pass: Pass,
  row: StepRow,
  { error, url, signal, kept }: Running & { readonly error: unknown; readonly url: string },
): Promise<boolean> {
  const clean = (text: string) => withoutSecrets(text, url);
  const isOurs = error instanceof HalflapError;
  const message = clean(error instanceof Error ? error.message : String(error));
  if (isOurs && error.code === 'INTERRUPTED') {
    await waitAgain(pass, row);
    return true;
  }
  // Whoever has paused the shard knows of it.
  if (isOurs && (error.code === 'PAUSED' || (PASSING.has(error.code) && !isLate(pass, kept)))) {
    await write(pass, row, { ...NOTHING, title: row.action, waitingFor: message });
    await rest(signal);
    return false;
  }
  const evidence = isOurs ? (error.detail.evidence ?? []).map(clean) : [];
  const hint = isOurs && error.hint !== undefined ? [clean(error.hint)] : [];
  await failed(pass, row, message, [...evidence, ...hint]);
  return true;
}

function isLate({ on, known }: Pass, kept: Running['kept']): boolean {
  const most = known.campaign.policy.deadlineSeconds * 1000;
  return on.clock().getTime() > kept.since().getTime() + most;
}

const NOTHING = {
  ...{ title: '', relation: null, rowsDone: 0, rowsEstimated: 0, rowsPerSecond: 0 },
  ...{ secondsLeft: null, waitingFor: null },
} satisfies StepProgress;

function rest(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, AGAIN_MS);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** It goes on when the campaign does: by whoever has it then. */
export async function waitAgain(pass: Pass, { id, action }: StepRow): Promise<void> {
  const { campaign } = pass.known;
  await atHome(pass, async (client) => {
    const { rowCount } = await client.query(
      `update campaign_steps set state = 'waiting'
       where campaign_id = $1 and id = $2 and state = 'running'`,
      [campaign.id, id],
    );
    if (rowCount === 0) return;
    const message = `${action} was interrupted; what is done stays done`;
    await noteEvent(client, campaign.id, { kind: 'interrupted', step: id, message });
  });
}

interface Settled {
  readonly state: 'succeeded' | 'failed';
  readonly message: string;
  readonly evidence: readonly string[];
}

async function settle(pass: Pass, row: StepRow, { state, message, evidence }: Settled) {
  const { campaign } = pass.known;
  const { id } = row;
  await atHome(pass, async (client) => {
    const { rowCount } = await client.query(
      `update campaign_steps
       set state = $3, ended_at = now(), is_retried = false, message = $4, evidence = $5
       where campaign_id = $1 and id = $2 and state = 'running'`,
      [campaign.id, id, state, message, JSON.stringify(evidence)],
    );
    if (rowCount === 0) return;
    await noteEvent(client, campaign.id, { kind: state, step: id, message, detail: { evidence } });
    const moment = state === 'succeeded' ? 'after' : 'failed';
    await callHooks(client, pass.known, moment, calledStep(row, message));
  });
}

async function write(pass: Pass, { id }: StepRow, progress: StepProgress): Promise<void> {
  const { on, lease, known } = pass;
  await on.store.home.query(
    `update campaign_steps set progress = $3
     where campaign_id = $1 and id = $2 and state = 'running'
       and exists (select from leases where name = $4 and fence = $5)`,
    [known.campaign.id, id, JSON.stringify(progress), lease.name, lease.fence],
  );
}

/** Progress and lines of a verb on their way into the store; what cannot be written is left out. */
class Notes {
  readonly #pass: Pass;
  readonly #row: StepRow;
  #latest: Progress | undefined;
  #lines = 0;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<unknown> = Promise.resolve();

  constructor(pass: Pass, row: StepRow) {
    this.#pass = pass;
    this.#row = row;
  }

  see(progress: Progress): void {
    this.#latest = progress;
    this.#timer ??= setTimeout(() => this.#flush(), PROGRESS_MS);
  }

  line(message: string): void {
    this.#lines += 1;
    if (this.#lines > MOST_LINES) return;
    const { on, known } = this.#pass;
    const event = { kind: 'log' as const, step: this.#row.id, message };
    this.#then(() => noteEvent(on.store.home, known.campaign.id, event));
  }

  async end(): Promise<void> {
    clearTimeout(this.#timer);
    this.#flush();
    await this.#work;
  }

  #flush(): void {
    this.#timer = undefined;
    const latest = this.#latest;
    this.#latest = undefined;
    if (latest === undefined) return;
    const { title, relation, rowsDone, rowsEstimated, rowsPerSecond } = latest;
    const { secondsLeft, waitingFor } = latest;
    const progress = { title, relation, rowsDone, rowsEstimated, rowsPerSecond };
    this.#then(() => write(this.#pass, this.#row, { ...progress, secondsLeft, waitingFor }));
  }

  #then(task: () => Promise<unknown>): void {
    this.#work = this.#work.then(task).catch((error: unknown) => {
      this.#pass.on.log.debug({ error }, 'progress of a verb was not written');
    });
  }
}
