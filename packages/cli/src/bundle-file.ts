// A bundle as a file: written whole or not at all, read back after writing, and believed only when
// its hash is that of its contents.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { BUNDLE_FORMAT, type Bundle, bundleHash } from '@halflap/engine/runner';
import { HalflapError } from '@halflap/protocol';

/**
 * Writes a bundle beside its final place, reads it back, and puts it there.
 * @throws BUNDLE_INVALID when what was read back is not what was written.
 */
export function writeBundle(file: string, bundle: Bundle): void {
  const draft = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, `${JSON.stringify(bundle, null, 1)}\n`);
    const { hash } = readBundle(draft);
    if (hash !== bundle.hash) throw invalid(file, `read back ${hash}, wrote ${bundle.hash}`);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw reasonOf(error) === undefined ? error : unwritable(file, error);
  }
}

/**
 * @throws BUNDLE_INVALID when the file is missing, damaged, or of a format this version cannot
 * read.
 */
export function readBundle(file: string): Bundle {
  const bundle = parse(file);
  if (bundle.format !== BUNDLE_FORMAT) {
    const problem = `it has format ${bundle.format}, this version reads format ${BUNDLE_FORMAT}`;
    throw invalid(file, problem, 'use the version of halflap that built it, or build it again');
  }
  if (typeof bundle.hash !== 'string' || bundleHash(bundle) !== bundle.hash) {
    throw invalid(file, 'its contents are not those that its hash was made from');
  }
  return bundle;
}

function parse(file: string): Bundle {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw invalid(file, `it cannot be read (${reasonOf(error) ?? 'unknown'})`, 'name another file');
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'format' in value) return value as Bundle;
  } catch {
    throw invalid(file, brokenness(text));
  }
  throw invalid(file, 'it is JSON, but no bundle');
}

/** A copy that was interrupted is the usual case, and is told from a file of another kind. */
function brokenness(text: string): string {
  if (text.trim() === '') return 'it is empty';
  const isCut = text.startsWith('{') && !text.trimEnd().endsWith('}');
  return isCut ? `it is cut off after ${Buffer.byteLength(text)} bytes` : 'it is not JSON';
}

function invalid(
  file: string,
  problem: string,
  hint = 'copy or build the file again',
): HalflapError {
  return new HalflapError('BUNDLE_INVALID', `bundle ${file}: ${problem}`, {
    detail: { file },
    hint,
  });
}

function unwritable(file: string, error: unknown): HalflapError {
  return new HalflapError('BUNDLE_INVALID', `cannot write ${file} (${reasonOf(error)})`, {
    detail: { file },
    hint: 'name another file with --out FILE',
    cause: error,
  });
}

/** `ENOENT`, `EACCES`, …; undefined for errors that do not come from the file system. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof HalflapError || !(error instanceof Error)) return undefined;
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
