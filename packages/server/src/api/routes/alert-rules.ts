// Rules of alerts: the list, and how rules are made, changed and removed. A rule keeps its kind:
// what it has found would be something else.

import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { type Static, Type } from 'typebox';
import { KINDS, RULE_COLUMNS, RULE_KINDS, type RuleRow, SEVERITIES } from '../../alerts/rules.js';
import { resolve } from '../../alerts/write.js';
import { Conditions } from '../conditions.js';
import { homePage } from '../home-page.js';
import { parseSelector, selectorText } from '../labels.js';
import { actAtHome, bodyOf, found, type Route, read } from '../route.js';
import { count, nullable, oneOf, pageOf, paging } from '../shapes.js';
import { whenDone } from '../when-done.js';
import type { AlertApi } from './alerts.js';

export const AlertRule = Type.Object({
  id: Type.String(),
  kind: oneOf(RULE_KINDS),
  selector: nullable(Type.String({ description: 'The hosts that it is for; null: all.' })),
  threshold: count(),
  unit: Type.String({ description: 'Of the threshold.' }),
  severity: oneOf(SEVERITIES),
  enabled: Type.Boolean(),
});

/** Each asks every shard once in every look. */
const MOST_RULES = 200;

const Selector = nullable(Type.String({ maxLength: 1024 }));

export function alertRuleRoutes(api: AlertApi): readonly Route[] {
  return [listRules(api), createRule(), changeRule(), removeRule(api)];
}

function listRules({ store }: AlertApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/alert-rules',
    summary: 'When something is an alert.',
    permission: 'cluster:read',
    query: paging,
    answer: pageOf(AlertRule),
    handle: ({ query }) =>
      homePage<RuleRow, Static<typeof AlertRule>>({ store }, query, {
        columns: RULE_COLUMNS,
        from: 'alert_rules r',
        ...{ conditions: new Conditions(), key: 'r.id', keyType: 'text', direction: 'asc' },
        item: ruleOf,
      }),
  });
}

function createRule(): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/alert-rules',
    summary: 'Makes a rule; the next look finds what is an alert by it.',
    permission: 'cluster:write',
    body: bodyOf({
      id: Type.String({
        pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
        description: 'What people call it. It stays.',
      }),
      kind: oneOf(RULE_KINDS),
      selector: Type.Optional(Selector),
      threshold: count(1_000_000),
      severity: oneOf(SEVERITIES),
      enabled: Type.Optional(Type.Boolean()),
    }),
    status: 201,
    answer: AlertRule,
    audit: {
      act: 'alert-rule.create',
      on: ({ body }) => `alert rule ${body.id}`,
      detail: ({ body }) => body,
    },
    async handle({ body }, client) {
      const given = { selector: null, enabled: true, ...body };
      const rule: RuleRow = { ...given, selector: checked(given) };
      const { rowCount } = await client.query(
        `insert into alert_rules (id, kind, selector, threshold, severity, enabled)
         select $1, $2, $3, $4, $5, $6
         where (select count(*) from alert_rules) < $7
         on conflict (id) do nothing`,
        [
          ...[rule.id, rule.kind, rule.selector, rule.threshold, rule.severity, rule.enabled],
          MOST_RULES,
        ],
      );
      if (rowCount === 0) throw await notMade(client, rule.id);
      return ruleOf(rule);
    },
  });
}

function changeRule(): Route {
  return actAtHome({
    method: 'PATCH',
    path: '/api/v1/alert-rules/:id',
    summary: 'Changes a rule; alerts that it no longer gives are resolved by the next look.',
    permission: 'cluster:write',
    params: { id: Type.String({ minLength: 1, maxLength: 63 }) },
    body: bodyOf({
      selector: Type.Optional(Selector),
      threshold: Type.Optional(count(1_000_000)),
      severity: Type.Optional(oneOf(SEVERITIES)),
      enabled: Type.Optional(Type.Boolean()),
    }),
    answer: AlertRule,
    audit: {
      act: 'alert-rule.change',
      on: ({ params }) => `alert rule ${params.id}`,
      detail: ({ body }) => body,
    },
    async handle({ params, body }, client) {
      const { rows } = await client.query<RuleRow>(
        `select ${RULE_COLUMNS} from alert_rules as r where r.id = $1 for update`,
        [params.id],
      );
      const rule = { ...found(rows[0], `alert rule ${params.id}`), ...body };
      const changed = { ...rule, selector: checked(rule) };
      await client.query(
        `update alert_rules set selector = $2, threshold = $3, severity = $4, enabled = $5,
           changed_at = now()
         where id = $1`,
        [params.id, changed.selector, changed.threshold, changed.severity, changed.enabled],
      );
      return ruleOf(changed);
    },
  });
}

function removeRule({ alerts }: AlertApi): Route {
  return actAtHome({
    method: 'DELETE',
    path: '/api/v1/alert-rules/:id',
    summary: 'Removes a rule and resolves its alerts, which stay in the list.',
    permission: 'cluster:write',
    params: { id: Type.String({ minLength: 1, maxLength: 63 }) },
    answer: null,
    audit: { act: 'alert-rule.remove', on: ({ params }) => `alert rule ${params.id}` },
    async handle({ params, reply }, client) {
      const { rows } = await client.query('delete from alert_rules where id = $1 returning id', [
        params.id,
      ]);
      found(rows[0], `alert rule ${params.id}`);
      const open = await client.query<{ id: string }>(
        `select id from alerts where rule_id = $1 and state = 'open' order by number`,
        [params.id],
      );
      await resolve(
        client,
        open.rows.map((alert) => alert.id),
      );
      whenDone(reply, () => alerts.kick());
      return undefined;
    },
  });
}

/** The selector in the form that all have. @throws API_INVALID */
function checked({ kind, selector, threshold }: RuleRow): string | null {
  const { most, of, unit } = KINDS[kind];
  if (threshold > most) throw wrong('body.threshold', `at most ${most} ${unit}`);
  const text = selector === null ? '' : selectorText(parseSelector(selector, 'body.selector'));
  if (text !== '' && of === 'fleet') {
    throw wrong('body.selector', 'null: this rule is about no hosts');
  }
  return text === '' ? null : text;
}

async function notMade(client: ClientBase, rule: string): Promise<HalflapError> {
  const { rowCount } = await client.query('select from alert_rules where id = $1', [rule]);
  return rowCount === 0
    ? new HalflapError(
        'API_CONFLICT',
        `there are ${MOST_RULES} alert rules, the most there may be`,
        {
          hint: 'remove those that nobody needs',
        },
      )
    : new HalflapError('API_CONFLICT', `there is an alert rule ${rule} already`, {
        hint: 'change that one, or take another name',
      });
}

function wrong(field: string, rule: string): HalflapError {
  return new HalflapError('API_INVALID', `${field}: ${rule}`, {
    detail: { fields: [{ field, rule }] },
    hint: 'the list of rules has the unit of each',
  });
}

function ruleOf(row: RuleRow): Static<typeof AlertRule> {
  const { id, kind, selector, threshold, severity, enabled } = row;
  return { id, kind, selector, threshold, unit: KINDS[kind].unit, severity, enabled };
}
