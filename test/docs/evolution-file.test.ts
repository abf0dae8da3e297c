// docs/evolution-file.md: every change and key of the JSON Schema is explained, and every
// example is compiled, tried, and answered as the page says.

import { describe, expect, inject, it } from 'vitest';
import { isDue } from '../setup/due.js';
import { checkExample, examplesIn, linesOf } from './evolution-example.js';
import { blocksOf, readPage, tableOf } from './page.js';

const page = readPage('docs/evolution-file.md');
const examples = examplesIn(blocksOf(page));

interface Definition {
  readonly properties?: Readonly<Record<string, unknown>>;
}
interface Schema extends Definition {
  readonly $defs: Readonly<Record<string, Definition>>;
}
const schema: Schema = JSON.parse(readPage('packages/engine/schemas/evolution.schema.json'));
const keysOf = (definition: Definition | undefined) => Object.keys(definition?.properties ?? {});
const kinds = keysOf(schema.$defs.change);

/** What the entries of a kind's tables are called in the schema. */
const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  split_table: ['part'],
  merge_tables: ['merged'],
  partition_rows: ['share'],
  unite_tables: ['share'],
  custom: ['queried'],
};

describe('docs/evolution-file.md', () => {
  it('explains the keys of the file', () => {
    expect(explained(page.slice(0, page.indexOf('\n## ')))).toEqual(keysOf(schema).sort());
  });

  it.each(kinds)('explains %s with its keys, and no others', (kind) => {
    const keys = [...keysOf(schema.$defs[kind])];
    for (const one of ENTRIES[kind] ?? []) keys.push(...keysOf(schema.$defs[one]));
    expect(explained(section(kind))).toEqual(keys.sort());
  });

  it('explains the policies of dirty with their keys, and no others', () => {
    const policies = keysOf(schema.$defs.policy);
    expect(
      tableOf(section('Dirty data'), 'policy').map((row) => row[0]?.replaceAll('`', '')),
    ).toEqual(policies);
    const keys = new Set(policies.flatMap((one) => keysOf(schema.$defs[one])));
    expect(explained(section('Dirty data'))).toEqual([...keys].sort());
  });

  it.each(kinds)('has an example of %s', (kind) => {
    const found = examplesIn(blocksOf(section(kind)));
    expect(found).not.toEqual([]);
    for (const { evolution } of found) expect(evolution).toContain(`- ${kind}:`);
  });

  for (const example of examples) {
    it.skipIf(!isDue(example.evolution))(
      `says what check answers to the example in line ${example.line}`,
      async () => {
        const { code, stdout, stderr } = await checkExample(example, inject('serverUrl'));
        expect(linesOf(example.isWrong ? stderr : stdout), stderr).toEqual(
          linesOf(example.printed.join('\n')),
        );
        const isTried = example.printed[0]?.includes('CHECK_FAILED');
        expect(code).toBe(example.isWrong ? (isTried ? 3 : 2) : 0);
      },
    );
  }
});

function section(title: string): string {
  const parts = page.split(/^## /m);
  return parts.find((part) => part.startsWith(`${title}\n`)) ?? '';
}

function explained(text: string): string[] {
  return tableOf(text, 'key')
    .map((row) => row[0]?.replaceAll('`', '') ?? '')
    .sort();
}
