// Which files the project consists of, for the tests that read them all.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Source {
  /** Relative to the root of the repository. */
  readonly path: string;
  readonly text: string;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Files under version control or about to be, as they are now; those that hold text only. */
export function sources(): Source[] {
  const list = [
    '-c',
    'safe.directory=*',
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
  ];
  const paths = execFileSync('git', list, { cwd: ROOT, encoding: 'utf8' }).split('\0');
  return [...new Set(paths)].flatMap((path) => {
    const text = path === '' ? '\0' : read(path);
    return text.includes('\0') ? [] : [{ path, text }];
  });
}

export const isTest = (path: string): boolean => /\.test\.ts$|^test\//.test(path);

/** Each module that a source imports, with the line of the import. */
export function importsOf({ text }: Source): { readonly module: string; readonly line: number }[] {
  const pattern =
    /^(?:import|export)\b[^;'"]*?\bfrom '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'/gm;
  return [...text.matchAll(pattern)].map((match) => ({
    module: match[1] ?? match[2] ?? match[3] ?? '',
    line: lineOf(text, match.index + match[0].length),
  }));
}

export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** A file that was deleted and not yet committed is still listed; it counts as empty of text. */
function read(path: string): string {
  try {
    return readFileSync(join(ROOT, path), 'utf8');
  } catch {
    return '\0';
  }
}
