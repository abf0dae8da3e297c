// How often somebody may try to sign in: counted on the home shard, so that all servers count
// together. An attempt counts before the password is looked at, so that many at once gain nothing.
//
// Whoever knows a user's name can keep him from signing in by password for some minutes. That is
// the price of the limit per user; sessions, tokens and sign-in at a provider go on.

import { HalflapError } from '@halflap/protocol';
import { askHome } from '../store/home.js';
import type { Store } from '../store/store.js';

/** The time in which attempts are counted together. */
const WINDOW_SECONDS = 15 * 60;
/** Per address more, because many people may share one. */
const MOST = { user: 10, address: 50 } as const;

/** @throws API_TOO_MANY with the time to wait. */
export async function countAttempt(
  store: Store,
  attempt: { readonly user: string | null; readonly address: string },
): Promise<void> {
  const of = [
    ...(attempt.user === null ? [] : [['user', attempt.user] as const]),
    ['address', attempt.address] as const,
  ].toSorted();
  const rows = await askHome<{ kind: keyof typeof MOST; attempts: number; left: number }>(
    store,
    `insert into sign_in_attempts as a (kind, of, attempts, counted_from)
     select kind, of, 1, now() from unnest($1::text[], $2::text[]) as t (kind, of)
     on conflict (kind, of) do update set
       attempts = case when a.counted_from < now() - make_interval(secs => $3)
         then 1 else a.attempts + 1 end,
       counted_from = case when a.counted_from < now() - make_interval(secs => $3)
         then now() else a.counted_from end
     returning kind, attempts,
       ceil(extract(epoch from counted_from - now()) + $3)::int as left`,
    [of.map(([kind]) => kind), of.map(([, one]) => one), WINDOW_SECONDS],
  );
  const over = rows.filter(({ kind, attempts }) => attempts > MOST[kind]);
  if (over.length === 0) return;
  const seconds = Math.max(1, ...over.map(({ left }) => left));
  throw new HalflapError('API_TOO_MANY', 'too many attempts to sign in', {
    detail: { retryAfterSeconds: seconds },
    hint: `wait ${Math.ceil(seconds / 60)} minutes, or sign in at your provider`,
  });
}

/** A user who has signed in begins anew; his address does not, nor does anybody else. */
export async function forgetAttempts(store: Store, user: string): Promise<void> {
  await askHome(
    store,
    `delete from sign_in_attempts
     where (kind = 'user' and of = $1) or counted_from < now() - make_interval(secs => $2)`,
    [user, WINDOW_SECONDS],
  );
}
