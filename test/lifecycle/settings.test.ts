// How tables are kept, and what is said of what hangs on them: after contract as a fresh install
// has it, but for what a customer has tuned.

import { expect, it } from 'vitest';
import { leftovers, unlikeFresh } from '../evolving/catalogue.js';
import { withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard } from '../evolving/shard.js';

const FROM = `
create table sites (id int primary key, name text, city text) with (fillfactor = 95);
comment on table sites is 'Places.';
alter table sites alter city set storage external, alter city set compression pglz;
alter table sites alter name set statistics 70, alter name set (n_distinct = 9);
alter table sites replica identity nothing;
create statistics sites_apart on name, city from sites;
create table owners (id int primary key, name text, mail text, phone text);
comment on column owners.mail is 'One.';
comment on constraint owners_pkey on owners is 'By hand.';
create index owners_by_mail on owners (mail);
alter table owners cluster on owners_by_mail;
create table hosts (
  id int primary key, owner text, seen text, note text, serial text not null, site int,
  load int constraint hosts_load check (load >= 0),
  constraint hosts_serial unique (serial)
) with (fillfactor = 90);
alter table hosts alter owner set statistics 300;
create table logs (id int primary key, at text);
create table plans (id int primary key, code text not null constraint plans_code unique, n int);`;

const TO = `
create table sites (id int primary key, name text, city text)
  with (fillfactor = 85, toast.autovacuum_enabled = false);
comment on table sites is 'Where hosts are.';
comment on column sites.city is 'Its town''s name.';
create statistics sites_apart (mcv) on name, city from sites;
comment on statistics sites_apart is 'Towns have few sites.';
create table owners (id int primary key, full_name text, mail text);
comment on constraint owners_pkey on owners is 'Given by hand.';
create index owners_by_address on owners (mail);
comment on index owners_by_address is 'For the sign-in.';
alter table owners replica identity full;
alter table owners force row level security;
alter table owners alter mail set storage external, alter mail set statistics 20;
alter table owners alter full_name set compression pglz, alter full_name set (n_distinct = -0.5);
create table hosts (
  id int primary key, owner text, seen timestamptz, label text, serial text not null,
  site int constraint hosts_site references sites,
  load int constraint hosts_load check (load >= 0),
  constraint hosts_serial unique (serial) with (fillfactor = 60)
) with (fillfactor = 80);
alter table hosts alter owner set statistics 300, alter seen set statistics 50;
alter table hosts alter label set storage main, alter label set compression pglz;
create index hosts_by_owner on hosts (owner);
alter table hosts cluster on hosts_by_owner;
comment on constraint hosts_site on hosts is 'Where it stands.';
comment on constraint hosts_load on hosts is 'In percent.';
comment on constraint hosts_serial on hosts is 'From the maker.';
comment on index hosts_by_owner is 'For the list.';
create statistics hosts_apart (ndistinct) on owner, site from hosts;
comment on statistics hosts_apart is 'Owners have one site.';
create table logs (id int primary key, at timestamptz);
alter table logs replica identity using index logs_pkey;
create table plans (id int primary key, code text not null constraint plans_code unique, n bigint);
create unlogged table racks (
  id int primary key, site int constraint racks_site references sites, name text
) with (autovacuum_enabled = false);
comment on constraint racks_site on racks is 'The room.';
comment on index racks_pkey is 'Painted on it.';
alter table racks alter name set statistics 10;`;

const EVOLUTION = `changes:
  - rename_column: { table: owners, column: name, to: full_name }
  - rename_column: { table: hosts, column: note, to: label }
  - convert_column: { table: hosts, column: seen, up: seen::timestamptz, down: seen::text }
  - convert_column: { table: logs, column: at, up: at::timestamptz, down: at::text }
`;

const TUNED = `
alter table sites set (autovacuum_vacuum_threshold = 7);
alter table owners set (fillfactor = 55);
comment on table owners is 'Ours.';
alter table hosts set (autovacuum_vacuum_scale_factor = 0.02, fillfactor = 50);
alter table hosts alter note set statistics 500, alter owner set (n_distinct = 40);
alter table hosts alter serial set storage external, alter site set statistics 0;
alter table hosts replica identity full;`;

/** What a shard that was tuned so has otherwise than a fresh one of the new release. */
const KEPT = [
  'table hosts: option autovacuum_vacuum_scale_factor is 0.02, the release has none',
  'table hosts: option n_distinct of column owner is 40, the release has none',
  'table hosts: replica identity is full, the release has none',
  'table hosts: statistics target of column label is 500, the release has none',
  'table hosts: statistics target of column site is 0, the release has none',
  'table hosts: storage of column serial is external, the release has none',
  'table owners: comment is Ours., the release has none',
  'table owners: option fillfactor is 55, the release has none',
  'table sites: option autovacuum_vacuum_threshold is 7, the release has none',
];

it('has what the new release says and a customer has tuned, as soon as it is made', async () => {
  const shard = await installShard(await compilePair(FROM, TO, EVOLUTION));
  try {
    const kindOf = (name: string) => shard.bundle.relations.find((one) => one.new === name)?.kind;
    expect(['sites', 'owners', 'hosts', 'racks'].map(kindOf)).toEqual([
      'same',
      'overlay',
      'rebuilt',
      'added',
    ]);
    const inShard = (statements: string) =>
      withClient(shard.url, null, (client) => client.query(statements));
    await shard.run('prepare');
    await shard.run('abort');
    expect(await leftovers(shard.url, shard.bundle)).toEqual([]);
    await inShard(TUNED);
    await shard.run('prepare');
    await shard.run('expand');
    const inDual = await unlikeFresh(shard.url, shard.bundle);
    const ofHosts = (lines: readonly string[]) =>
      lines.filter((line) => line.startsWith('table hosts: ') && !/ hosts_site/.test(line)).sort();
    expect(ofHosts(inDual)).toEqual(ofHosts(KEPT));
    // What no table of the new release can have is not lost in silence.
    await inShard('alter table plans replica identity using index plans_code');
    await expect(shard.run('contract')).rejects.toMatchObject({
      detail: { evidence: ['replica identity by index public.plans_code'] },
    });
    await inShard('alter table plans replica identity default');
    await shard.run('contract');
    expect((await unlikeFresh(shard.url, shard.bundle)).sort()).toEqual(KEPT);
  } finally {
    await shard.drop();
  }
});
