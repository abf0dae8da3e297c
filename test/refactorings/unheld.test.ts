// What docs/refactorings.md says that authors are told about what is not stated yet: tried.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openClient, stateOf } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { UNHELD } from './unheld.js';

describe('what is not stated yet', () => {
  for (const { title, attempt } of UNHELD) {
    if (attempt === null) continue;
    it(title, async () => {
      const { from, to, evolution, answer } = attempt;
      const said = await compilePair(from, to, evolution).then(
        ({ bundle }) => bundle.relations.flatMap((one) => one.notes).join('\n'),
        (error: Error) => error.message,
      );
      expect(said).toContain(answer);
    });
  }
});

describe('a filter with a title of its own', () => {
  let shard: Shard;
  beforeAll(async () => {
    const compiled = await compilePair(
      `create table custom_filters (id serial primary key, phrase text not null,
        whole_word boolean not null default true);`,
      `create table custom_filters (id serial primary key, phrase text not null);
        create table custom_filter_keywords (id serial primary key, keyword text not null,
          custom_filter_id int not null references custom_filters (id) on delete cascade,
          whole_word boolean not null default true);
        create index on custom_filter_keywords (custom_filter_id);`,
      `keys:
  keywords:
    from: custom_filters
    into: custom_filter_keywords
    column: id
    key: { custom_filter_id: id }
changes:
  - custom:
      from:
        custom_filters:
          slice: id
          query: |
            select f.id, f.phrase, k.whole_word from custom_filters as f
            join custom_filter_keywords as k on k.custom_filter_id = f.id and k.keyword = f.phrase
      into:
        custom_filters: { slice: id, query: "select id, phrase from custom_filters" }
        custom_filter_keywords:
          slice: custom_filter_id
          query: |
            select k.new_id as id, f.phrase as keyword, f.id as custom_filter_id, f.whole_word
            from custom_filters as f join keywords as k on k.old_id = f.id
`,
    );
    shard = await installShard(compiled);
    await shard.run('prepare');
  });
  afterAll(() => shard.drop());

  it.each(['prepared', 'dual'])('is refused to a new release until contract: %s', async (phase) => {
    if (phase === 'dual') await shard.run('expand');
    const client = await openClient(shard.url, NEW_PATH);
    const insert = `with f as (insert into custom_filters (phrase) values ('title') returning id)
      insert into custom_filter_keywords (keyword, custom_filter_id) select 'word', id from f`;
    expect(await client.query(insert).then(() => 'accepted', stateOf)).toBe('HL001');
    await client.end();
  });
});
