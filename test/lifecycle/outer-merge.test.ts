// merge_tables of tables that may each have rows which the others lack: through every phase.

import { describe, it } from 'vitest';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

describe('tables that become one by their key, whichever has a row', () => {
  it('have a row in the new table for every key', () =>
    lifecycleCase({
      from: `create table plans (org int, year int, budget numeric not null, note text,
          primary key (org, year));
        create table actuals (year int, org int, spent numeric not null, note text, closed boolean,
          primary key (year, org));`,
      to: `create table years (org int, year int, budget numeric, plan_note text,
          spent numeric, note text, state text not null,
          check (budget is not null or spent is not null), primary key (org, year));`,
      evolution: `changes:
  - merge_tables:
      into: years
      from:
        plans: { when: budget is not null }
        actuals: { when: spent is not null, otherwise: { state: "'planned'" } }
  - rename_column: { table: plans, column: note, to: plan_note }
  - convert_column:
      table: actuals
      column: closed
      to: state
      up: case when closed then 'closed' when not closed then 'open' else 'unknown' end
      down: case state when 'closed' then true when 'open' then false end
`,
      seed: {
        old: `insert into plans values (1, 2025, 100, 'p'), (2, 2025, 50, null);
          insert into actuals values (2025, 1, 90, 'a', true), (2025, 3, 7.50, null, null);`,
        new: `insert into years values (1, 2025, 100, 'p', 90, 'a', 'closed'),
          (2, 2025, 50, null, null, null, 'planned'),
          (3, 2025, null, null, 7.50, null, 'unknown');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into plans values (${n}, 1, ${n}, 'new')`,
          `insert into years values (${n}, 1, ${n}, 'new', null, null, 'planned')`,
        ),
        oldWrite(
          `insert into actuals values (1, ${n}, 5, 'x', false)`,
          `update years set spent = 5, note = 'x', state = 'open' where (org, year) = (${n}, 1)`,
        ),
        oldWrite(
          `insert into actuals values (2, ${n}, 6)`,
          `insert into years values (${n}, 2, null, null, 6, null, 'unknown')`,
        ),
        newWrite(
          `insert into years values (${n}, 3, ${n}, 'q', 1, 'z', 'open')`,
          `with p as (insert into plans values (${n}, 3, ${n}, 'q'))
            insert into actuals values (3, ${n}, 1, 'z', false)`,
        ),
        newWrite(
          `insert into years values (${n}, 4, ${n}, null, null, null, 'planned')`,
          `insert into plans values (${n}, 4, ${n})`,
        ),
        // A row goes here or there, and comes again; with the last one goes the whole.
        newWrite(
          `update years set budget = null, plan_note = null where (org, year) = (${n}, 3)`,
          `delete from plans where (org, year) = (${n}, 3)`,
        ),
        newWrite(
          `update years set spent = 9, state = 'closed' where (org, year) = (${n}, 4)`,
          `insert into actuals values (4, ${n}, 9, null, true)`,
        ),
        oldWrite(
          `delete from plans where (org, year) = (${n}, 1)`,
          `update years set budget = null, plan_note = null where (org, year) = (${n}, 1)`,
        ),
        oldWrite(
          `delete from actuals where (org, year) = (${n}, 2)`,
          `delete from years where (org, year) = (${n}, 2)`,
        ),
        oldWrite(
          `update actuals set year = 9 where (org, year) = (${n}, 1)`,
          `update years set year = 9 where (org, year) = (${n}, 1)`,
        ),
        newWrite(
          `delete from years where (org, year) = (${n - 1}, 3)`,
          `with p as (delete from plans where (org, year) = (${n - 1}, 3))
            delete from actuals where (org, year) = (${n - 1}, 3)`,
        ),
        newWrite(
          `update years set note = note || '!' where org = 1 and spent is not null`,
          `update actuals set note = note || '!' where org = 1`,
        ),
        oldWrite(
          `update plans set budget = budget + 1`,
          `update years set budget = budget + 1 where budget is not null`,
        ),
      ],
      refused: () => [
        {
          by: 'new',
          sql: `insert into years values (99, 99, 1, null, null, 'a note', 'planned')`,
          lens: 'HL001',
          dual: 'HL001',
        },
        {
          by: 'new',
          sql: `insert into years values (99, 99, null, null, null, null, 'planned')`,
          lens: '23514',
          dual: '23514',
        },
      ],
    }));
});
