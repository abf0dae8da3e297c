// A bundle on its way from the vendor: what is read is what was written, or it is said what is
// wrong.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bundle, bundleHash } from '@halflap/engine';
import { HalflapError } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBundle, writeBundle } from './bundle-file.js';

let directory: string;
let file: string;
let whole: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'halflap-bundle-'));
  file = join(directory, 'shop-2.0.bundle.json');
  // Nothing but the format and the hash is looked at here.
  const contents = { format: 1, app: 'shop', note: 'x'.repeat(1000) } as unknown as Bundle;
  writeBundle(file, { ...contents, hash: bundleHash(contents) });
  whole = readFileSync(file, 'utf8');
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('readBundle', () => {
  it('reads back what was written', () => {
    expect(readBundle(file)).toMatchObject({ app: 'shop' });
  });

  it.each([
    ['is cut off', () => whole.slice(0, 500), 'it is cut off after 500 bytes'],
    ['is empty', () => '\n', 'it is empty'],
    ['is a package', () => '!<arch>\ndebian-binary', 'it is not JSON'],
    ['is a list', () => '[]', 'it is JSON, but no bundle'],
    [
      'was changed',
      () => whole.replace('shop', 'shap'),
      'its contents are not those that its hash',
    ],
    ['is newer', () => whole.replace('"format": 1', '"format": 9'), 'it has format 9'],
  ])('says so of a file that %s', (_, text, problem) => {
    const broken = join(directory, 'broken.json');
    writeFileSync(broken, text());
    const error = failureOf(broken);
    expect(error).toMatchObject({ code: 'BUNDLE_INVALID', detail: { file: broken } });
    expect(error.message).toContain(`bundle ${broken}: ${problem}`);
    expect(error.hint).toBeTruthy();
  });

  it('says why a file cannot be read', () => {
    expect(failureOf(join(directory, 'nowhere')).message).toContain('it cannot be read (ENOENT)');
    expect(failureOf(directory).message).toContain('it cannot be read (EISDIR)');
  });
});

function failureOf(path: string): HalflapError {
  try {
    readBundle(path);
  } catch (error) {
    if (error instanceof HalflapError) return error;
    throw error;
  }
  throw new Error('it was read');
}
