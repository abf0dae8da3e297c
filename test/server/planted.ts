// Secrets that can be recognised, in every place of a cluster where one can be: its configuration,
// its store, its logs. Whoever looks for them afterwards knows them all.

import { randomBytes, randomUUID } from 'node:crypto';
import { hashPassword, makeUser, type Store } from '@halflap/server';
import { addHost, makeToken } from './api.js';

/** A word that is nowhere else, and what it is the secret of. */
export type Planted = Readonly<Record<string, string>>;

const word = (of: string) => `planted-${of}-${randomBytes(6).toString('hex')}`;

/** What the configuration names. */
export function wordsOfConfiguration() {
  return {
    comment: word('comment'),
    scratch: word('scratch'),
    away: word('away'),
    awayFile: `${word('file')}"\\/%+é`,
    natsUser: word('natsuser'),
    natsPassword: word('natspassword'),
    mail: word('mail'),
  };
}

/** Into the store, as servers and agents write there; the token may do everything. */
export async function plantInStore(store: Store) {
  const words = {
    ...{ label: word('label'), note: word('note'), argument: word('argument') },
    ...{ output: word('output'), detail: word('detail'), webhook: word('webhook') },
    ...{ message: word('message'), error: word('error'), parked: `hla_${word('parked')}` },
    ...{ user: word('user'), event: word('event') },
  };
  const token = await makeToken(store, 'admin');
  const host = await addHost(store, { hostname: 'web', labels: { env: words.label } });
  await store.withHost(host, async (client) => {
    await client.query('update hosts set notes = $2 where id = $1', [host, words.note]);
    await client.query(
      `insert into host_events (host_id, kind, severity, message, detail)
       values ($1, 'agent', 'info', $2, $3)`,
      [host, `password: ${words.event}`, JSON.stringify({ a: words.detail })],
    );
  });
  await store.home.transaction(async (client) => {
    await makeUser(client, { name: 'ben', passwordHash: await hashPassword(words.user) });
    await client.query(JOB, [randomUUID(), JSON.stringify({ args: [words.argument] })]);
    await client.query(PARKED, [
      ...[randomUUID(), words.message],
      `cannot read postgres://u:${words.error}@h/d with ${words.parked}`,
    ]);
    await client.query(TARGET, [randomUUID(), Buffer.from(words.webhook), words.webhook]);
    await client.query(DELIVERY, [randomUUID(), words.webhook]);
    await client.query(AUDIT, [JSON.stringify({ password: words.detail })]);
    await client.query(OUTPUT, [randomUUID(), randomUUID(), host, words.output]);
  });
  return { token, words: { ...words, token } };
}

/** Lines as careless programs log them. */
export function careless(privateKey: string) {
  const words = {
    ...{ bearer: word('bearer'), cookie: word('cookie'), url: word('url') },
    ...{ json: word('json'), query: word('query'), enrolment: `hle_${word('enrolment')}` },
  };
  const lines = [
    `authorization: Bearer ${words.bearer}`,
    `cookie: __Host-halflap_session=${words.cookie}`,
    `connecting to postgres://halflap:${words.url}@db/halflap`,
    JSON.stringify({ level: 30, clientSecret: words.json }),
    JSON.stringify({ text: JSON.stringify({ api_token: words.json }) }),
    `GET /callback?code=${words.query}&state=x`,
    `enrolled with ${words.enrolment}`,
    privateKey,
    'the last line',
  ];
  const key = privateKey.split('\n').filter((line) => /^[A-Za-z0-9+/=]{20,}$/.test(line));
  return { text: lines.join('\n'), words: { ...words, ...Object.fromEntries(key.entries()) } };
}

/** Each form in which a text may show a word. */
export function formsOf(secret: string): readonly string[] {
  const quoted = JSON.stringify(secret).slice(1, -1);
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
  return [...new Set([secret, quoted, encodeURIComponent(secret), base64])];
}

const JOB = `
insert into jobs (id, name, kind, work, target, digest, total, batches, concurrency, wait_seconds,
  timeout_seconds, lost_seconds, output_limit_bytes, deadline_at, created_by, state, ended_at)
values ($1, 'a', 'command', $2, '{}', '', 1, 1, 1, 1, 1, 1, 1, now(), 'anna', 'failed', now())`;

const PARKED = `
with message as (
  insert into bus_messages (id, topic, format, envelope) values ($1, 't', 1, $2) returning id
)
insert into bus_parked (group_name, position, message_id, topic, format, attempts, losses, reason)
select 'g', 1, id, 't', 1, 10, 0, $3 from message`;

const TARGET = `
insert into alert_targets (id, name, kind, place, sealed, minimum_severity, enabled, made_by)
values ($1, $3, 'webhook', $3, $2, 'info', false, 'anna')`;

const DELIVERY = `
insert into alert_deliveries (id, target_id, event, payload, state, last_error, give_up_at)
select $1, id, 'test', jsonb_build_object('a', $2::text), 'given_up', $2, now()
from alert_targets`;

const AUDIT = `
insert into audit_entries (number, at, actor, actor_id, address, request, act, target, outcome,
  detail, hash)
values (1000000, now(), 'anna', 'a', '::1', 'r', 'test', 't', 'done', $1, '')`;

const OUTPUT = `
with run as (
  insert into job_runs (id, job_id, host_id, bucket, hostname, batch, state, driver_fence,
    timeout_seconds, lost_seconds, output_limit_bytes, ended_at)
  select $1, $2, $3, min(bucket), 'web', 1, 'failed', 1, 1, 1, 1, now() from buckets
  returning id
)
insert into job_output (run_id, number, stream, text) select id, 0, 'stdout', $4 from run`;
