// Shapes where columns of the new release follow from others: add_column and convert_column. With
// `keep` the new release may write what the old one cannot tell, which stays until something else
// follows from the old row. Without it, and where nothing keeps it, what nobody has written follows
// whenever the new release writes what it hangs on.

import { withBeside } from './beside.js';
import type { Random } from './random.js';
import { type Field, KEYS, type Shape, type Side, shape } from './shapes.js';

/** Columns of either release, and the change between them. */
interface Keeping {
  readonly old: readonly (Field & { readonly type: string })[];
  readonly new: Field & { readonly type: string };
  /** Over the columns of the old row, which the new one has too unless `down` gives them. */
  readonly up: string;
  /** Of each old column. */
  readonly down: Readonly<Record<string, string>>;
}

const SLUG = { name: 'slug', values: [`'a-1'`, `'x'`, `'y'`, `'b-2'`] };

const KEEPINGS: readonly Keeping[] = [
  {
    old: [],
    new: { ...SLUG, type: 'text not null' },
    up: `lower(name) || '-' || id`,
    down: {},
  },
  {
    old: [],
    new: { name: 'mark', type: 'text', values: ['null', `'a'`, `'m'`, `'n'`] },
    up: `nullif(lower(name), 'b')`,
    down: {},
  },
  {
    old: [{ name: 'is_open', type: 'boolean not null', values: ['true', 'false'] }],
    new: {
      name: 'access',
      type: `text not null check (access in ('private', 'internal', 'public'))`,
      values: [`'private'`, `'internal'`, `'public'`, `'nobody'`],
    },
    up: `case when is_open then 'public' else 'private' end`,
    down: { is_open: `access = 'public'` },
  },
  {
    old: [
      { name: 'first', type: 'text', values: ['null', `''`, `'A'`] },
      { name: 'last', type: 'text not null', values: [`''`, `'B'`, `'B C'`] },
    ],
    new: { name: 'whole', type: 'text', values: ['null', `'A B'`, `'A'`, `'A B C'`, `' D'`] },
    up: `first || ' ' || last`,
    down: {
      first: `split_part(whole, ' ', 1)`,
      last: `coalesce(substr(whole, length(split_part(whole, ' ', 1)) + 2), '')`,
    },
  },
];

interface Drawn extends Keeping {
  readonly isKept: boolean;
}

const NAME: Field = { name: 'name', values: [`'A'`, `'a'`, `'B'`, `'c'`] };

export function kept(random: Random): Shape {
  const some = random.shuffled(KEEPINGS).slice(0, 1 + random.below(2));
  const drawn = some.map((one): Drawn => {
    const isKept = random.percent(70);
    // In dual, a row that gets another key is asked for all of its values.
    return { ...one, isKept, up: isKept ? one.up : one.up.replace(' || id', ` || 'x'`) };
  });
  const sides = { LIST: oldSide(drawn), ROWS: newSide(drawn) };
  const whole = withBeside(
    random,
    shape(sides, false, drawn.map(changeOf).join('\n  - ')),
    'clubs',
  );
  const ups = drawn.map((one) => `${one.up} as ${one.new.name}`);
  const had = drawn.map(({ new: { name } }) => `n.${name} as had_${name}`);
  const memory = {
    name: 'followed',
    query: `select o.*, ${had.join(', ')}
      from (select ${['id', ...ups].join(', ')} from old.clubs) as o
      join new.clubs as n on n.id = o.id`,
    following: drawn.map(({ new: { name }, up, isKept }) => ({
      isKept,
      query: `update new.clubs as n set ${name} = o.${name}
        from (select id, ${up} as ${name} from old.clubs) as o, maps.followed as k
        where o.id = n.id and k.id = n.id and k.had_${name} is not distinct from n.${name}`,
    })),
  };
  return { ...whole, memory, ...(whole.bare && { bare: { ...whole.bare, memory } }) };
}

function changeOf({ old, new: { name }, up, down, isKept }: Drawn): string {
  const text = JSON.stringify(up);
  const keep = isKept ? ', keep: true' : '';
  if (old.length === 0) {
    return `add_column: { table: clubs, column: ${name}, up: ${text}${keep} }`;
  }
  return (
    `convert_column: { table: clubs, columns: [${old.map((one) => one.name)}], to: ${name},\n` +
    `      up: ${text}, down: ${JSON.stringify(down)}${keep} }`
  );
}

/** What the new release has not written otherwise stays as the old one has it. */
function oldSide(drawn: readonly Drawn[]): Side {
  const columns = drawn.flatMap((one) => one.old);
  const values = drawn.flatMap(({ old, new: { name: to }, down }) =>
    old.map(
      ({ name }) =>
        `case when o.id is not null and o.up_${to} is not distinct from n.${to} then o.${name}
          else ${down[name]} end as ${name}`,
    ),
  );
  const own = ['id', ...columns.map((one) => one.name)];
  const ups = drawn.map(({ up, new: { name } }) => `${up} as up_${name}`);
  return sideOf(
    columns,
    `select ${['n.id', 'n.name', ...values].join(', ')} from ROWS.clubs as n
      left join (select ${[...own, ...ups].join(', ')} from LIST.clubs) as o on o.id = n.id`,
  );
}

function newSide(drawn: readonly Drawn[]): Side {
  const values = drawn.map(
    ({ new: { name }, isKept }) =>
      `case when ${isKept} and k.id = n.id and k.${name} is not distinct from o.${name}
        then n.${name} else o.${name} end as ${name}`,
  );
  const ups = drawn.map(({ up, new: { name } }) => `${up} as ${name}`);
  return sideOf(
    drawn.map((one) => one.new),
    `select ${['o.id', 'o.name', ...values].join(', ')}
      from (select ${['id', 'name', ...ups].join(', ')} from LIST.clubs) as o
      left join maps.followed as k on k.id = o.id left join ROWS.clubs as n on n.id = o.id`,
  );
}

function sideOf(columns: readonly (Field & { readonly type: string })[], query: string): Side {
  const texts = columns.map(({ name, type }) => `${name} ${type}`);
  return {
    schema: `create table clubs (id int primary key,
      ${['name text not null', ...texts].join(', ')});`,
    tables: [
      {
        name: 'clubs',
        isMovable: true,
        key: [{ name: 'id', values: KEYS }],
        columns: [NAME, ...columns],
        from: [{ columns: ['id', 'name', ...columns.map((one) => one.name)], query }],
      },
    ],
  };
}
