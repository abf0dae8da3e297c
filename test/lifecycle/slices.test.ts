// Changes that make rows several, or one of several, through every phase.

import { describe, expect, it } from 'vitest';
import { withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard } from '../evolving/shard.js';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

describe('elements that become rows', () => {
  it('from an array and a list in text, each with its place', () =>
    lifecycleCase({
      from: `create table posts (id bigint primary key, title text not null,
          tags text[] not null default '{}', links text, hidden int);`,
      to: `create table posts (id bigint primary key, title text not null, hidden int);
        create table post_tags (post_id bigint references posts (id) on delete cascade,
          place int, tag text not null, primary key (post_id, place));
        create table post_links (post bigint references posts (id) on delete cascade,
          url varchar(40), note text default 'none', primary key (post, url));`,
      evolution: `changes:
  - unnest_column: { table: posts, column: tags, into: post_tags, value: tag, position: place }
  - unnest_column: { table: posts, column: links, delimiter: ' ', into: post_links, value: url }
`,
      seed: {
        old: `insert into posts values (1, 'a', '{x,y}', 'u v', 1), (2, 'b', '{}', null, 2);`,
        new: `insert into posts values (1, 'a', 1), (2, 'b', 2);
          insert into post_tags values (1, 1, 'x'), (1, 2, 'y');
          insert into post_links values (1, 'u'), (1, 'v');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into posts values (${n}0, 'old', '{k,k}', 'l')`,
          `insert into posts values (${n}0, 'old');
           insert into post_tags values (${n}0, 1, 'k'), (${n}0, 2, 'k');
           insert into post_links values (${n}0, 'l')`,
        ),
        newWrite(
          `insert into posts values (${n}1, 'new', 5)`,
          `insert into posts values (${n}1, 'new', '{}', null, 5)`,
        ),
        newWrite(
          `insert into post_tags (post_id, place, tag) values (${n}1, 1, 'm'), (${n}1, 2, 'n')`,
          `update posts set tags = '{m,n}' where id = ${n}1`,
        ),
        newWrite(
          `insert into post_links values (${n}1, 'w', 'mine'), (${n}1, 'a', 'mine')`,
          `update posts set links = 'a w' where id = ${n}1`,
        ),
        newWrite(
          `update post_tags set tag = upper(tag) where post_id in (1, ${n}1)`,
          `update posts set tags = array(select upper(t) from unnest(tags) as t)
             where id in (1, ${n}1)`,
        ),
        oldWrite(
          `update posts set tags = array_append(tags, 'z'), links = 'c', title = title || '.'
             where id <= 2`,
          `insert into post_tags
             select p.id, (select count(*) from post_tags t where t.post_id = p.id) + 1, 'z'
             from posts as p where p.id <= 2;
           delete from post_links where post <= 2;
           insert into post_links values (1, 'c'), (2, 'c');
           update posts set title = title || '.' where id <= 2`,
        ),
        newWrite(
          `delete from post_tags where post_id = ${n}1 and place = 2`,
          `update posts set tags = '{M}' where id = ${n}1`,
        ),
        newWrite(
          `delete from post_links where post = ${n}1`,
          `update posts set links = null where id = ${n}1`,
        ),
        newWrite(
          `insert into posts (id, title) values (${n}6, 'takes over');
           update post_tags set post_id = ${n}6 where post_id = ${n}1`,
          `insert into posts values (${n}6, 'takes over', '{M}');
           update posts set tags = '{}' where id = ${n}1`,
        ),
        oldWrite(
          `update posts set id = ${n}5 where id = ${n}0`,
          `insert into posts select ${n}5, title, hidden from posts where id = ${n}0;
           update post_tags set post_id = ${n}5 where post_id = ${n}0;
           update post_links set post = ${n}5 where post = ${n}0;
           delete from posts where id = ${n}0`,
        ),
        newWrite(`delete from posts where id = ${n}1`),
        oldWrite(`delete from posts where id = ${n}5`),
      ],
      refused: (n) => [
        {
          by: 'new',
          sql: `insert into post_tags values (1, ${1000 + n}, 'a gap')`,
          lens: 'HL001',
          dual: 'HL001',
        },
      ],
      ignored: ['post_links.note'],
    }));

  it('from JSON, and from columns that repeat', () =>
    lifecycleCase({
      from: `create table hosts (id int primary key, mail jsonb not null default '[]',
          primary_ip text, secondary_ip text);`,
      to: `create table hosts (id int primary key);
        create table mails (host int references hosts (id) on delete cascade, at int, value text,
          primary key (host, at));
        create table ips (host int references hosts (id) on delete cascade, rank smallint,
          ip text not null, primary key (host, rank));`,
      evolution: `changes:
  - unnest_column: { table: hosts, column: mail, into: mails, value: value, position: at }
  - unnest_column: { table: hosts, columns: [primary_ip, secondary_ip], into: ips, value: ip,
      position: rank }
`,
      seed: {
        old: `insert into hosts values (1, '["a", "b"]', '::1', null), (2, '[]', null, '::2');`,
        new: `insert into hosts values (1), (2);
          insert into mails values (1, 1, 'a'), (1, 2, 'b');
          insert into ips values (1, 1, '::1'), (2, 2, '::2');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into hosts values (${n}0, '["c"]', 'x', 'y')`,
          `insert into hosts values (${n}0); insert into mails values (${n}0, 1, 'c');
           insert into ips values (${n}0, 1, 'x'), (${n}0, 2, 'y')`,
        ),
        newWrite(`insert into hosts values (${n}1)`),
        newWrite(
          `insert into ips values (${n}1, 2, 'p'), (${n}1, 1, 'q')`,
          `update hosts set primary_ip = 'q', secondary_ip = 'p' where id = ${n}1`,
        ),
        newWrite(
          `insert into mails values (${n}1, 1, 'd')`,
          `update hosts set mail = '["d"]' where id = ${n}1`,
        ),
        newWrite(
          `delete from ips where rank = 1 and host = ${n}0`,
          `update hosts set primary_ip = null where id = ${n}0`,
        ),
        oldWrite(
          `update hosts set mail = mail || '["e"]' where id in (2, ${n}1)`,
          `insert into mails select h.id, (select count(*) from mails m where m.host = h.id) + 1,
             'e' from hosts as h where h.id in (2, ${n}1)`,
        ),
        newWrite(`delete from hosts where id = ${n}1`),
        oldWrite(`delete from hosts where id = ${n}0`),
      ],
      refused: () => [
        { by: 'new', sql: `insert into ips values (1, 3, 'third')`, lens: 'HL001', dual: 'HL001' },
      ],
    }));
});

