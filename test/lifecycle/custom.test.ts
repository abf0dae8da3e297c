// custom through every phase: queries that the author states.

import { describe, it } from 'vitest';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

describe('a change that is stated as queries', () => {
  it('makes elements of an array rows of their own', () =>
    lifecycleCase({
      from: `create table posts (id bigint primary key, title text not null,
        tags text[] not null default '{}');`,
      to: `create table posts (id bigint primary key, title text not null);
        create table post_tags (post_id bigint references posts (id) on delete cascade, tag text,
          weight int not null default 1, primary key (post_id, tag));`,
      evolution: `changes:
  - custom:
      from:
        posts:
          slice: id
          query: |
            select p.id, p.title,
              array(select t.tag from post_tags t where t.post_id = p.id order by t.tag) as tags
            from posts p
      into:
        posts: { slice: id, query: "select id, title from posts" }
        post_tags:
          slice: post_id
          query: |
            select distinct p.id as post_id, t.tag
            from posts p cross join lateral unnest(p.tags) as t(tag)
`,
      seed: {
        old: `insert into posts values (1, 'a', '{x,y}'), (2, 'b', '{}'), (3, 'c', '{x}');`,
        new: `insert into posts values (1, 'a'), (2, 'b'), (3, 'c');
          insert into post_tags values (1, 'x'), (1, 'y'), (3, 'x');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into posts values (${n}0, 'old', '{k,l}')`,
          `insert into posts values (${n}0, 'old');
           insert into post_tags values (${n}0, 'k'), (${n}0, 'l')`,
        ),
        newWrite(
          `insert into posts values (${n}1, 'new')`,
          `insert into posts values (${n}1, 'new', '{}')`,
        ),
        newWrite(
          `insert into post_tags (post_id, tag, weight) values (${n}1, 'm', 7), (${n}1, 'n', 8)`,
          `update posts set tags = '{m,n}' where id = ${n}1`,
        ),
        oldWrite(
          `update posts set tags = array_append(tags, 'z${100 + n}') where id <= 3`,
          `insert into post_tags select id, 'z${100 + n}' from posts where id <= 3`,
        ),
        oldWrite(`update posts set title = title || '.' where id <> 2`),
        newWrite(
          `delete from post_tags where tag = 'z${100 + n}' and post_id < 3`,
          `update posts set tags = array_remove(tags, 'z${100 + n}') where id < 3`,
        ),
        newWrite(
          `update post_tags set tag = 'q' where post_id = ${n}1 and tag = 'm'`,
          `update posts set tags = '{n,q}' where id = ${n}1`,
        ),
        oldWrite(
          `update posts set id = ${n}5 where id = ${n}0`,
          `insert into posts select ${n}5, title from posts where id = ${n}0;
           update post_tags set post_id = ${n}5 where post_id = ${n}0;
           delete from posts where id = ${n}0`,
        ),
        newWrite(`delete from posts where id = ${n}1`),
        oldWrite(`delete from posts where id = ${n}5`),
      ],
      ignored: ['post_tags.weight'],
    }));
});
