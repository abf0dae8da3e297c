// Rules that only the new release has, on a table that stays: no statement reads the table while it
// keeps writers out.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openReader, type Reader } from '../gate/testing/written.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

describe('a new CHECK and a new NOT NULL of a table that stays', () => {
  it('are added NOT VALID first, and validated beside writers in steps of their own', async () => {
    const bundle = await reader.bundle(
      'create table t (id int primary key, a int, b int);',
      `create table t (id int primary key, a int not null, b int,
        constraint positive check (b > 0));`,
    );
    const rules = bundle.steps.contract.flatMap((step) =>
      step.kind !== 'transaction'
        ? []
        : step.statements
            .map(({ sql, lock }) => ({ at: step.id, text: sql.split('\n').at(-1), lock }))
            .filter(({ text = '' }) => /^alter table .*(constraint|not null)/.test(text))
            .map(({ at, text, lock }) => [at, text, lock?.mode]),
    );
    const table = 'alter table "shop_2_0"."t"';
    expect(rules).toEqual([
      [
        'contract/fence',
        `${table} add constraint "halflap_a_not_null" check ("a" is not null) not valid`,
        'ACCESS EXCLUSIVE',
      ],
      [
        'contract/fence',
        `${table} add constraint "positive" check ((b > 0)) not valid`,
        'ACCESS EXCLUSIVE',
      ],
      [
        'contract/validate/t/positive',
        `${table} validate constraint "positive"`,
        'SHARE UPDATE EXCLUSIVE',
      ],
      [
        'contract/validate/t/a not null',
        `${table} validate constraint "halflap_a_not_null"`,
        'SHARE UPDATE EXCLUSIVE',
      ],
      // PostgreSQL takes the validated check for proof, and does not read the table for this.
      ['contract/not-null/t/a', `${table} alter column "a" set not null`, 'ACCESS EXCLUSIVE'],
      [
        'contract/not-null/t/a',
        `${table} drop constraint "halflap_a_not_null"`,
        'ACCESS EXCLUSIVE',
      ],
    ]);
  });
});