describe('rows that become elements', () => {
  it('of an array, whatever their own keys are', () =>
    lifecycleCase({
      from: `create table posts (id bigint primary key, title text);
        create table tags (id bigserial primary key, post_id bigint not null references posts (id)
          on delete cascade, tag text not null, unique (post_id, tag));`,
      to: `create table posts (id bigint primary key, title text,
        tags text[] not null default '{}');`,
      evolution: `changes:
  - nest_table: { table: tags, into: posts, column: tags, value: tag }
`,
      seed: {
        old: `insert into posts values (1, 'a'), (2, 'b');
          insert into tags (post_id, tag) values (1, 'x'), (1, 'y');`,
        new: `insert into posts values (1, 'a', '{x,y}'), (2, 'b', '{}');`,
      },
      writes: (n) => [
        oldWrite(`insert into posts values (${n}0, 'old')`),
        oldWrite(
          `insert into tags (post_id, tag) values (${n}0, 'k'), (${n}0, 'l'), (2, 'z${100 + n}')`,
          `update posts set tags = '{k,l}' where id = ${n}0;
           update posts set tags = array_append(tags, 'z${100 + n}') where id = 2`,
        ),
        newWrite(
          `insert into posts values (${n}1, 'new', '{a,b}')`,
          `insert into posts values (${n}1, 'new');
           insert into tags (post_id, tag) values (${n}1, 'a'), (${n}1, 'b')`,
        ),
        newWrite(
          `update posts set tags = '{a,c}', title = 'changed' where id = ${n}1`,
          `delete from tags where post_id = ${n}1 and tag = 'b';
           insert into tags (post_id, tag) values (${n}1, 'c');
           update posts set title = 'changed' where id = ${n}1`,
        ),
        oldWrite(
          `update tags set post_id = 1, tag = 'z${100 + n}' where post_id = ${n}0 and tag = 'k'`,
          `update posts set tags = '{l}' where id = ${n}0;
           update posts set tags = array_append(tags, 'z${100 + n}') where id = 1`,
        ),
        oldWrite(
          `delete from tags where post_id = 2 and tag = 'z${100 + n}'`,
          `update posts set tags = array_remove(tags, 'z${100 + n}') where id = 2`,
        ),
        newWrite(`delete from posts where id = ${n}1`),
        oldWrite(`delete from posts where id = ${n}0`),
      ],
      refused: () => [
        {
          by: 'new',
          sql: `update posts set tags = '{y,x}' where id = 1`,
          lens: 'HL001',
          dual: 'HL001',
        },
      ],
      ignored: ['tags.id'],
    }));
});

