// The log of what was told to whom, and what came of it.

import { HalflapError } from '@halflap/protocol';
import { type Static, Type } from 'typebox';
import { TRIED_HOURS } from '../../alerts/write.js';
import { Conditions } from '../conditions.js';
import { homePage } from '../home-page.js';
import { isoOf } from '../host-shapes.js';
import { actAtHome, bodyOf, found, type Route, read } from '../route.js';
import { count, id, instant, nullable, oneOf, pageOf, paging } from '../shapes.js';
import { whenDone } from '../when-done.js';
import type { AlertApi } from './alerts.js';

export const DELIVERY_STATES = ['pending', 'delivered', 'given_up'] as const;

export const AlertDelivery = Type.Object({
  id: id('The receiver gets it, too.'),
  target: id(),
  targetName: Type.String(),
  alert: nullable(id('Null: a test.')),
  event: oneOf(['opened', 'resolved', 'test']),
  state: oneOf(DELIVERY_STATES),
  attempts: count(),
  nextAttemptAt: nullable(instant()),
  lastStatus: nullable(Type.Integer({ description: 'Of the last answer of a webhook.' })),
  lastError: nullable(Type.String()),
  madeAt: instant(),
  deliveredAt: nullable(instant()),
});

type Delivery = Static<typeof AlertDelivery>;

interface DeliveryRow {
  readonly id: string;
  readonly target_id: string;
  readonly target_name: string;
  readonly alert_id: string | null;
  readonly event: Delivery['event'];
  readonly state: Delivery['state'];
  readonly attempts: number;
  readonly next_attempt_at: Date;
  readonly last_status: number | null;
  readonly last_error: string | null;
  readonly made_at: Date;
  readonly delivered_at: Date | null;
}

export function alertDeliveryRoutes(api: AlertApi): readonly Route[] {
  return [listDeliveries(api), retryDelivery(api)];
}

function listDeliveries({ store }: AlertApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/alert-deliveries',
    summary: 'What was told to whom, the latest first.',
    permission: 'cluster:read',
    query: {
      ...paging,
      state: Type.Optional(oneOf(DELIVERY_STATES)),
      target: Type.Optional(id()),
      alert: Type.Optional(id()),
    },
    answer: pageOf(AlertDelivery),
    handle({ query }) {
      const conditions = new Conditions();
      const { state, target, alert } = query;
      if (state !== undefined) conditions.add(`d.state = ${conditions.place(state)}`);
      if (target !== undefined) conditions.add(`d.target_id = ${conditions.place(target)}`);
      if (alert !== undefined) conditions.add(`d.alert_id = ${conditions.place(alert)}`);
      return homePage<DeliveryRow, Delivery>({ store }, query, {
        columns: `d.id, d.target_id, t.name as target_name, d.alert_id, d.event, d.state,
          d.attempts, d.next_attempt_at, d.last_status, d.last_error, d.made_at, d.delivered_at`,
        from: 'alert_deliveries d join alert_targets t on t.id = d.target_id',
        ...{ conditions, key: 'd.number', keyType: 'bigint', direction: 'desc' },
        item: deliveryOf,
      });
    },
  });
}

function deliveryOf(row: DeliveryRow): Delivery {
  const { id: own, event, state, attempts } = row;
  return {
    ...{ id: own, target: row.target_id, targetName: row.target_name, alert: row.alert_id },
    ...{ event, state, attempts, lastStatus: row.last_status, lastError: row.last_error },
    nextAttemptAt: state === 'pending' ? row.next_attempt_at.toISOString() : null,
    ...{ madeAt: row.made_at.toISOString(), deliveredAt: isoOf(row.delivered_at) },
  };
}

function retryDelivery({ alerts }: AlertApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/alert-deliveries/:id/retry',
    summary: 'Tries a delivery without delay, and for another day.',
    permission: 'cluster:write',
    params: { id: id() },
    body: bodyOf({}),
    status: 202,
    answer: Type.Object({ id: id() }),
    audit: { act: 'alert-delivery.retry', on: ({ params }) => `alert delivery ${params.id}` },
    async handle({ params, reply }, client) {
      const { rows } = await client.query<{ state: Delivery['state'] }>(
        'select state from alert_deliveries where id = $1 for update',
        [params.id],
      );
      if (found(rows[0], `alert delivery ${params.id}`).state === 'delivered') {
        throw new HalflapError('API_CONFLICT', 'the target has it already', {
          hint: 'test the target instead',
        });
      }
      await client.query(
        `update alert_deliveries set state = 'pending', next_attempt_at = now(),
           give_up_at = now() + make_interval(hours => $2)
         where id = $1`,
        [params.id, TRIED_HOURS],
      );
      whenDone(reply, () => alerts.kick());
      return { id: params.id };
    },
  });
}
