// What `halflap jobs …` does, but for `jobs run`.

import { EXIT, HalflapError } from '@halflap/protocol';
import type { JobOutput, JobRun } from '@halflap/server';
import type { Command } from 'commander';
import type { ApiClient } from '../api/client.js';
import { withServer } from '../api/connect.js';
import { findHost } from '../api/find-host.js';
import { findJob } from '../api/find-job.js';
import { followJob, isOpen, type JobSeen, watching, watchRun } from '../api/job-watch.js';
import { OPERATIONS } from '../api/operations.js';
import type { ListOptions } from '../api/pages.js';
import { showList } from '../api/show-list.js';
import { confirm } from '../ask-line.js';
import { awaitJob } from '../job-end.js';
import { createOutputLines, tellPiece, tellPieces } from '../job-output.js';
import { jobColumns, jobText, runColumns } from '../job-view.js';
import { count, type Printer } from '../print.js';
import { hostsText } from '../quantities.js';
import { tellJob } from './jobs-run.js';

interface StateOptions extends ListOptions {
  readonly state?: readonly string[];
}

export async function list(options: StateOptions, command: Command): Promise<void> {
  await withServer(command, (client, printer) =>
    showList(client, printer, {
      operation: OPERATIONS.listJobs,
      query: { state: options.state },
      options,
      noun: ['job', 'jobs'],
      columns: jobColumns(printer.colors, new Date()),
    }),
  );
}

export async function show(text: string, _options: object, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findJob(client, text);
    const job = await client.ask(OPERATIONS.showJob, { params: { id } });
    printer.json({ job });
    printer.line(jobText(job, printer));
  });
}

interface HostsOptions extends StateOptions {
  readonly search?: string;
  readonly partial?: boolean;
}

export async function hosts(text: string, options: HostsOptions, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findJob(client, text);
    await showList(client, printer, {
      operation: OPERATIONS.listJobRuns,
      params: { id },
      query: { state: options.state, search: options.search },
      options,
      noun: ['host', 'hosts'],
      columns: runColumns(printer.colors, new Date()),
    });
  });
}

export async function output(text: string, name: string, _options: object, command: Command) {
  await withServer(command, async (client, printer) => {
    const params = { id: await findJob(client, text), host: await findHost(client, name, 'look') };
    const run = await client.ask(OPERATIONS.showJobRun, { params });
    const lines = createOutputLines(printer, null);
    let read: JobOutput | undefined;
    do {
      const query = { from: read?.next ?? 0 };
      read = await client.ask(OPERATIONS.showOutput, { params, query });
      tellPieces(read, run, { printer, lines });
    } while (read.more);
    lines.end();
    tellRun(printer, run, read.droppedBytes);
  });
}

interface FollowOptions {
  readonly host?: string;
}

export async function follow(text: string, { host }: FollowOptions, command: Command) {
  await withServer(command, async (client, printer) => {
    const id = await findJob(client, text);
    if (host !== undefined) {
      await followHost(client, printer, { id, host: await findHost(client, host, 'look') });
      return;
    }
    await awaitJob(client, printer, id, (seen, progress) =>
      followJob(
        client,
        { id, isForPeople: !printer.isJson },
        { job: seen, ...outputOf({ ...printer, line: progress.line }) },
      ),
    );
  });
}

/** Prints what hosts write, each line behind the name of its host, and how they end. */
function outputOf(printer: Printer): Omit<JobSeen, 'job'> {
  const writers = new Map<string, ReturnType<typeof createOutputLines>>();
  return {
    output(piece) {
      const lines = writers.get(piece.host) ?? createOutputLines(printer, piece.hostname);
      writers.set(piece.host, lines);
      tellPiece(piece, piece, { printer, lines });
    },
    ended(run) {
      writers.get(run.host)?.end();
      writers.delete(run.host);
      tellRun(printer, run, run.droppedBytes);
    },
    silent(shards) {
      if (shards.length === 0) return;
      printer.note(`${shards.join(', ')} does not answer: its hosts are told once it does`);
    },
  };
}

