// Reference data: rows that a release ships come to the shards of customers, who have rows of their
// own, and have changed some of those that came before.

import { describe, expect, it } from 'vitest';
import { leftovers, unlikeFresh } from '../evolving/catalogue.js';
import { type Client, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';

const FROM = `create table roles (id serial primary key, name text not null unique, about text);
create table sizes (id int primary key, size text not null, at timestamptz default now());
create table users (id int primary key, role int references roles (id) on delete cascade);
create table units (code text primary key, title text);
insert into roles (id, name, about) values (1, 'admin', 'may do all'), (2, 'user', 'may look'),
  (3, 'guest', 'may knock'), (4, 'bot', 'may hurry');
select setval('roles_id_seq', 100);
insert into sizes (id, size) values (1, '10'), (2, '20');
insert into units values ('m', 'metre');`;

const TO = `create table roles (id serial primary key, name text not null unique, remark text);
create table sizes (id int primary key, size bigint not null, at timestamptz default now());
create table users (id int primary key, role int references roles (id) on delete cascade);
create table units (code text primary key, title text);
create table colours (code text primary key, title jsonb, constraint named check (code <> ''));

COPY public.roles (id, name, remark) FROM stdin;
1\tadmin\tmay do everything
2\tuser\tmay look and\\ttouch
3\tguest\tmay enter
4\tbot\t\\N
5\tauditor\tit's allowed to read
6\towner\tmay sell
7\tmine\tnot yours
8\troot\tmay dig
\\.

select setval('roles_id_seq', 200);
insert into sizes (id, size) values (1, 11), (2, 20), (3, 30);
insert into units values ('m', 'metre'), ('s', 'second');
insert into colours values ('r', '{"en": "red"}'), ('g', null);`;

const CHANGES = `changes:
  - rename_column: { table: roles, column: about, to: remark }
`;

const lines = async (client: Client, query: string) =>
  (await client.query<Record<string, unknown>>(query)).rows.map((row) =>
    Object.values(row).join('|'),
  );
const ROLES = 'select * from roles order by id';
const SIZES = 'select id, size from sizes order by id';

/** Whose customer has changed, removed and added rows. */
async function withShard(body: (shard: Shard, asOld: Client) => Promise<void>): Promise<void> {
  const shard = await installShard(await compilePair(FROM, TO, CHANGES));
  try {
    await withClient(shard.url, null, async (asOld) => {
      await asOld.query(`update roles set about = 'ours' where id = 3;
        delete from roles where id = 4;
        insert into roles values (7, 'custom', 'of the house'), (101, 'root', 'taken');
        insert into users values (1, 1)`);
      await body(shard, asOld);
    });
  } finally {
    await shard.drop();
  }
}

const CUSTOMERS = ['3|guest|ours', '7|custom|of the house', '101|root|taken'];

describe('rows that a release ships', () => {
  it('come with prepare where the customer has none, and stay', () =>
    withShard(async (shard, asOld) => {
      const told: string[] = [];
      await shard.step('prepare', { tell: (line) => told.push(line) });
      await shard.step('prepare', { tell: (line) => told.push(line) });
      expect(told.filter((line) => line.includes('left out'))).toEqual([
        'prepare/data: left out: roles (id=8): duplicate key value violates unique constraint ' +
          '"roles_name_key"',
      ]);
      const roles = [
        '1|admin|may do everything',
        '2|user|may look and\ttouch',
        CUSTOMERS[0],
        "5|auditor|it's allowed to read",
        '6|owner|may sell',
        ...CUSTOMERS.slice(1),
      ];
      const sizes = ['1|11', '2|20', '3|30'];
      await withClient(shard.url, NEW_PATH, async (asNew) => {
        const seen = async () => {
          expect(await lines(asNew, ROLES)).toEqual(roles);
          expect(await lines(asNew, SIZES)).toEqual(sizes);
          expect(await lines(asNew, 'select code, title from colours')).toEqual([
            'r|{"en": "red"}',
            'g|',
          ]);
          expect(await lines(asNew, 'select * from units')).toEqual(['m|metre', 's|second']);
        };
        await seen();
        // Release 1.0 sees what 2.0 would have written.
        expect(await lines(asOld, ROLES)).toEqual(roles);
        expect(await lines(asOld, SIZES)).toEqual(sizes);
        await asNew.query(`insert into roles (name) values ('next')`);
        roles.push('201|next|');
        await shard.run('expand');
        await seen();
        await shard.run('contract');
        await seen();
      });
      expect(await unlikeFresh(shard.url, shard.bundle)).toEqual([]);
    }));

  it('go with an abort, unless they are changed or in use', () =>
    withShard(async (shard, asOld) => {
      // Half-way, when the lens is there and the rows are not.
      await shard.step('prepare');
      await shard.run('abort');
      await shard.run('prepare');
      await shard.run('abort');
      const before = ['1|admin|may do all', '2|user|may look', ...CUSTOMERS];
      expect(await lines(asOld, ROLES)).toEqual(before);
      expect(await lines(asOld, SIZES)).toEqual(['1|10', '2|20']);
      expect(await leftovers(shard.url, shard.bundle)).toEqual([]);

      await shard.run('prepare');
      await shard.run('expand');
      await asOld.query(`insert into users values (2, 5);
        update roles set about = 'we saw it' where id = 2`);
      await shard.run('abort');
      expect(await lines(asOld, ROLES)).toEqual([
        '1|admin|may do all',
        '2|user|we saw it',
        CUSTOMERS[0],
        "5|auditor|it's allowed to read",
        ...CUSTOMERS.slice(1),
      ]);
      expect(await lines(asOld, 'select * from users order by id')).toEqual(['1|1', '2|5']);
      expect(await lines(asOld, SIZES)).toEqual(['1|10', '2|20']);
      await shard.run('prepare');
      await shard.run('expand');
      await shard.run('contract');
    }));
});
