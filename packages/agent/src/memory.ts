// What a collection need not ask again: each answer counts as long as what it depends on has not
// changed, and that is seen by looking at files, which costs next to nothing.

import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { type Host, namesIn } from './host.js';

/** Begins empty; give the same one to each collection of a host. */
export class Memory {
  readonly #answers = new Map<string, { readonly stamp: string; readonly value: unknown }>();

  /**
   * The answer of the same name and stamp, or a new one.
   * An answer that is null was no answer: it is not kept, and what was kept before stays, so that
   * `last` has it.
   */
  async ask<Value>(
    name: string,
    stamp: string,
    answer: () => Promise<Value | null>,
  ): Promise<Value | null> {
    const kept = this.#answers.get(name);
    if (kept?.stamp === stamp) return kept.value as Value;
    const value = await answer();
    if (value !== null) this.#answers.set(name, { stamp, value });
    return value;
  }

  /** The last answer of that name, however old; null where there never was one. */
  last<Value>(name: string): Value | null {
    return (this.#answers.get(name)?.value as Value | undefined) ?? null;
  }
}

/** A string that differs when one of the files, or of the files in one of the directories, does. */
export async function stampOf(host: Host, paths: readonly string[]): Promise<string> {
  const marks = await Promise.all(paths.map((path) => markOf(host, path, true)));
  return marks.join('|');
}

/** The same, of the directories alone: a file that is written in place is not seen. */
export async function stampOfNames(host: Host, paths: readonly string[]): Promise<string> {
  const marks = await Promise.all(paths.map((path) => markOf(host, path, false)));
  return marks.join('|');
}

async function markOf(host: Host, path: string, isDeep: boolean): Promise<string> {
  try {
    const stat = await fs.stat(join(host.root, path), { bigint: true });
    const mark = `${stat.mtimeNs},${stat.size},${stat.ino}`;
    if (!isDeep || !stat.isDirectory()) return mark;
    const names = await namesIn(host, path);
    const marks = names.map((name) => markOf(host, join(path, name), false));
    return [mark, ...(await Promise.all(marks))].join(';');
  } catch {
    return '-';
  }
}
