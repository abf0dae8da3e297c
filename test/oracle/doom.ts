// Runners that die in the middle of what they do: their session is ended at the n-th sign of life
// that they give in the shard's journal, with all that they have not committed.

import type { Client } from '../evolving/databases.js';

const MAKE = `create schema doom;
  create sequence doom.signs;
  create table doom.ends (at bigint);
  create function doom.sign() returns trigger language plpgsql as $$
  begin
    if nextval('doom.signs') = (select at from doom.ends) then
      perform pg_terminate_backend(pg_backend_pid());
      perform pg_sleep(0);
    end if;
    return null;
  end $$;
  create trigger doom after insert or update on halflap.journal
    for each statement execute function doom.sign();
  create trigger doom after insert or update on halflap.progress
    for each statement execute function doom.sign()`;

const DROP = `drop trigger if exists doom on halflap.journal;
  drop trigger if exists doom on halflap.progress;
  drop schema if exists doom cascade`;

/**
 * Runs until the sign, if it comes to that.
 *
 * @returns whether the runner has come to its end instead.
 */
export async function runToSign(
  client: Client,
  sign: number,
  run: () => Promise<unknown>,
): Promise<boolean> {
  await client.query(`${MAKE}; insert into doom.ends values (${sign})`);
  try {
    await run();
    return true;
  } catch (error) {
    const { rows } = await client.query(
      'select last_value >= at and is_called as is_dead from doom.signs, doom.ends',
    );
    if (rows[0]?.is_dead !== 't') throw error;
    return false;
  } finally {
    await client.query(DROP);
  }
}
