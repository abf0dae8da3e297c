// What `halflap jobs run …` does: the hosts, the question, the job, its end.

import { EXIT, HalflapError } from '@halflap/protocol';
import type { Work } from '@halflap/protocol/agent';
import type { Command } from 'commander';
import type { ApiClient } from '../api/client.js';
import { withServer } from '../api/connect.js';
import { previewTarget, type TargetOptions } from '../api/job-target.js';
import { OPERATIONS } from '../api/operations.js';
import { readLabels } from '../api/pairs.js';
import { confirm } from '../ask-line.js';
import type { Share } from '../commands/jobs-run.js';
import { awaitJob } from '../job-end.js';
import { previewText } from '../job-view.js';
import { excerpt, type Printer } from '../print.js';
import { hostsText } from '../quantities.js';

interface RunOptions extends TargetOptions {
  readonly name?: string;
  readonly batch?: Share;
  readonly concurrency?: number;
  readonly stopAfter?: Share;
  readonly wait?: number;
  readonly timeout?: number;
  readonly total?: number;
  readonly lost?: number;
  readonly outputLimit?: number;
  readonly preview?: boolean;
  readonly partial?: boolean;
  readonly detach?: boolean;
  readonly yes?: boolean;
}

interface Asked {
  readonly work: Work;
  /** What the job is called when nobody says. */
  readonly name: string;
}

interface PackageOptions extends RunOptions {
  readonly onlySecurity?: boolean;
  readonly simulate?: boolean;
}

export async function packages(
  action: string,
  names: readonly string[],
  options: PackageOptions,
  command: Command,
): Promise<void> {
  const { onlySecurity = false, simulate = false } = options;
  const work = {
    kind: 'packages',
    action: action as Extract<Work, { kind: 'packages' }>['action'],
    packages: names.map((text) => {
      const at = text.indexOf('=');
      return at === -1
        ? { name: text, version: null }
        : { name: text.slice(0, at), version: text.slice(at + 1) };
    }),
    ...{ onlySecurity, simulate },
  } as const;
  const what = names.length > 0 ? names.join(' ') : onlySecurity ? 'security fixes' : 'all';
  await run({ work, name: `${simulate ? 'simulate ' : ''}${action} ${what}` }, options, command);
}

export async function service(
  action: string,
  name: string,
  options: RunOptions,
  command: Command,
): Promise<void> {
  const known = action as Extract<Work, { kind: 'service' }>['action'];
  const work = { kind: 'service', action: known, service: name } as const;
  await run({ work, name: `${action} ${name}` }, options, command);
}

interface CommandOptions extends RunOptions {
  readonly user?: string;
  readonly directory?: string;
  readonly env?: readonly string[];
}

export async function command(
  program: string,
  args: readonly string[],
  options: CommandOptions,
  self: Command,
): Promise<void> {
  const { user = null, directory = null, env = [] } = options;
  const environment = readLabels(env);
  const work: Work = { kind: 'command', program, args: [...args], user, directory, environment };
  await run({ work, name: [program, ...args].join(' ') }, options, self);
}

interface FileOptions extends RunOptions {
  readonly absent?: boolean;
  readonly sha256?: string;
  readonly contains?: string;
  readonly mode?: string;
  readonly owner?: string;
}

export async function file(path: string, options: FileOptions, command: Command): Promise<void> {
  const { absent, sha256, contains, mode, owner } = options;
  const expected = {
    ...(absent === true ? { exists: false } : {}),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(contains === undefined ? {} : { contains }),
    ...(mode === undefined ? {} : { mode }),
    ...(owner === undefined ? {} : { owner }),
  };
  await run({ work: { kind: 'file', path, ...expected }, name: `check ${path}` }, options, command);
}

const MOST_NAME = 80;

async function run(asked: Asked, options: RunOptions, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const { target, preview } = await previewTarget(client, options, asked.work.kind);
    if (!printer.isJson || options.preview === true) {
      printer.line(previewText(preview, printer));
      printer.json({ event: 'preview', ...preview });
    }
    const { silentShards: silent } = preview;
    if (options.preview === true) {
      if (silent.length > 0 && options.partial !== true) process.exitCode = EXIT.unreachable;
      return;
    }
    if (silent.length > 0 && options.partial !== true) throw incomplete(silent);
    const name = excerpt(options.name ?? asked.name, MOST_NAME);
    const where = hostsText(preview.hosts.length);
    await confirm(printer, `Run “${name}” on ${where}?`, options.yes === true);
    const spec = { name, work: asked.work, ...paceOf(options) };
    const body = { ...spec, target, digest: preview.digest };
    const { id } = await client.ask(OPERATIONS.createJob, { body });
    await tellJob(client, printer, { id, isDetached: options.detach === true });
  });
}

/** Says which job it is, and waits for its end where that is wanted. */
export async function tellJob(
  client: ApiClient,
  printer: Printer,
  { id, isDetached }: { readonly id: string; readonly isDetached: boolean },
): Promise<void> {
  printer.line(`job ${id}`);
  printer.json({ event: 'job', id });
  if (!isDetached) await awaitJob(client, printer, id);
}

function paceOf(options: RunOptions) {
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : Math.ceil(ms / 1000));
  return {
    ...{ batch: options.batch, stopAfter: options.stopAfter, concurrency: options.concurrency },
    ...{ waitSeconds: seconds(options.wait), timeoutSeconds: seconds(options.timeout) },
    ...{ totalSeconds: seconds(options.total), lostSeconds: seconds(options.lost) },
    outputLimitBytes: options.outputLimit,
  };
}

function incomplete(silent: readonly string[]): HalflapError {
  return new HalflapError(
    'STORE_UNAVAILABLE',
    `${silent.join(', ')} does not answer: its hosts are missing`,
    { hint: 'repeat it; or leave them out with --partial' },
  );
}
