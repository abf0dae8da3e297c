// Files that a developer goes on to edit: written once, never written over.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { HalflapError } from '@halflap/protocol';

/** The file's text; undefined where there is no such file. */
export function textIn(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw unwritable(file, 'read', error);
  }
}

/**
 * Writes a file with the directories that lead to it; one that appears meanwhile is left alone.
 * @throws FILE_EXISTS
 */
export function writeNew(file: string, text: string | Uint8Array, mode = 0o666): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: 'wx', mode });
  } catch (error) {
    throw codeOf(error) === 'EEXIST' ? fileExists(file) : unwritable(file, 'write', error);
  }
}

/** What is in the file is somebody's work. */
export function fileExists(
  file: string,
  hint = `compare the two; or move ${shown(file)} away`,
): HalflapError {
  return new HalflapError('FILE_EXISTS', `${shown(file)} is there already, and holds other text`, {
    detail: { file },
    hint,
  });
}

/** As one would type it here. */
export function shown(file: string): string {
  const path = relative(process.cwd(), file);
  return path.startsWith('..') ? file : path;
}

function unwritable(file: string, verb: 'read' | 'write', cause: unknown): HalflapError {
  return new HalflapError('COMMAND_INVALID', `cannot ${verb} ${shown(file)} (${codeOf(cause)})`, {
    detail: { file },
    hint: 'run halflap where its files are yours to write, or name halflap.yaml with --config FILE',
    cause,
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
