// One message in the form of the other release: the mapping that the servers file holds, applied.
// Pure. What has no form there is said to have none, with the reason; nothing is left out silently.

import type { MessageMapping, RecordShape } from '@halflap/protocol';
import { compute, FormulaError } from './formula.js';
import { type Body, fit, problemsText } from './shape.js';

export interface TypedBody {
  readonly type: string;
  readonly body: Body;
}

export type Mapped = { readonly messages: readonly TypedBody[] } | { readonly reason: string };

/** `shapes` are those of the release that is mapped to. */
export function mapped(
  { type, body }: TypedBody,
  mappings: Readonly<Record<string, MessageMapping>>,
  shapes: Readonly<Record<string, RecordShape>>,
): Mapped {
  const mapping = Object.hasOwn(mappings, type) ? mappings[type] : undefined;
  if (mapping === undefined) return { reason: `nothing says what becomes of ${type}` };
  if ('impossible' in mapping) return { reason: mapping.impossible };
  try {
    const messages: TypedBody[] = [];
    for (const { type: other, when, fields } of mapping.to) {
      if (when !== null && compute(when, body) !== true) continue;
      const entries = Object.entries(fields).map(([name, one]) => [name, compute(one, body)]);
      const fitted = fit(Object.fromEntries(entries), shapes[other] ?? {});
      if ('problems' in fitted) return { reason: `${other}: ${problemsText(fitted.problems)}` };
      messages.push({ type: other, body: fitted.body });
    }
    return messages.length > 0 ? { messages } : { reason: `no part of ${type} takes it` };
  } catch (error) {
    if (error instanceof FormulaError) return { reason: `${type}: ${error.message}` };
    throw error;
  }
}
