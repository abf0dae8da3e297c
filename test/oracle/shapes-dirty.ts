// Shapes where rows of the release in the field may break a rule of the new one: a value that does
// not convert, NOT NULL, CHECK. By policy such a row has a default for the new release, waits in
// quarantine until it is put right, or keeps the shard from being prepared and expanded.

import type { Random } from './random.js';
import { type Field, type Held, KEYS, type Shape, type Side, shape, TITLE } from './shapes.js';

type Policy = 'default' | 'quarantine' | 'refuse' | 'none';

/** A column with a rule that only the new release has. */
interface Rule {
  readonly column: string;
  readonly old: { readonly type: string; readonly values: readonly string[] };
  readonly new: { readonly type: string; readonly values: readonly string[] };
  /** Which old rows break it. */
  readonly broken: string;
  /** Whether the new release cannot even read those through a lens. */
  readonly isUnreadable: boolean;
  readonly breaking: readonly string[];
  readonly up: string;
  readonly down: string;
  readonly change: string;
  readonly instead: string;
  readonly constraint: string | null;
}

const RULES: readonly Rule[] = [
  {
    column: 'memory',
    old: { type: 'text', values: ['null', `'1'`, `'20'`] },
    new: { type: 'bigint', values: ['null', '0', '1', '300'] },
    broken: `memory !~ '^[0-9]+$'`,
    isUnreadable: true,
    breaking: [`'much'`, `''`],
    up: 'memory::bigint',
    down: 'memory::text',
    change: '',
    instead: '0',
    constraint: null,
  },
  {
    column: 'owner',
    old: { type: 'text', values: [`'ann'`, `'bob'`] },
    new: { type: 'text not null', values: [`'ann'`, `'bob'`, `'nobody'`] },
    broken: `nullif(owner, '') is null`,
    isUnreadable: false,
    breaking: [`''`, 'null'],
    up: `nullif(owner, '')`,
    down: 'owner',
    change:
      '  - convert_column: { table: hosts, column: owner, ' +
      `up: "nullif(owner, '')", down: owner }\n`,
    instead: `'nobody'`,
    constraint: null,
  },
  {
    column: 'cores',
    old: { type: 'int', values: ['null', '1', '2'] },
    new: { type: 'int constraint some_cores check (cores > 0)', values: ['null', '1', '8', '0'] },
    broken: 'cores <= 0',
    isUnreadable: false,
    breaking: ['0', '-1'],
    up: 'cores',
    down: 'cores',
    change: '',
    instead: '1',
    constraint: 'some_cores',
  },
];

interface Ruled extends Rule {
  readonly policy: Policy;
}

export function dirty(random: Random): Shape {
  const rules = random
    .shuffled(RULES)
    .slice(0, 1 + random.below(3))
    .map(
      (rule): Ruled => ({
        ...rule,
        policy: random.pick(['default', 'default', 'quarantine', 'refuse', 'none']),
      }),
    );
  const changes = rules.map((one) => one.change).join('');
  const entries = rules.map(entryOf).join('');
  const whole = shape({ LIST: oldSide(rules), ROWS: newSide(rules) }, false, '');
  return {
    ...whole,
    changes,
    head: entries === '' ? '' : `dirty:\n${entries}`,
    held: rules.filter((one) => one.policy !== 'default').map(heldBy),
    twins: [{ old: 'hosts', new: 'hosts' }],
  };
}

function heldBy({ broken, column, old, policy, isUnreadable }: Ruled): Held {
  return {
    table: 'hosts',
    when: broken,
    cure: `${column} = ${old.values[1]}`,
    isRefused: policy === 'refuse',
    isUnreadable,
  };
}

function entryOf({ policy, column, constraint, instead }: Ruled): string {
  if (policy === 'none') return '';
  const rule = constraint === null ? `column: ${column}` : `constraint: ${constraint}`;
  const value = JSON.stringify(instead);
  const given = constraint === null ? `, value: ${value}` : `, values: { ${column}: ${value} }`;
  return `  - ${policy}: { table: hosts, ${rule}${policy === 'default' ? given : ''} }\n`;
}

function oldSide(rules: readonly Ruled[]): Side {
  const fields = rules.map(({ column, old, breaking, policy, isUnreadable }): Field => {
    const isLate = policy !== 'default' && isUnreadable;
    return {
      name: column,
      values: isLate ? old.values : [...old.values, ...breaking],
      ...(isLate ? { valuesInDual: [...old.values, ...breaking] } : {}),
    };
  });
  const values = rules.map(
    (one) =>
      `case when o.id is not null and ${upOf(one, 'o')} is not distinct from n.${one.column}
        then o.${one.column} else n.${one.column}::${one.old.type} end as ${one.column}`,
  );
  return sideOf(fields, {
    texts: rules.map(({ column, old }) => `${column} ${old.type}`),
    query: `select ${['n.id', 'n.title', ...values].join(', ')} from ROWS.hosts as n
      left join LIST.hosts as o on o.id = n.id`,
  });
}

function newSide(rules: readonly Ruled[]): Side {
  const values = rules.map((one) => `${upOf(one, 'o')} as ${one.column}`);
  const clean = rules.flatMap((one) =>
    one.policy === 'default' ? [] : [`(${over('o', one, one.broken)}) is not true`],
  );
  return sideOf(
    rules.map((one) => ({ name: one.column, values: one.new.values })),
    {
      texts: rules.map((one) => `${one.column} ${one.new.type}`),
      query: `select ${['o.id', 'o.title', ...values].join(', ')} from LIST.hosts as o
        where ${['true', ...clean].join(' and ')}`,
    },
  );
}

/** The new value, or the one that stands for it; null where there is none. */
function upOf(rule: Ruled, alias: string): string {
  const instead = rule.policy === 'default' ? rule.instead : 'null';
  return over(alias, rule, `case when ${rule.broken} then ${instead} else ${rule.up} end`);
}

function over(alias: string, { column }: Rule, text: string): string {
  return text.replace(new RegExp(`\\b${column}\\b`, 'g'), `${alias}.${column}`);
}

function sideOf(
  fields: readonly Field[],
  { texts, query }: { readonly texts: readonly string[]; readonly query: string },
): Side {
  return {
    schema: `create table hosts (id int primary key, ${['title text', ...texts].join(', ')});`,
    tables: [
      {
        name: 'hosts',
        isMovable: true,
        key: [{ name: 'id', values: KEYS }],
        columns: [TITLE, ...fields],
        from: [{ columns: ['id', 'title', ...fields.map((one) => one.name)], query }],
      },
    ],
  };
}
