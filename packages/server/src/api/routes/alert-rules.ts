// Rules of alerts: the list, and what of them can be changed. There are as many as a new cluster
// has; a rule that nobody wants is switched off.

import { HalflapError } from '@halflap/protocol';
import { type Static, Type } from 'typebox';
import { KINDS, RULE_COLUMNS, RULE_KINDS, type RuleRow, SEVERITIES } from '../../alerts/rules.js';
import { Conditions } from '../conditions.js';
import { homePage } from '../home-page.js';
import { parseSelector, selectorText } from '../labels.js';
import { actAtHome, bodyOf, found, type Route, read } from '../route.js';
import { count, nullable, oneOf, pageOf, paging } from '../shapes.js';
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

export function alertRuleRoutes(api: AlertApi): readonly Route[] {
  return [listRules(api), changeRule()];
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

function changeRule(): Route {
  return actAtHome({
    method: 'PATCH',
    path: '/api/v1/alert-rules/:id',
    summary: 'Changes a rule; alerts that it no longer gives are resolved by the next look.',
    permission: 'cluster:write',
    params: { id: Type.String({ minLength: 1, maxLength: 63 }) },
    body: bodyOf({
      selector: Type.Optional(nullable(Type.String({ maxLength: 1024 }))),
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

function wrong(field: string, rule: string): HalflapError {
  return new HalflapError('API_INVALID', `${field} breaks its rule`, {
    detail: { fields: [{ field, rule }] },
    hint: 'the list of rules has the unit of each',
  });
}

function ruleOf(row: RuleRow): Static<typeof AlertRule> {
  const { id, kind, selector, threshold, severity, enabled } = row;
  return { id, kind, selector, threshold, unit: KINDS[kind].unit, severity, enabled };
}
