// Looking at files: real ones, links, devices, pipes.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WorkHost, WorkOf } from './work.js';
import { lookAtFile } from './work-file.js';

let directory: string;
const at = (name: string) => join(directory, name);
const CONTENT = Buffer.alloc(3 * 1024 * 1024, 'x');
/** Stands across the border of two pieces that are read one after the other. */
const ACROSS = 'across the border';

beforeAll(async () => {
  directory = await fs.mkdtemp(join(tmpdir(), 'halflap-file-'));
  CONTENT.write(ACROSS, 1024 * 1024 - 5);
  await fs.writeFile(at('file'), CONTENT, { mode: 0o640 });
  await fs.symlink('file', at('link'));
  await fs.symlink('nowhere', at('dangling'));
  execFileSync('mkfifo', [at('pipe')]);
});

afterAll(() => fs.rm(directory, { recursive: true }));

async function look(path: string, expected: Partial<WorkOf<'file'>> = {}, signal?: AbortSignal) {
  const host = { say: () => {}, signal: signal ?? new AbortController().signal };
  const work = { kind: 'file', path, ...expected } as const;
  const { state, message } = await lookAtFile(work, host as unknown as WorkHost);
  return `${state}: ${message.replaceAll(`${directory}/`, '')}`;
}

describe('a file', () => {
  const sha256 = () => createHash('sha256').update(CONTENT).digest('hex');

  it('is as expected', async () => {
    const owner = userInfo().username;
    const all = { exists: true, mode: '0640', owner, contains: ACROSS, sha256: sha256() };
    for (const path of ['file', 'link']) {
      expect(await look(at(path), all)).toBe(`succeeded: ${path} is as expected`);
    }
    expect(await look(directory, { mode: '0700' })).toContain('succeeded');
  });

  it('is not as expected, in everything that differs', async () => {
    const all = { mode: '644', owner: 'nobody', contains: 'across  the', sha256: 'a'.repeat(64) };
    const owner = userInfo().username;
    const differences = [
      'its mode is 0640, not 644',
      `its owner is ${owner}, not nobody`,
      `its SHA-256 is ${sha256()}`,
      'it does not contain the text',
    ];
    expect(await look(at('file'), all)).toBe(
      `failed: file is not as expected: ${differences.join('; ')}`,
    );
  });

  it('is there or not; a link that leads nowhere is no file', async () => {
    expect(await look(at('file'), { exists: false })).toContain('failed');
    expect(await look(at('none'), { exists: false })).toBe('succeeded: none does not exist');
    expect(await look(at('none'))).toBe('failed: none does not exist');
    expect(await look(at('dangling'))).toContain('is a link to nowhere, which does not exist');
  });

  it('is never read when it has no end', async () => {
    for (const path of [at('pipe'), '/dev/zero', directory]) {
      expect(await look(path, { contains: 'a' })).toContain('no regular file');
    }
  });

  it('is not read to its end when the work is to end', async () => {
    expect(await look(at('file'), { contains: 'a' }, AbortSignal.abort())).toContain('interrupted');
  });
});
