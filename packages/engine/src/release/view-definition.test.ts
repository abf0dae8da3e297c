import { beforeAll, describe, expect, it } from 'vitest';
import { loadParser } from './expression.js';
import { canonicalView } from './view-definition.js';

beforeAll(loadParser);

describe('canonicalView', () => {
  it.each([
    [" SELECT t.id, lower(t.a) AS l\n   FROM t\n  WHERE (t.a = 't.x'::text);"],
    [' SELECT x.id, "t"."é".x FROM t x ORDER BY x.id'],
    [' SELECT "My T".id FROM "My T" GROUP BY "My T".id HAVING (max("My T".a) > 1)'],
    [' SELECT s.id FROM ( SELECT s.id FROM s) s'],
    [' WITH w AS ( SELECT t.id FROM t) SELECT w.id FROM w'],
  ])('takes the name of the only relation from its columns: %s', (text) => {
    const bare = canonicalView(text);
    expect(bare).not.toBe(text);
    expect(canonicalView(bare)).toBe(bare);
  });

  it('leaves names inside subqueries and strings', () => {
    expect(
      canonicalView(
        "SELECT t.id, (SELECT count(*) FROM t u WHERE u.id = t.id) AS n, 't.id' AS s FROM t",
      ),
    ).toBe("SELECT id, (SELECT count(*) FROM t u WHERE u.id = t.id) AS n, 't.id' AS s FROM t");
  });

  it.each([
    ['SELECT a.id, b.id AS b FROM a JOIN b ON a.id = b.id'],
    ['SELECT a.id FROM a, b'],
    ['SELECT t.id FROM t UNION SELECT u.id FROM u'],
    ['SELECT id FROM t'],
    ['not sql'],
  ])('leaves everything else: %s', (text) => {
    expect(canonicalView(text)).toBe(text);
  });
});
