// Alerts: the list, and that somebody has taken notice. What is about a host is seen by who may
// see the host; the rest needs a role for all hosts.

import { type Static, Type } from 'typebox';
import type { Alerts } from '../../alerts/alerts.js';
import { RULE_KINDS, type RuleKind, SEVERITIES, type Severity } from '../../alerts/rules.js';
import type { Store } from '../../store/store.js';
import { restrict } from '../caller.js';
import { Conditions } from '../conditions.js';
import { homePage } from '../home-page.js';
import { isoOf } from '../host-shapes.js';
import { actAtHome, bodyOf, found, type Route, read } from '../route.js';
import { id, instant, nullable, oneOf, pageOf, paging } from '../shapes.js';
import { alertDeliveryRoutes } from './alert-deliveries.js';
import { alertRuleRoutes } from './alert-rules.js';
import { alertTargetRoutes } from './alert-targets.js';

/** What these routes work with. */
export interface AlertApi {
  readonly store: Store;
  /** What webhooks are sealed by. */
  readonly secret: Buffer;
  readonly alerts: Pick<Alerts, 'kick'>;
}

export function alertRoutes(api: AlertApi): readonly Route[] {
  return [
    listAlerts(api),
    acknowledge(),
    ...alertRuleRoutes(api),
    ...alertTargetRoutes(api),
    ...alertDeliveryRoutes(api),
  ];
}

export const ALERT_STATES = ['open', 'resolved'] as const;

export const Alert = Type.Object({
  id: id(),
  rule: Type.String(),
  kind: oneOf(RULE_KINDS),
  severity: oneOf(SEVERITIES),
  state: oneOf(ALERT_STATES),
  subject: Type.String({ description: 'The id of a host or of a job, or the name of a shard.' }),
  name: Type.String({ description: 'What people call that.' }),
  host: nullable(id()),
  message: Type.String(),
  openedAt: instant(),
  resolvedAt: nullable(instant()),
  acknowledgedBy: nullable(Type.String()),
  acknowledgedAt: nullable(instant()),
});

interface AlertRow {
  readonly id: string;
  readonly rule_id: string;
  readonly kind: RuleKind;
  readonly severity: Severity;
  readonly state: (typeof ALERT_STATES)[number];
  readonly subject: string;
  readonly subject_name: string;
  readonly host_id: string | null;
  readonly message: string;
  readonly opened_at: Date;
  readonly resolved_at: Date | null;
  readonly acknowledged_by: string | null;
  readonly acknowledged_at: Date | null;
}

function listAlerts({ store }: AlertApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/alerts',
    summary: 'Alerts, the latest first.',
    permission: 'alerts:read',
    query: {
      ...paging,
      state: Type.Optional(oneOf(ALERT_STATES)),
      severity: Type.Optional(oneOf(SEVERITIES)),
      kind: Type.Optional(oneOf(RULE_KINDS)),
      host: Type.Optional(id()),
      acknowledged: Type.Optional(Type.Boolean()),
    },
    answer: pageOf(Alert),
    handle({ query, scope }) {
      const conditions = new Conditions();
      restrict(conditions, scope, 'a.labels');
      for (const column of ['state', 'severity', 'kind'] as const) {
        const wanted = query[column];
        if (wanted !== undefined) conditions.add(`a.${column} = ${conditions.place(wanted)}`);
      }
      if (query.host !== undefined) conditions.add(`a.host_id = ${conditions.place(query.host)}`);
      if (query.acknowledged !== undefined) {
        conditions.add(`(a.acknowledged_at is not null) = ${conditions.place(query.acknowledged)}`);
      }
      return homePage<AlertRow, Static<typeof Alert>>({ store }, query, {
        columns: `a.id, a.rule_id, a.kind, a.severity, a.state, a.subject, a.subject_name,
          a.host_id, a.message, a.opened_at, a.resolved_at, a.acknowledged_by, a.acknowledged_at`,
        from: 'alerts a',
        ...{ conditions, key: 'a.number', keyType: 'bigint', direction: 'desc' },
        item: ({ rule_id: rule, subject_name: name, host_id: host, ...row }) => ({
          ...{ id: row.id, rule, kind: row.kind, severity: row.severity, state: row.state },
          ...{ subject: row.subject, name, host, message: row.message },
          ...{ openedAt: row.opened_at.toISOString(), resolvedAt: isoOf(row.resolved_at) },
          ...{ acknowledgedBy: row.acknowledged_by, acknowledgedAt: isoOf(row.acknowledged_at) },
        }),
      });
    },
  });
}

function acknowledge(): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/alerts/:id/acknowledge',
    summary: 'Says that somebody has taken notice; who was the first stays.',
    permission: 'alerts:write',
    params: { id: id() },
    body: bodyOf({}),
    answer: null,
    audit: { act: 'alert.acknowledge', on: ({ params }) => `alert ${params.id}` },
    async handle({ params, caller, scope }, client) {
      const conditions = new Conditions();
      conditions.add(`a.id = ${conditions.place(params.id)}`);
      restrict(conditions, scope, 'a.labels');
      const by = conditions.place(caller.name);
      const { rows } = await client.query(
        `update alerts as a
         set acknowledged_by = coalesce(a.acknowledged_by, ${by}),
           acknowledged_at = coalesce(a.acknowledged_at, now())
         where ${conditions.text} returning a.id`,
        conditions.values,
      );
      found(rows[0], `alert ${params.id}`);
      return undefined;
    },
  });
}
