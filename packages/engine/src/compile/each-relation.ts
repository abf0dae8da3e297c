// A DO block over the relations that a schema holds on the shard when the step runs: what is there
// is not known when the bundle is made.

import { literal, type Sql, sql } from '../sql.js';

export interface EachRelation {
  readonly schema: string;
  /** Which relations: a condition on pg_class as c. */
  readonly which: Sql;
  /** What to do with each, in the order of names; its name is `relation.relname`. */
  readonly body: Sql;
  /** What to do afterwards, up to the end of the block. */
  readonly afterwards?: Sql;
}

export function eachRelation({ schema, which, body, afterwards = sql`` }: EachRelation): Sql {
  return sql`do $halflap$
declare
  relation record;
begin
  for relation in
    select c.relname
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = ${literal(schema)} and ${which}
    order by c.relname
  loop
    ${body}
  end loop;${afterwards}
end
$halflap$`;
}
