// The tables of docs/sql-through-a-lens.md, as every version of PostgreSQL that Halflap promises
// answers now.

import { findInstallations, SUPPORTED_MAJORS } from '@halflap/engine/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileLens } from '../docs/lens-shard.js';
import { ROOT, readPage } from '../docs/page.js';
import { type Matrix, matrixOf } from './lens-matrix.js';
import { pageWith } from './lens-page.js';

const PAGE = 'docs/sql-through-a-lens.md';

const installations = await findInstallations(process.env);
const found = SUPPORTED_MAJORS.flatMap(
  (major) => installations.find((one) => one.major === major) ?? [],
);

describe('SQL through a lens', () => {
  let matrices: readonly Matrix[];

  beforeAll(async () => {
    const compiled = await compileLens();
    matrices = await Promise.all(found.map((one) => matrixOf(one, compiled)));
  });

  it('is answered alike by a session lens', () => {
    for (const { statements, settled } of matrices) {
      for (const [name, row] of Object.entries(settled)) {
        for (const [place, answer] of Object.entries(row)) {
          expect(statements[name]?.[place], `${name}, ${place}`).toBe(answer);
        }
      }
    }
  });

  it('is answered by each version as the page says', async ({ skip }) => {
    const missing = SUPPORTED_MAJORS.filter((major) => !found.some((one) => one.major === major));
    skip(missing.length > 0, `PostgreSQL ${missing.join(', ')} is not on this machine`);
    skip(
      matrices.every((one) => one.dumped === null),
      'there is no pg_dump on this machine',
    );
    await expect(pageWith(readPage(PAGE), matrices)).toMatchFileSnapshot(`${ROOT}/${PAGE}`);
  });
});