describe('rows that are shared out', () => {
  const whole = `create table events (id bigint generated by default as identity primary key,
    kind text not null check (kind in ('login', 'error', 'other')), who text, message text);`;
  const shares = `
    create table logins (id bigint generated by default as identity primary key, who text not null);
    create table notes (id bigint generated by default as identity primary key, kind text not null,
      message text, at timestamptz default now());`;

  it('from one table to several', () =>
    lifecycleCase({
      from: whole,
      to: shares,
      evolution: `changes:
  - partition_rows:
      table: events
      into:
        logins: { when: kind = 'login', values: { kind: "'login'" } }
        notes: { when: kind <> 'login' }
`,
      seed: {
        old: `insert into events values (1, 'login', 'ada', null), (2, 'error', null, 'disk');`,
        new: `insert into logins values (1, 'ada'); insert into notes values (2, 'error', 'disk');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into events values (${n}0, 'login', 'old', null), (${n}1, 'other', null, 'm')`,
          `insert into logins values (${n}0, 'old');
           insert into notes values (${n}1, 'other', 'm')`,
        ),
        newWrite(
          `insert into logins values (${n}2, 'new')`,
          `insert into events values (${n}2, 'login', 'new', null)`,
        ),
        newWrite(
          `insert into notes (id, kind, message) values (${n}3, 'error', 'by new')`,
          `insert into events values (${n}3, 'error', null, 'by new')`,
        ),
        newWrite(
          `update logins set who = who || '!'`,
          `update events set who = who || '!' where kind = 'login'`,
        ),
        newWrite(
          `update notes set kind = 'other', message = 'seen' where id in (2, ${n}3)`,
          `update events set kind = 'other', message = 'seen' where id in (2, ${n}3)`,
        ),
        oldWrite(
          `update events set kind = 'error', message = 'failed' where id = ${n}0`,
          `delete from logins where id = ${n}0;
           insert into notes values (${n}0, 'error', 'failed')`,
        ),
        oldWrite(
          `update events set id = ${n}5 where id = ${n}3`,
          `update notes set id = ${n}5 where id = ${n}3`,
        ),
        newWrite(`delete from logins where id = ${n}2`, `delete from events where id = ${n}2`),
        oldWrite(
          `delete from events where id in (${n}1, ${n}5)`,
          `delete from notes where id in (${n}1, ${n}5)`,
        ),
      ],
      refused: () => [
        { by: 'new', sql: `insert into logins values (2, 'taken')`, lens: 'HL001', dual: 'HL001' },
        {
          by: 'new',
          sql: `insert into notes (id, kind) values (-1, 'login')`,
          lens: 'HL001',
          dual: 'HL001',
        },
      ],
      ignored: ['events.who', 'events.message', 'notes.at'],
    }));

  it('from several tables to one', () =>
    lifecycleCase({
      from: `create table net_qos (id uuid primary key, name text not null, inbound int);
        create table cpu_qos (id uuid primary key, name text, shares int);`,
      to: `create table qos (id uuid primary key, qos_type smallint not null, name text,
        inbound int, cpu_shares int, note text);`,
      evolution: `changes:
  - rename_column: { table: cpu_qos, column: shares, to: cpu_shares }
  - unite_tables:
      into: qos
      from:
        net_qos: { when: qos_type = 3 and cpu_shares is null, values: { qos_type: 3 } }
        cpu_qos: { when: qos_type = 1 and inbound is null, values: { qos_type: 1 } }
`,
      seed: {
        old: `insert into net_qos values ('00000000-0000-0000-0000-000000000001', 'a', 5);
          insert into cpu_qos values ('00000000-0000-0000-0000-000000000002', null, 7);`,
        new: `insert into qos values ('00000000-0000-0000-0000-000000000001', 3, 'a', 5, null),
          ('00000000-0000-0000-0000-000000000002', 1, null, null, 7);`,
      },
      writes: (n) => {
        const id = (last: number) =>
          `'00000000-0000-0000-0000-${String(n * 100 + last).padStart(12, '0')}'`;
        return [
          oldWrite(
            `insert into net_qos values (${id(10)}, 'old', 1)`,
            `insert into qos values (${id(10)}, 3, 'old', 1, null)`,
          ),
          oldWrite(
            `insert into cpu_qos values (${id(11)}, 'cpu', 2)`,
            `insert into qos values (${id(11)}, 1, 'cpu', null, 2)`,
          ),
          newWrite(
            `insert into qos values (${id(12)}, 3, 'new', 4, null, 'kept')`,
            `insert into net_qos values (${id(12)}, 'new', 4)`,
          ),
          newWrite(
            `update qos set name = coalesce(name, '') || '.'`,
            `update net_qos set name = name || '.';
             update cpu_qos set name = coalesce(name, '') || '.'`,
          ),
          newWrite(
            `update qos set qos_type = 1, inbound = null, cpu_shares = 9 where id = ${id(12)}`,
            `insert into cpu_qos select id, name, 9 from net_qos where id = ${id(12)};
             delete from net_qos where id = ${id(12)}`,
          ),
          oldWrite(
            `update cpu_qos set shares = shares + 1`,
            `update qos set cpu_shares = cpu_shares + 1 where qos_type = 1`,
          ),
          oldWrite(
            `delete from net_qos where id = ${id(10)}`,
            `delete from qos where id = ${id(10)}`,
          ),
          newWrite(
            `delete from qos where id = ${id(11)}`,
            `delete from cpu_qos where id = ${id(11)}`,
          ),
          oldWrite(
            `delete from cpu_qos where id = ${id(12)}`,
            `delete from qos where id = ${id(12)}`,
          ),
        ];
      },
      refused: () => [
        {
          by: 'new',
          sql: `insert into qos values ('00000000-0000-0000-0000-000000009999', 2, 'x')`,
          lens: 'HL001',
          dual: 'HL001',
        },
        {
          by: 'new',
          sql: `insert into qos values ('00000000-0000-0000-0000-000000009999', 3, null)`,
          lens: '23502',
          dual: '23502',
        },
      ],
      ignored: ['qos.note'],
    }));
});

