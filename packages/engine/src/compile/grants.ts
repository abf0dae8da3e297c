// Rights: what could use an old table can use what takes its place, on every shard, whatever the
// roles there are called. Rights are read on the shard when the step runs, so a bundle names no
// role.

import { literal, type Sql, sql, trusted } from '../sql.js';
import type { Statement } from './bundle.js';
import { type Places, work } from './places.js';
import { HASH_HOLE } from './routine.js';
import { statement } from './statement.js';

/** A function of the work schema that copies the table rights of one relation to another. */
export function grantFunction(places: Places): Statement {
  const at = work(places, 'copy_rights');
  return statement(sql`create function ${at}(source regclass, target regclass)
returns void language plpgsql
set search_path = pg_catalog, pg_temp
as $halflap$
-- Halflap ${trusted(`${places.evolution} ${HASH_HOLE}`)}: gives the roles that may use one relation
-- the same rights on another
declare
  item record;
begin
  for item in
    select case a.grantee when 0 then 'public' else quote_ident(r.rolname) end as role,
           string_agg(distinct a.privilege_type, ', ') as rights
    from pg_class as c
    cross join lateral aclexplode(c.relacl) as a
    left join pg_roles as r on r.oid = a.grantee
    where c.oid = source
      and a.grantee <> c.relowner
      and a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REFERENCES', 'TRIGGER')
      and (a.grantee = 0 or r.rolname is not null)
    group by 1
  loop
    execute format('grant %s on %s to %s', item.rights, target, item.role);
  end loop;
end
$halflap$`);
}

export function copyRights(places: Places, from: Sql, to: Sql): Statement {
  return statement(
    sql`select ${work(places, 'copy_rights')}($r$${from}$r$::regclass, $r$${to}$r$::regclass)`,
  );
}

export function usageForAll(schema: Sql, comment: string): Statement[] {
  return [
    statement(sql`comment on schema ${schema} is ${literal(comment)}`),
    statement(sql`grant usage on schema ${schema} to public`),
  ];
}
