// `refuse` of `dirty`: before a shard is prepared, and again before it is expanded, the rows of the
// old release are looked at, and the verb ends with their keys where one breaks the rule. Nothing
// has been done by then. What comes later is a statement of the old release, which nothing refuses:
// its row goes to quarantine like any other.
//
// One block looks at all rules, row by row where an expression may fail. It needs no object on the
// shard, and takes no lock that any statement of a client waits for.

import { columnValue } from '../changes/cluster-mappings.js';
import type { SplitPartPlan } from '../changes/split-table.js';
import type { Column, Table } from '../release/catalog.js';
import type { DirtyPolicy } from '../release/evolution.js';
import { ruleOf } from '../release/evolution-dirty.js';
import { bindColumns } from '../release/expression.js';
import { joined, literal, name, type Sql, sql, trusted } from '../sql.js';
import { DIRTY_STATE, type Step } from './bundle.js';
import type { Evolving } from './compile.js';
import { newValue, VALUE_IS_TO_BLAME } from './defaults.js';
import { pairsInto, type Rule, ruleIn } from './dirty-policies.js';
import { isOnceForNull } from './guarantees.js';
import { floorTable, layoutBind } from './places.js';
import { HASH_HOLE } from './routine.js';
import { statement, transactionStep } from './statement.js';

/** Keys that are told; all are counted. */
const TOLD_ROWS = 20;

/** The rows of the old release from which those of a new table follow. */
interface Rows {
  readonly table: Table;
  /** What messages call the table that they are in. */
  readonly old: string;
  readonly key: readonly string[];
  /** `from … as o where …` */
  readonly from: Sql;
  /** A column of the new table over an alias of the row, without any default for dirty rows. */
  readonly value: (column: string, alias: string) => Sql;
}

/** One step, or none where no policy refuses. */
export function dirtySteps(evolving: Evolving, verb: 'prepare' | 'expand'): Step[] {
  const policies = evolving.evolution.dirty.filter((one) => one.kind === 'refuse');
  if (policies.length === 0) return [];
  const looks = policies.map((policy, index) => lookFor(policy, `r${index}`, evolving));
  const { places } = evolving;
  return [
    transactionStep(
      `${verb}/dirty`,
      `look for rows of release ${places.from} that break a rule of release ${places.to}`,
      [statement(blockOf(looks, evolving))],
      { isLook: true },
    ),
  ];
}

function blockOf(looks: readonly Sql[], { places }: Evolving): Sql {
  const said = ` row(s) of release ${places.from} break rules of release ${places.to}`;
  const records = looks.map((_, index) => sql`${name(`r${index}`)} record;`);
  return sql`do $halflap$
-- Halflap ${trusted(places.evolution)} ${trusted(HASH_HOLE)}: rows that break a rule to be refused
declare
  halflap_rows bigint := 0;
  halflap_told text := '';
  halflap_why text;
  ${joined(records, '\n  ')}
begin
  ${joined(looks, '\n  ')}
  if halflap_rows > 0 then
    raise exception using errcode = ${literal(DIRTY_STATE)},
      message = halflap_rows || ${literal(said)},
      detail = rtrim(halflap_told, E'\n');
  end if;
end
$halflap$`;
}

function lookFor(policy: DirtyPolicy, record: string, evolving: Evolving): Sql {
  const { layout } = evolving;
  const pairs = pairsInto(layout, policy.table);
  const rows = rowsOf(policy.table, evolving);
  const rule = ruleIn(rows.table, policy, pairs) as Rule;
  const about = { rows, record, what: ruleOf(policy) };
  switch (rule.kind) {
    case 'column':
      return lookAtEach(about, valueLook(rule.column, about));
    case 'check': {
      const isBroken = trusted(
        bindColumns(rule.check.expression, (column) => ({
          expression: rows.value(column, record).text,
        })),
      );
      return lookAtEach(about, {
        look: sql`if (${isBroken}) is false then halflap_why := 'it breaks the check'; end if;`,
        // The value cannot be had, which is another rule.
        caught: sql`null`,
      });
    }
    case 'unique':
      return lookAtAll(about, rule.key.columns, {
        condition: isDuplicate(rows, rule.key),
        why: 'another row has the same',
      });
    case 'foreign key':
      return lookAtAll(about, rule.key.columns, {
        condition: isOrphan(rule.key, evolving),
        why: 'it refers to nothing',
      });
    default:
      return rule satisfies never;
  }
}

interface About {
  readonly rows: Rows;
  /** The variable that holds a row. */
  readonly record: string;
  readonly what: string;
}

interface Look {
  /** Sets halflap_why where the row breaks the rule. */
  readonly look: Sql;
  readonly caught: Sql;
}

function valueLook(column: Column, { rows, record }: About): Look {
  const value = rows.value(column.name, record);
  return {
    look: column.notNull
      ? sql`if (${value}) is null then halflap_why := 'it has none'; end if;`
      : sql`perform ${value};`,
    caught: sql`sqlerrm`,
  };
}

