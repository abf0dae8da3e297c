import { describe, expect, it } from 'vitest';
import { applicationName, sessionOwner } from './session-name.js';

describe('applicationName', () => {
  it('cuts the server and never the release when PostgreSQL would cut the name', () => {
    const who = { app: 'inventory', release: '2.0', server: 'web.'.repeat(30) };
    expect(applicationName(who)).toHaveLength(63);
    expect(applicationName(who)).toMatch(/^web\..*\/inventory@2\.0$/);
  });

  it('keeps to printable ASCII', () => {
    expect(applicationName({ app: 'a', release: '1', server: 'büro 1' })).toBe('b_ro_1/a@1');
  });
});

describe('sessionOwner', () => {
  it('reads what applicationName has written', () => {
    const who = { app: 'inventory', release: '2.0', server: 'web/1' };
    expect(sessionOwner(applicationName(who), 'inventory')).toEqual(who);
  });

  it.each(['psql', '/inventory@2.0', 'web1/inventory@', 'web1/other@2.0', ''])(
    'finds nobody in %j',
    (name) => {
      expect(sessionOwner(name, 'inventory')).toBeUndefined();
    },
  );
});
