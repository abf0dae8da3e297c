// docs/application.md and docs/failures.md: the tables of the store are all there, and each failure
// names the test, or the place in the code, that it was checked against. Lists of folders are
// whole.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, readPage, tableOf } from './page.js';

describe('docs/application.md', () => {
  it('says what each table of the store is for', () => {
    const schema = readPage('packages/server/releases/1.0/schema.sql');
    const tables = [...schema.matchAll(/^create table (\w+)/gm)].map((match) => match[1]);
    const told = tableOf(readPage('docs/application.md'), 'tables').flatMap(([names = '']) =>
      [...names.matchAll(/`(\w+)`/g)].map((match) => match[1]),
    );
    expect(told.sort()).toEqual(tables.sort());
  });
});

describe('docs/failures.md', () => {
  const rows = tableOf(readPage('docs/failures.md'), 'what fails');

  it('is about what fails', () => expect(rows.length).toBeGreaterThan(15));

  it.each(rows.map((row) => [row[0] ?? '', row] as const))('has checked: %s', (_, row) => {
    const [, file = '', words = ''] = /<!-- (\S+): (.+) -->$/.exec(row.at(-1) ?? '') ?? [];
    expect(existsSync(join(ROOT, file)), file).toBe(true);
    // A comment of the code goes on in the next line.
    const text = readPage(file).replace(/\n\s*(?:\/\/|\*)?\s*/g, ' ');
    expect(text).toContain(words);
  });
});

describe.each(['server', 'agent'])('packages/%s/README.md', (name) => {
  it('says what each folder is for', () => {
    const path = `packages/${name}`;
    const folders = readdirSync(join(ROOT, path, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `\`${entry.name}/\``);
    const told = tableOf(readPage(`${path}/README.md`), 'in `src`').map(([folder]) => folder);
    expect(told.filter((one) => one?.endsWith('/`')).sort()).toEqual(folders.sort());
  });
});
