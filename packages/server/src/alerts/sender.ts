// Sends what is to be told. Every server has one; they share the work by claiming rows.
//
// A delivery, by its row in alert_deliveries:
//   pending    due at next_attempt_at. A claim counts the attempt and puts that ahead, so that a
//              claim whose server died ends by itself; so a receiver may be told twice, never not.
//   delivered  the receiver has said so
//   given_up   it has not, for a day; shown, and tried again when somebody asks for it
//
// Invariant: of one alert a target hears what opened it before what resolved it.

import { HalflapError } from '@halflap/protocol';
import type { Clock } from '../api/app.js';
import { unseal } from '../authority/sealing.js';
import type { Log, Store } from '../store/store.js';
import { type MailOptions, sendMail } from './mail.js';
import type { Payload } from './payload.js';
import { post, type Webhook } from './webhook.js';

export interface SenderOptions {
  readonly store: Store;
  /** What webhooks are sealed by. */
  readonly secret: Buffer;
  readonly mail: MailOptions | undefined;
  readonly clock: Clock;
  /** From 0 to 1, for jitter. */
  readonly random: () => number;
  readonly log: Log;
}

/** What the address and the secret of a webhook are sealed for. */
export const WEBHOOK_PURPOSE = 'webhook of alerts';

/** Longer than any attempt takes. */
const CLAIM_SECONDS = 120;
/** Of one target at once: a webhook gets requests, mail goes out as one. */
const AT_ONCE = { webhook: 4, mail: 100 } as const;
/** Before the second attempt, then doubled up to the longest. */
const BACK_OFF_SECONDS = { first: 10, longest: 3600 } as const;
const ERROR_LENGTH = 500;

type Claimed = {
  readonly id: string;
  readonly target_id: string;
  readonly attempts: number;
  readonly payload: Payload;
  readonly kind: 'webhook' | 'mail';
  readonly recipients: string[];
  readonly sealed: Buffer | null;
};

/** One round: what is due is tried once. @returns how many deliveries were tried. */
export async function sendDue(options: SenderOptions): Promise<number> {
  const claimed = await claim(options.store);
  const mails = new Map<string, Claimed[]>();
  const webhooks: Claimed[][] = [];
  for (const one of claimed) {
    if (one.kind === 'webhook') webhooks.push([one]);
    else mails.set(one.target_id, [...(mails.get(one.target_id) ?? []), one]);
  }
  const all = [...webhooks, ...mails.values()];
  await Promise.all(all.map((together) => attempt(options, together)));
  return claimed.length;
}

async function claim(store: Store): Promise<Claimed[]> {
  const { rows } = await store.home.query<Claimed>(
    `with due as (
       select d.number
       from alert_targets as t
       cross join lateral (
         select d.number
         from alert_deliveries as d
         where d.target_id = t.id and d.state = 'pending' and d.next_attempt_at <= now()
           and not exists (
             select from alert_deliveries as earlier
             where earlier.alert_id = d.alert_id and earlier.target_id = d.target_id
               and earlier.number < d.number and earlier.state = 'pending'
           )
         order by d.number
         limit case t.kind when 'mail' then $2::int else $3::int end
         for update of d skip locked
       ) as d
       where t.enabled
     )
     update alert_deliveries as d
     set attempts = d.attempts + 1, next_attempt_at = now() + make_interval(secs => $1)
     from due, alert_targets as t
     where d.number = due.number and t.id = d.target_id
     returning d.id, d.target_id, d.attempts, d.payload, t.kind, t.recipients, t.sealed`,
    [CLAIM_SECONDS, AT_ONCE.mail, AT_ONCE.webhook],
    { timeoutMs: HOME_MS },
  );
  return rows;
}

/** How long the home shard is waited for. */
const HOME_MS = 5000;

interface Outcome {
  readonly status: number | null;
  /** Null: the receiver has it. */
  readonly error: string | null;
}

async function attempt(options: SenderOptions, together: readonly Claimed[]): Promise<void> {
  const [first] = together;
  if (first === undefined) return;
  const outcome = await send(options, first, together).catch((error: unknown) => ({
    status: null,
    error: error instanceof Error ? error.message : String(error),
  }));
  if (outcome.error !== null) {
    const detail = { target: first.target_id, deliveries: together.length, ...outcome };
    options.log.warn(detail, 'a target of alerts did not take what it was told');
  }
  const exponent = Math.min(first.attempts - 1, 20);
  const seconds = Math.min(BACK_OFF_SECONDS.longest, BACK_OFF_SECONDS.first * 2 ** exponent);
  const pause = seconds * (0.5 + options.random() / 2);
  try {
    await settle(options.store, together, outcome, pause);
  } catch (error) {
    options.log.warn({ error }, 'what came of a delivery was not written; it is sent again');
  }
}

async function send(
  { secret, mail, clock }: SenderOptions,
  { id, kind, payload, recipients, sealed }: Claimed,
  together: readonly Claimed[],
): Promise<Outcome> {
  if (kind === 'mail') {
    if (mail === undefined) return { status: null, error: 'this server has no mail server' };
    await sendMail(mail, recipients, { id, payloads: together.map((one) => one.payload) });
    return { status: null, error: null };
  }
  if (sealed === null) {
    throw new HalflapError('INTERNAL_DEFECT', 'a webhook without an address', {
      hint: 'remove the target, and make it anew',
    });
  }
  const webhook = JSON.parse(unseal(secret, WEBHOOK_PURPOSE, sealed)) as Webhook;
  const body = JSON.stringify({ delivery: id, ...payload });
  const seconds = Math.floor(clock().getTime() / 1000);
  const { status } = await post(webhook, { id, body, seconds });
  return { status, error: status >= 200 && status < 300 ? null : `answered ${status}` };
}

/** Writes what came of it, where no other server has begun another attempt. */
async function settle(
  store: Store,
  together: readonly Claimed[],
  { status, error }: Outcome,
  pauseSeconds: number,
): Promise<void> {
  await store.home.query(
    `update alert_deliveries as d
     set last_status = $3, last_error = left($4::text, ${ERROR_LENGTH}),
       delivered_at = case when $4::text is null then now() end,
       state = case when $4::text is null then 'delivered'
         when now() >= d.give_up_at then 'given_up' else 'pending' end,
       next_attempt_at = now() + make_interval(secs => $5)
     from unnest($1::uuid[], $2::int[]) as c (id, attempts)
     where d.id = c.id and d.attempts = c.attempts and d.state = 'pending'`,
    [
      together.map(({ id }) => id),
      together.map((one) => one.attempts),
      status,
      error,
      pauseSeconds,
    ],
    { timeoutMs: HOME_MS },
  );
}
