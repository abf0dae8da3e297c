// What signals of an application said in a campaign, as the home shard keeps it.
//
// A day of a signal is 17 280 answers. So those that are older than an hour are thinned out to the
// highest of each minute, those older than a day to the highest of each quarter of an hour, and
// none is older than KEPT_DAYS: 11 000 at most for each signal, whatever the campaign waits for.

import type { ClientBase } from 'pg';
import type { Queryable } from '../../store/leases.js';
import type { SignalSeen } from '../decide/signal-limits.js';
import type { SignalLimit } from './signal-declaration.js';

const KEPT_DAYS = 90;

/** A signal that was asked. */
export interface Asked extends SignalLimit {
  readonly value: number | null;
  /** Why there is no value. */
  readonly away: string | null;
}

/** Within a transaction of the home shard. */
export async function keepSamples(
  client: ClientBase,
  campaign: string,
  asked: readonly Asked[],
): Promise<void> {
  const rows = JSON.stringify(asked.map((one, place) => ({ ...one, place })));
  await client.query(
    `insert into campaign_signals
       (campaign_id, name, place, unit, stop_above, stop_after_seconds, away)
     select $1, a.name, a.place, a.unit, a."stopAbove", a."stopAfterSeconds", a.away
     from jsonb_to_recordset($2::jsonb) as a (name text, place int, unit text,
       "stopAbove" double precision, "stopAfterSeconds" int, away text)
     on conflict (campaign_id, name) do update
     set place = excluded.place, unit = excluded.unit, stop_above = excluded.stop_above,
       stop_after_seconds = excluded.stop_after_seconds, away = excluded.away`,
    [campaign, rows],
  );
  await client.query(
    `insert into campaign_samples (campaign_id, at, signal, value)
     select $1, date_trunc('milliseconds', clock_timestamp()), a.name, a.value
     from jsonb_to_recordset($2::jsonb) as a (name text, value double precision)
     on conflict do nothing`,
    [campaign, rows],
  );
}

type SeenRow = Pick<SignalSeen, 'name' | 'unit' | 'stopAbove' | 'stopAfterSeconds'> & {
  readonly samples: readonly [string, number | null][];
};

/** Those that stop the campaign, with their last answers. */
export async function readSeen(on: Queryable, campaign: string): Promise<readonly SignalSeen[]> {
  const { rows } = await on.query<SeenRow>(
    `select s.name, s.unit, s.stop_above as "stopAbove",
       s.stop_after_seconds as "stopAfterSeconds",
       coalesce((
         select jsonb_agg(jsonb_build_array(p.at, p.value) order by p.at)
         from campaign_samples as p
         where p.campaign_id = s.campaign_id and p.signal = s.name
           and p.at > now() - make_interval(secs => s.stop_after_seconds + 60)
       ), '[]') as samples
     from campaign_signals as s
     where s.campaign_id = $1 and s.stop_above is not null
     order by s.place`,
    [campaign],
  );
  return rows.map(({ samples, ...limit }) => ({
    ...limit,
    samples: samples.map(([at, value]) => ({ at: new Date(at), value })),
  }));
}

/** Within a transaction of the home shard. */
export async function thinSamples(client: ClientBase, campaign: string): Promise<void> {
  await client.query(
    `with ranked as (
       select p.at, p.signal, p.at < now() - make_interval(days => $2) as is_old,
         row_number() over (
           partition by p.signal, p.at < now() - interval '1 day', date_bin(
             case when p.at < now() - interval '1 day' then interval '15 minutes'
               else interval '1 minute' end,
             p.at, timestamptz 'epoch'
           )
           order by p.value desc nulls last
         ) as rank
       from campaign_samples as p
       where p.campaign_id = $1 and p.at < now() - interval '1 hour'
     )
     delete from campaign_samples as p
     using ranked as r
     where p.campaign_id = $1 and p.at = r.at and p.signal = r.signal
       and (r.is_old or r.rank > 1)`,
    [campaign, KEPT_DAYS],
  );
}

