// What the last evolution left in its release schema comes home when the next one begins, if that
// leaves it as it is: a session of either release must find it, and the one schema that both have
// in their search_path is the home schema. What the next evolution changes stays where it is until
// contract.
//
// Sequences come first, since new tables name them; tables last, since the statements before are
// written for where they were. Where nothing was left, nothing is done. Types have come home with
// the contract before (type-contract.ts).

import { HOME_SCHEMA, releaseSchema } from '@halflap/protocol';
import { literal, type Sql, sql } from '../sql.js';
import type { Statement } from './bundle.js';
import type { Shared } from './contract.js';
import { eachRelation } from './each-relation.js';
import type { Places } from './places.js';
import { exclusive, statement } from './statement.js';
import { isTombstone } from './tombstone.js';

/** Sequences that no column owns: the others go wherever their table goes. */
export function sequencesHome({ app, from }: Places): Statement[] {
  const schema = releaseSchema(app, from);
  return [
    statement(
      eachRelation({
        schema,
        which: sql`c.relkind = 'S' and not exists (
      select from pg_depend as d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')
        and d.refclassid = 'pg_class'::regclass
    )`,
        body: moved(sql`sequence`, schema, sql`relation.relname`),
      }),
    ),
  ];
}

/** Tables that are one and the same for both releases; the old one's tombstone makes way. */
export function tablesHome(shared: readonly Shared[], { app, from }: Places): Statement[] {
  const names = shared.filter(({ kind }) => kind !== 'overlay').map(({ pair }) => pair.old.name);
  if (names.length === 0) return [];
  const schema = releaseSchema(app, from);
  const home = literal(HOME_SCHEMA);
  return [
    statement(
      eachRelation({
        schema,
        which: sql`c.relkind in ('r', 'p') and c.relname in (${names.map(literal)})`,
        body: sql`if exists (
      select from pg_class as v join pg_namespace as n on n.oid = v.relnamespace
      where n.nspname = ${home} and v.relname = relation.relname and ${isTombstone('v')}
    ) then
      execute format('drop view %I.%I', ${home}, relation.relname);
    end if;
    ${moved(sql`table`, schema, sql`relation.relname`)}
    ${partitionsHome(schema)}`,
      }),
      exclusive(`tables of ${from} that come home`),
    ),
  ];
}

/** Those that a release or a customer has made are in the schema of their table, or elsewhere. */
function partitionsHome(schema: string): Sql {
  const table = sql`format('%I.%I', ${literal(HOME_SCHEMA)}, relation.relname)::regclass`;
  return sql`declare
      part record;
    begin
      for part in
        select c.relname
        from pg_partition_tree(${table}) as p
        join pg_class as c on c.oid = p.relid
        join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = ${literal(schema)}
      loop
        ${moved(sql`table`, schema, sql`part.relname`)}
      end loop;
    end;`;
}

function moved(kind: Sql, schema: string, relation: Sql): Sql {
  const altered = literal(`alter ${kind.text} %I.%I set schema %I`);
  return sql`execute format(${altered}, ${literal(schema)}, ${relation}, ${literal(HOME_SCHEMA)});`;
}
