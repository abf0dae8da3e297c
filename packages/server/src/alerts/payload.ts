// What a receiver is told. docs/alerts.md says what it means.

import type { RuleKind, Severity } from './rules.js';

/** As it is kept; what is sent has the delivery's id, too. */
export interface Payload {
  readonly event: 'opened' | 'resolved' | 'test';
  /** Null in a test. */
  readonly alert: {
    readonly id: string;
    readonly rule: string;
    readonly kind: RuleKind;
    readonly severity: Severity;
    readonly subject: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>> | null;
    readonly message: string;
    readonly openedAt: string;
    readonly resolvedAt: string | null;
  } | null;
}