describe('a column that moves to the rows that refer', () => {
  it('gives each of them the value, and takes that of the first', () =>
    lifecycleCase({
      from: `create table centers (id int primary key, name text, pool text not null default 'p');
        create table clusters (id int primary key, center int not null references centers (id),
          label text);
        create index on clusters (center);`,
      to: `create table centers (id int primary key, name text);
        create table clusters (id int primary key, center int not null references centers (id),
          label text, mac_pool text not null);
        create index on clusters (center);`,
      evolution: `changes:
  - move_column: { table: centers, column: pool, to: clusters, as: mac_pool }
`,
      seed: {
        old: `insert into centers values (1, 'a', 'x'), (2, 'b', 'y');
          insert into clusters values (1, 1, 'l'), (2, 1, 'm'), (3, 2, 'n');`,
        new: `insert into centers values (1, 'a'), (2, 'b');
          insert into clusters values (1, 1, 'l', 'x'), (2, 1, 'm', 'x'), (3, 2, 'n', 'y');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into centers values (${n}0, 'old', 'q')`,
          `insert into centers values (${n}0, 'old')`,
        ),
        newWrite(
          `insert into centers values (${n}1, 'new')`,
          `insert into centers values (${n}1, 'new')`,
        ),
        oldWrite(
          `insert into clusters values (${n}0, ${n}0, 'by old')`,
          `insert into clusters values (${n}0, ${n}0, 'by old', 'q')`,
        ),
        newWrite(
          `insert into clusters values (${n}1, ${n}1, 'by new', 'r')`,
          `insert into clusters values (${n}1, ${n}1, 'by new');
           update centers set pool = 'r' where id = ${n}1`,
        ),
        oldWrite(
          `update centers set pool = pool || '${n}' where id in (1, ${n}1)`,
          `update clusters set mac_pool = mac_pool || '${n}' where center in (1, ${n}1)`,
        ),
        newWrite(
          `update clusters set mac_pool = 'z', label = 'w' where id = 3`,
          `update clusters set label = 'w' where id = 3;
           update centers set pool = 'z' where id = 2`,
        ),
        oldWrite(`update clusters set label = label || '.'`),
        oldWrite(
          `update clusters set center = ${n}0 where id = ${n}1`,
          `update clusters set center = ${n}0, mac_pool = 'q' where id = ${n}1`,
        ),
        newWrite(`delete from clusters where id = ${n}1`),
        oldWrite(`delete from clusters where id = ${n}0`),
        newWrite(`delete from centers where id = ${n}1`),
        oldWrite(`delete from centers where id = ${n}0`),
      ],
      refused: () => [
        {
          by: 'new',
          sql: `update clusters set mac_pool = 'other' where id = 2`,
          lens: 'HL001',
          dual: 'HL001',
        },
      ],
      ignored: ['centers.pool'],
    }));
});

describe('a row that no table of the new release would have', () => {
  it('is found by verify, and contract waits for it', async () => {
    const compiled = await compilePair(
      'create table jobs (id int primary key, state text not null);',
      'create table waiting (id int primary key); create table done (id int primary key);',
      `changes:
  - partition_rows:
      table: jobs
      into:
        waiting: { when: state = 'waiting', values: { state: "'waiting'" } }
        done: { when: state = 'done', values: { state: "'done'" } }
`,
    );
    const shard = await installShard(compiled);
    try {
      await shard.run('prepare');
      await shard.run('expand');
      await withClient(shard.url, null, (client) =>
        client.query(`insert into jobs values (1, 'waiting'), (2, 'unheard of')`),
      );
      await expect(shard.run('contract')).rejects.toMatchObject({
        code: 'VERIFY_FAILED',
        detail: { evidence: ['jobs (id=2): not in the new layout'] },
      });
      await withClient(shard.url, null, (client) =>
        client.query(`update jobs set state = 'done' where id = 2`),
      );
      await shard.run('contract');
    } finally {
      await shard.drop();
    }
  });
});
