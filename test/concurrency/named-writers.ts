// Writers of rows whose keys differ between the releases: both name them by what they share.

import { type Account, type Release, STRICT, type Unit, unit } from './account.js';
import type { Writer } from './load.js';

export function namedWriters(account: Account, release: Release): Writer[] {
  const user = (turn: number, salt: number) => `u${1 + account.pick(turn, salt)}`;
  const counter = (salt: number): Unit => ({
    release,
    name: `counter ${salt}`,
    work: async (client, turn) => {
      const name = user(turn, salt);
      await client.query('update users set n = n + 1 where name = $1', [name]);
      return [`n ${name}`];
    },
  });
  const units: Unit[] = [
    counter(1),
    counter(2),
    {
      release,
      name: 'several',
      ...(release === 'new' ? { begin: STRICT } : {}),
      work: async (client, turn) => {
        const ids = account.some(turn, 3).sort((one, two) => one - two);
        for (const id of ids) {
          await client.query('update users set n = n + 1 where name = $1', [`u${id}`]);
        }
        return ids.map((id) => `n u${id}`);
      },
    },
    {
      release,
      name: 'mails',
      work: async (client, turn) => {
        const address = `${user(turn, 4)}@example.org`;
        await client.query('update mails set n = n + 1 where address = $1', [address]);
        return [`mail ${address}`];
      },
    },
    {
      release,
      name: 'rows',
      work: async (client, turn) => {
        const name = `row ${release} ${turn}`;
        await client.query('insert into users (name, n) values ($1, 3)', [name]);
        await client.query(
          `insert into mails (address, n, user_id)
           select name || '@example.org', 2, id from users where name = $1`,
          [name],
        );
        if (turn % 3 === 0) await client.query('delete from users where name = $1', [name]);
        const mail = `mail ${name}@example.org`;
        return turn % 3 === 0 ? [] : [...Array(3).fill(`n ${name}`), mail, mail];
      },
    },
  ];
  return units.map((one) => unit(account, 'users', one));
}