async function followHost(
  client: ApiClient,
  printer: Printer,
  { id, host }: { readonly id: string; readonly host: string },
): Promise<void> {
  const params = { id, host };
  const before = await client.ask(OPERATIONS.showJobRun, { params });
  const lines = createOutputLines(printer, null);
  const which = { job: id, host, isForPeople: !printer.isJson };
  await watching(client, () =>
    watchRun(client, which, (read) => tellPieces(read, before, { printer, lines })),
  );
  lines.end();
  const run = await client.ask(OPERATIONS.showJobRun, { params });
  tellRun(printer, run, run.droppedBytes);
}

/** How a host stands; with 3 when it ended without success. */
function tellRun(printer: Printer, run: JobRun, droppedBytes: number): void {
  const { host, hostname, state, exitCode, signal, message } = run;
  printer.json({ event: 'host', host, hostname, state, exitCode, signal, message, droppedBytes });
  const how = signal ?? (exitCode === null ? '' : `exit code ${exitCode}`);
  const parts = [state, how, message ?? '', droppedText(droppedBytes)].filter(
    (part) => part !== '',
  );
  printer.line(`${hostname}: ${parts.join(', ')}`);
  if (!isOpen(run) && state !== 'succeeded') process.exitCode = EXIT.refused;
}

function droppedText(bytes: number): string {
  return bytes === 0 ? '' : `${count(bytes)} bytes of output were left out`;
}

export async function cancel(
  text: string,
  { reason }: { readonly reason?: string },
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findJob(client, text);
    await client.ask(OPERATIONS.cancelJob, { params: { id }, body: { reason } });
    printer.json({ id, cancelled: true });
    printer.line(`job ${id}: no further host begins; halflap jobs follow shows how it ends`);
  });
}

export async function giveUp(
  text: string,
  { yes }: { readonly yes?: boolean },
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const id = await findJob(client, text);
    const question = 'End it as lost on all hosts whose shard does not answer, for good?';
    await confirm(printer, question, yes === true);
    const givenUp = await client.ask(OPERATIONS.giveUpJob, { params: { id } });
    printer.json(givenUp);
    const { hosts: number, shards } = givenUp;
    const where = shards.length === 0 ? '' : `, no answer from ${shards.join(', ')}`;
    printer.line(`job ${id}: ${hostsText(number)} given up${where}`);
  });
}

interface RetryOptions {
  readonly failed?: boolean;
  readonly state?: readonly string[];
  readonly detach?: boolean;
  readonly yes?: boolean;
}

/** Of hosts on which it began and did not succeed. */
const FAILED_STATES = ['failed', 'timed_out', 'refused', 'lost'];

export async function retry(text: string, options: RetryOptions, command: Command): Promise<void> {
  const states = options.failed === true ? FAILED_STATES : options.state;
  await withServer(command, async (client, printer) => {
    const id = await findJob(client, text);
    const wanted = states ?? [...FAILED_STATES, 'expired'];
    const { items, total } = await client.ask(OPERATIONS.listJobRuns, {
      params: { id },
      query: { state: wanted, total: true, limit: 1 },
    });
    const number = total ?? items.length;
    if (number === 0) {
      throw new HalflapError(
        'COMMAND_INVALID',
        `no host of the job ended in ${wanted.join(', ')}`,
        {
          hint: `halflap jobs show ${id}`,
        },
      );
    }
    if (!printer.isJson && options.yes !== true) {
      await showList(client, printer, {
        operation: OPERATIONS.listJobRuns,
        params: { id },
        query: { state: wanted },
        options: { all: true },
        noun: ['host', 'hosts'],
        columns: runColumns(printer.colors, new Date()),
      });
    }
    await confirm(printer, `Run it again on ${hostsText(number)}?`, options.yes === true);
    const body = { states: wanted };
    const made = await client.ask(OPERATIONS.retryJob, { params: { id }, body });
    await tellJob(client, printer, { id: made.id, isDetached: options.detach === true });
  });
}
