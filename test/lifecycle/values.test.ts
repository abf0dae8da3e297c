// Values that PostgreSQL calls equal and a release can tell apart, and values that are equal to
// nothing.

import { describe, it } from 'vitest';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

const TYPES = `create domain amount as numeric;
create collation any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
`;

const COLUMNS = `span interval, ratio float8, ratios float8[], doc jsonb, plain json,
  amount amount, amounts numeric[], word text collate any_case`;

const one = `set span = '1 mon', ratio = '-0', ratios = '{-0,NaN}', doc = '{"a": 1.0}',
  plain = '{"a":1}', amount = 1.0, amounts = '{1.0}', word = 'word'`;
const other = `set span = '30 days', ratio = 0, ratios = '{0,NaN}', doc = '{"a": 1.00}',
  plain = '{"a": 1}', amount = 1.00, amounts = '{1.00}', word = 'Word'`;

describe('a value that equals another', () => {
  it('is carried where a release can tell them apart, by one row and by many', () =>
    lifecycleCase({
      from: `${TYPES} create table t (id int primary key, size int, ${COLUMNS});`,
      to: `${TYPES} create table t (id int primary key, size bigint, ${COLUMNS});`,
      seed: {
        old: `insert into t (id) values (1), (2), (3);`,
        new: `insert into t (id) values (1), (2), (3);`,
      },
      writes: () => [
        oldWrite(`update t ${one} where id = 1`),
        oldWrite(`update t ${other} where id = 1`),
        oldWrite(`update t ${one}`),
        oldWrite(`update t ${other}`),
        newWrite(`update t ${one} where id = 1`),
        newWrite(`update t ${other} where id = 1`),
        newWrite(`update t ${one}`),
        newWrite(`update t ${other}`),
      ],
    }));

  it('may be a key', () =>
    lifecycleCase({
      from: `create table t (id numeric primary key, size int);`,
      to: `create table t (id numeric primary key, size bigint);`,
      seed: {
        old: `insert into t values (1, 1), (2, 2)`,
        new: `insert into t values (1, 1), (2, 2)`,
      },
      writes: (n) => [
        oldWrite(`update t set id = 1.0${n} where id = 1.0`),
        oldWrite(`update t set id = 1.0 where id = 1`),
        newWrite(`update t set id = 1.00 where id = 1`),
        newWrite(`update t set id = round(id, 3)`),
      ],
    }));
});
