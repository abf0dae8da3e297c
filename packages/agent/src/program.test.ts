// Programs that do not end, print too much, or are not there.

import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Host } from './host.js';
import { runProgram } from './program.js';

const ignore = () => undefined;
const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const host: Host = { root: '/', enter: [], log };
const shell = (command: string) => ['sh', '-c', command] as const;

let directory = '';
beforeEach(async () => {
  directory = await fs.mkdtemp(join(tmpdir(), 'halflap-program-'));
});
afterEach(() => fs.rm(directory, { recursive: true }));

describe('a program', () => {
  it('gets nothing of our environment, and says what it printed and how it ended', async () => {
    const outcome = await runProgram(host, shell('env; echo oh >&2; exit 3'), {
      timeoutMs: 30_000,
    });
    expect(outcome).toMatchObject({ kind: 'ran', exitCode: 3, stderr: 'oh\n' });
    const names = outcome.kind === 'ran' ? outcome.stdout.match(/^\w+(?==)/gm) : null;
    expect(names?.filter((name) => !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name)).sort()).toEqual(
      ['HOME', 'LC_ALL', 'PATH', 'TZ'],
    );
  });

  it('that is missing is no error', async () => {
    const outcome = await runProgram(host, ['no-such-program'], { timeoutMs: 1000 });
    expect(outcome).toEqual({ kind: 'missing' });
  });

  it('ends with all that it started when its time is over', async () => {
    const pipe = join(directory, 'pipe');
    // Both hold the pipe open; reading it ends only when both have gone.
    const start = `mkfifo ${pipe}; exec 3<>${pipe}; sleep 9999 & sleep 9999`;
    const outcome = await runProgram(host, shell(start), { timeoutMs: 1000 });
    expect(outcome).toEqual({ kind: 'failed', why: 'sh took longer than 1000 ms' });
    const writer = fs.open(pipe, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
    await expect(writer).rejects.toMatchObject({ code: 'ENXIO' });
  });

  it('ends when it prints without end', async () => {
    const limits = { timeoutMs: 30_000, outputBytes: 1000 };
    const outcome = await runProgram(host, ['yes'], limits);
    expect(outcome).toEqual({ kind: 'failed', why: 'yes printed more than 1000 bytes' });
  });

  it('ends with what asked for it', async () => {
    const asked = new AbortController();
    const running = runProgram({ ...host, signal: asked.signal }, ['sleep', '9999'], {
      timeoutMs: 30_000,
    });
    asked.abort();
    expect(await running).toMatchObject({ kind: 'failed' });
  });
});