function lookAtEach({ rows, record, what }: About, { look, caught }: Look): Sql {
  return sql`for ${name(record)} in select o.* ${rows.from} loop
    halflap_why := null;
    begin
      ${look}
    exception when ${VALUE_IS_TO_BLAME} then
      halflap_why := ${caught};
    end;
    if halflap_why is not null then
      ${tell({ rows, record, what }, sql`halflap_why`)}
    end if;
  end loop;`;
}

/** Rules about a row and others: `q` has the key and the columns of the new table. */
function lookAtAll(
  about: About,
  columns: readonly string[],
  { condition, why }: { readonly condition: Sql; readonly why: string },
): Sql {
  const { rows, record } = about;
  const key = rows.key.map((one, at) => sql`${name('o', one)} as ${name(`halflap_key_${at}`)}`);
  const values = columns.map((one) => sql`${rows.value(one, 'o')} as ${name(one)}`);
  const back = rows.key.map((one, at) => sql`q.${name(`halflap_key_${at}`)} as ${name(one)}`);
  return sql`for ${name(record)} in
    select ${back} from (select ${[...key, ...values]} ${rows.from}) as q
    where ${condition}
    order by ${rows.key.map((_, at) => sql`q.${name(`halflap_key_${at}`)}`)}
  loop
    ${tell(about, literal(why))}
  end loop;`;
}

function tell({ rows, record, what }: About, why: Sql): Sql {
  const key = joined(
    rows.key.map((one) => sql`${literal(`${one}=`)} || ${name(record, one)}`),
    ` || ', ' || `,
  );
  return sql`halflap_rows := halflap_rows + 1;
      if halflap_rows <= ${trusted(String(TOLD_ROWS))} then
        halflap_told := halflap_told || ${literal(`${rows.old} (`)} || ${key}
          || ${literal(`): ${what}: `)} || ${why} || E'\n';
      end if;`;
}

function isDuplicate(rows: Rows, key: { columns: readonly string[]; definition: string }): Sql {
  const own = key.columns.map((one) => name('q', one));
  const others = key.columns.map((one) => sql`${rows.value(one, 'o')} as ${name(one)}`);
  const given = joined(
    own.map((one) => sql`${one} is not null`),
    ' and ',
  );
  const repeated = sql`(${own}) in (select ${key.columns.map((one) => name('p', one))}
      from (select ${others} ${rows.from}) as p
      group by ${key.columns.map((one) => name('p', one))} having count(*) > 1)`;
  if (!isOnceForNull(key)) return sql`${given} and ${repeated}`;
  const same = joined(
    key.columns.map((one) => sql`${name('p', one)} is not distinct from ${name('q', one)}`),
    ' and ',
  );
  return sql`(select count(*) from (select ${others} ${rows.from}) as p where ${same}) > 1`;
}

function isOrphan(key: Table['foreignKeys'][number], evolving: Evolving): Sql {
  const referred = rowsOf(key.referencedTable, evolving);
  const values = key.referencedColumns.map(
    (one) => sql`${referred.value(one, 'o')} as ${name(one)}`,
  );
  const given = joined(
    key.columns.map((one) => sql`${name('q', one)} is not null`),
    ' and ',
  );
  const same = joined(
    key.columns.map(
      (one, at) => sql`${name('p', key.referencedColumns[at] ?? '')} = ${name('q', one)}`,
    ),
    ' and ',
  );
  return sql`${given} and not exists (
      select from (select ${values} ${referred.from}) as p where ${same})`;
}

function rowsOf(table: string, { clusters, shared, places }: Evolving): Rows {
  const pair = shared.find((one) => one.pair.new.name === table)?.pair;
  if (pair !== undefined) {
    return {
      table: pair.new,
      old: pair.old.name,
      key: pair.old.primaryKey?.columns ?? [],
      from: sql`from ${floorTable(pair.old.name)} as o`,
      value: (column, alias) => {
        const bound = bindColumns(newValue(pair, column), (one) => ({
          qualifier: alias,
          column: one,
        }));
        return trusted(bound);
      },
    };
  }
  const parts = clusters.flatMap(({ cluster }) => cluster.parts);
  const part = parts.find((one) => one.table.name === table) as SplitPartPlan;
  const plain = {
    ...part,
    mapped: part.mapped.map((one) => ({ ...one, up: one.said ?? one.up })),
  };
  const when = part.when === null ? sql`` : sql` where (${boundTo(part.when, 'o')})`;
  return {
    table: part.table,
    old: part.side.sources[0]?.table.name ?? '',
    key: part.key.map((one) => one.old),
    from: sql`from ${part.side.rows(layoutBind(places, 'filling'))} as o${when}`,
    value: (column, alias) => {
      const found = part.table.columns.find((one) => one.name === column) as Column;
      return columnValue(plain, found, alias) ?? boundTo(newValue(part.pair, column), alias);
    },
  };
}

function boundTo(expression: string, alias: string): Sql {
  return trusted(bindColumns(expression, (column) => ({ qualifier: alias, column })));
}