export type SignalRow = SignalLimit & {
  readonly away: string | null;
  /** The last answer from before the first step. */
  readonly before: number | null;
  /** The last answer of all. */
  readonly now: number | null;
  /** Of all. */
  readonly highest: number | null;
  readonly points: readonly { readonly at: Date; readonly value: number | null }[];
};

/** Of the line of one signal: what a page can draw. */
const MOST_POINTS = 240;

/**
 * Signals with what they said, each as at most MOST_POINTS + 1 points of equal distance: the
 * highest value of each, null where there was no answer in it.
 * @param minutes only so far back; null: from the beginning
 */
export async function readSignals(
  on: Queryable,
  campaign: string,
  minutes: number | null,
): Promise<readonly SignalRow[]> {
  const { rows } = await on.query<Omit<SignalRow, 'points'>>(
    `select s.name, s.unit, s.stop_above as "stopAbove",
       s.stop_after_seconds as "stopAfterSeconds", s.away,
       (select p.value from campaign_samples as p
        where p.campaign_id = $1 and p.signal = s.name and p.value is not null
          and p.at <= coalesce((
            select min(t.started_at) from campaign_steps as t where t.campaign_id = $1
          ), 'infinity')
        order by p.at desc limit 1) as before,
       (select p.value from campaign_samples as p
        where p.campaign_id = $1 and p.signal = s.name and p.value is not null
        order by p.at desc limit 1) as now,
       (select max(p.value) from campaign_samples as p
        where p.campaign_id = $1 and p.signal = s.name) as highest
     from campaign_signals as s
     where s.campaign_id = $1
     order by s.place, s.name`,
    [campaign],
  );
  if (rows.length === 0) return [];
  const points = await readPoints(on, campaign, minutes);
  return rows.map((row) => ({
    ...row,
    points: points
      .filter(({ signal }) => signal === row.name)
      .map(({ at, value }) => ({ at, value })),
  }));
}

type PointRow = { readonly signal: string; readonly at: Date; readonly value: number | null };

async function readPoints(
  on: Queryable,
  campaign: string,
  minutes: number | null,
): Promise<readonly PointRow[]> {
  const { rows } = await on.query<PointRow>(
    `with span as (
       select min(p.at) as begun,
         greatest(1, extract(epoch from max(p.at) - min(p.at)) / $3) as seconds
       from campaign_samples as p
       where p.campaign_id = $1
         and p.at >= coalesce(now() - make_interval(mins => $2), '-infinity')
     )
     select p.signal, min(p.at) as at, max(p.value) as value
     from campaign_samples as p, span
     where p.campaign_id = $1 and p.at >= span.begun
     group by p.signal, floor(extract(epoch from p.at - span.begun) / span.seconds)
     order by at`,
    [campaign, minutes, MOST_POINTS],
  );
  return rows;
}

export type StepSignals = {
  readonly step: string;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  /** By the name of the signal. */
  readonly highest: Readonly<Record<string, number | null>>;
};

/** The highest of each signal while each step went on, of its last attempt. */
export async function readHighest(
  on: Queryable,
  campaign: string,
): Promise<readonly StepSignals[]> {
  const { rows } = await on.query<StepSignals>(
    `select t.id as step, t.started_at as "startedAt", t.ended_at as "endedAt",
       coalesce((
         select jsonb_object_agg(h.signal, h.value)
         from (
           select p.signal, max(p.value) as value
           from campaign_samples as p
           where p.campaign_id = $1 and p.at >= t.started_at
             and p.at <= coalesce(t.ended_at, 'infinity')
           group by p.signal
         ) as h
       ), '{}') as highest
     from campaign_steps as t
     where t.campaign_id = $1 and t.started_at is not null
     order by t.started_at, t.place`,
    [campaign],
  );
  return rows;
}

/** Those after a moment, for live views; null: of the last seconds. */
export async function readSamples(
  on: Queryable,
  campaign: string,
  after: Date | null,
): Promise<readonly PointRow[]> {
  const { rows } = await on.query<PointRow>(
    `select p.signal, p.at, p.value
     from campaign_samples as p
     where p.campaign_id = $1 and p.at > coalesce($2::timestamptz, now() - interval '10 seconds')
     order by p.at, p.signal
     limit 500`,
    [campaign, after],
  );
  return rows;
}
