// What has to change so that the open alerts of a rule are what it finds. Pure.
//
// Invariant: an alert is resolved only where its subject was judged; what is unknown stays open.

import type { Finding, Findings } from './findings.js';

export type OpenAlert = {
  readonly id: string;
  readonly rule_id: string;
  readonly subject: string;
  readonly subject_name: string;
  readonly host_id: string | null;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly message: string;
};

export interface Difference {
  readonly opened: readonly Finding[];
  /** Open alerts that say something else now; nobody is told. */
  readonly changed: readonly (Finding & { readonly id: string })[];
  /** Ids of alerts. */
  readonly resolved: readonly string[];
}

/** @param mayOpen false: what is found is not believed yet, and only what is mended counts */
export function differenceOf(
  open: readonly OpenAlert[],
  { found, isJudged }: Findings,
  mayOpen: boolean,
): Difference {
  const bySubject = new Map(found.map((one) => [one.subject, one]));
  const changed: (Finding & { id: string })[] = [];
  const resolved: string[] = [];
  for (const alert of open) {
    const finding = bySubject.get(alert.subject);
    bySubject.delete(alert.subject);
    if (finding === undefined) {
      if (isJudged(alert.subject)) resolved.push(alert.id);
    } else if (isOther(alert, finding)) changed.push({ ...finding, id: alert.id });
  }
  return { opened: mayOpen ? [...bySubject.values()] : [], changed, resolved };
}

function isOther(alert: OpenAlert, finding: Finding): boolean {
  return (
    alert.message !== finding.message ||
    alert.subject_name !== finding.name ||
    sorted(alert.labels) !== sorted(finding.labels)
  );
}

function sorted(labels: Readonly<Record<string, string>> | null): string {
  return JSON.stringify(labels === null ? null : Object.entries(labels).sort());
}
