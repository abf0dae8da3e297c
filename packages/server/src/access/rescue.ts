// The way back for administrators who are locked out: by the database itself, for whoever has its
// password. It is in the audit log as what it is.

import { randomUUID } from 'node:crypto';
import { open } from '@halflap/client';
import { HalflapError } from '@halflap/protocol';
import { checkOf } from '@halflap/protocol/agent';
import type { ClientBase } from 'pg';
import { Type } from 'typebox';
import { appendAudit, type Head } from '../audit/chain.js';
import { APP, RELEASE, type StoreShard } from '../store/install.js';
import type { Log } from '../store/store.js';
import { hashPassword, NewPassword } from './passwords.js';
import { makeUser, setPassword, UserName } from './users.js';

export interface Rescue {
  /** The home shard; no other one is needed. */
  readonly home: StoreShard;
  /** Who does it, as the shard and the audit log know him: `root on db1`. */
  readonly by: string;
  readonly name: string;
  readonly password: string;
  readonly log: Log;
}

export interface Rescued {
  readonly id: string;
  /** There was no such user. */
  readonly isNew: boolean;
  /** Of the audit log, after that. */
  readonly head: Head;
}

const checkRescue = checkOf(Type.Object({ name: UserName, password: NewPassword }));

/**
 * Makes somebody an administrator for all hosts who is active and has this password, also when
 * there was no such user. His sessions end, and attempts to sign in count anew.
 * @throws COMMAND_INVALID for a name or a password that is none; SHARD_UNREACHABLE
 */
export async function rescueUser(rescue: Rescue): Promise<Rescued> {
  const { home, by, name, password, log } = rescue;
  const checked = checkRescue({ name, password });
  if (!checked.ok) {
    throw new HalflapError('COMMAND_INVALID', checked.problems.join('; ').replaceAll('/', ''), {
      hint: 'a password has 12 to 256 letters; a name has letters, digits and ._@+-',
    });
  }
  const hash = await hashPassword(password);
  const fleet = await open({
    ...{ app: APP, release: RELEASE, server: `halflap users rescue, ${by}`, poolSize: 1 },
    shards: [{ name: home.name, url: home.url }],
    log: ({ level, shard, message }) => log[level]({ shard }, message),
  });
  try {
    return await fleet.shard(home.name).transaction(async (client) => {
      const { id, isNew } = await makeAdmin(client, name.toLowerCase(), hash);
      const head = await appendAudit(client, {
        ...{ actor: by, actorId: '', address: 'database', request: randomUUID() },
        ...{ act: 'user.rescue', target: `user ${id}`, outcome: 'done' },
        detail: { name: name.toLowerCase(), isNew },
      });
      return { id, isNew, head };
    });
  } finally {
    await fleet.close();
  }
}

async function makeAdmin(client: ClientBase, name: string, passwordHash: string) {
  await client.query(`delete from sign_in_attempts where kind = 'user' and of = $1`, [name]);
  const { rows } = await client.query<{ id: string; is_admin: boolean }>(
    `update users set state = 'active' where name = $1
     returning id, exists (select from role_grants as g
       where g.user_id = users.id and g.role = 'admin' and g.selector is null
         and not g.from_groups) as is_admin`,
    [name],
  );
  const [found] = rows;
  const id = found?.id ?? (await makeUser(client, { name, passwordHash }));
  if (found !== undefined) await setPassword(client, id, passwordHash);
  if (found?.is_admin !== true) {
    await client.query(
      `insert into role_grants (id, user_id, role, from_groups) values ($1, $2, 'admin', false)`,
      [randomUUID(), id],
    );
  }
  return { id, isNew: found === undefined };
}
