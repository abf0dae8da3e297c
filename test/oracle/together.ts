// Several kinds in one evolution: each has its own tables and knows its own part of the answer.

import type { Pair, Plain, Statement } from './plain.js';

export function together(pairs: readonly Pair[]): Pair {
  const [first] = pairs;
  if (first !== undefined && pairs.length === 1) return first;
  const joined = (text: (pair: Pair) => string, by: string) =>
    pairs
      .map(text)
      .filter((one) => one !== '')
      .join(by);
  return {
    name: joined((one) => one.name, ' and '),
    schemas: {
      old: joined((one) => one.schemas.old, '\n'),
      new: joined((one) => one.schemas.new, '\n'),
    },
    changes: joined((one) => one.changes, ''),
    head: headsOf(pairs),
    needsPrepared: pairs.some((one) => one.needsPrepared),
    open: async (bundle) => {
      const parts: Plain[] = [];
      for (const pair of pairs) parts.push(await pair.open(bundle));
      return allOf(parts);
    },
    smaller: (statements) => [
      ...pairs.map((pair) => together(pairs.filter((one) => one !== pair))),
      ...pairs.flatMap((pair) =>
        pair
          .smaller(statements)
          .map((small) => together(pairs.map((one) => (one === pair ? small : one)))),
      ),
    ],
  };
}

/** What stands under one key is put under that key once. */
function headsOf(pairs: readonly Pair[]): string {
  const keys = new Map<string, string>();
  for (const { head } of pairs) {
    for (const [, key = '', entries = ''] of head.matchAll(/^(\w+:\n)((?: .*\n)*)/gm)) {
      keys.set(key, `${keys.get(key) ?? ''}${entries}`);
    }
  }
  return [...keys].map((one) => one.join('')).join('');
}

function allOf(parts: readonly Plain[]): Plain {
  const of = (table: string) => {
    const found = parts.find(({ tables }) => tables.has(table));
    if (found === undefined) throw new Error(`no table ${table}`);
    return found;
  };
  const each = async (body: (part: Plain) => Promise<void>) => {
    for (const part of parts) await body(part);
  };
  const lines = async (body: (part: Plain) => Promise<string[]>) => {
    const found: string[] = [];
    for (const part of parts) found.push(...(await body(part)));
    return found;
  };
  return {
    tables: new Set(parts.flatMap(({ tables }) => [...tables])),
    say: (text) => each((part) => part.say(text)),
    draw: (random, place) => random.pick(parts).draw(random, place),
    answersTo: (asked) => of(asked.statement.table).answersTo(asked),
    isRefusedAtCommit: async (place) => {
      for (const part of parts) if (await part.isRefusedAtCommit(place)) return true;
      return false;
    },
    cures: async (way) => {
      const found: Statement[] = [];
      for (const part of parts) found.push(...(await part.cures(way)));
      return found;
    },
    read: (client, release) => lines((part) => part.read(client, release)),
    lines: (release) => lines((part) => part.lines(release)),
    beginAgain: (broken) => each((part) => part.beginAgain(broken)),
    close: () => each((part) => part.close()),
  };
}
