// docs/api.md: its table of roles is what the code allows.

import { PERMISSIONS, type Permission, ROLES, type Role } from '@halflap/server';
import { describe, expect, it } from 'vitest';
import { readPage, tableOf } from './page.js';

const ORDER: readonly Role[] = ['viewer', 'operator', 'auditor', 'admin'];

describe('docs/api.md', () => {
  it('says which role may do what', () => {
    const expected = Object.entries(PERMISSIONS).map(([permission, { of, about }]) => [
      `\`${permission}\``,
      of === 'hosts' ? 'hosts' : 'the fleet',
      ...ORDER.map((role) =>
        (ROLES[role] as readonly Permission[]).includes(permission as Permission) ? 'yes' : '–',
      ),
      about,
    ]);
    expect(ORDER.toSorted()).toEqual(Object.keys(ROLES).toSorted());
    expect(tableOf(readPage('docs/api.md'), 'permission')).toEqual(expected);
  });
});
