// What `halflap clusters bundles steps` does: the plan of a bundle that was uploaded.

import type { Verb } from '@halflap/protocol';
import type { BundleSteps } from '@halflap/server';
import type { Command } from 'commander';
import { withServer } from '../api/connect.js';
import { findBundle } from '../api/find-campaign.js';
import { OPERATIONS } from '../api/operations.js';
import { count, type Printer, wrapped } from '../print.js';

interface StepsOptions {
  readonly verb?: Verb;
  readonly sql?: boolean;
}

export async function steps(
  text: string,
  { verb, sql }: StepsOptions,
  command: Command,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const hash = await findBundle(client, text);
    const query = { verb };
    const found = await client.ask(OPERATIONS.showSteps, { params: { hash }, query });
    printer.json({ bundle: found });
    printer.line(stepsText(found, printer, sql === true));
  });
}

type Step = BundleSteps['verbs'][number]['steps'][number];

function stepsText(
  { app, from, to, hash, measured, verbs }: BundleSteps,
  { colors, width }: Pick<Printer, 'colors' | 'width'>,
  isWhole: boolean,
): string {
  const lines = [colors.bold(`${app} ${from} → ${to}`), `Bundle ${hash.slice(0, 12)}`];
  if (!measured) lines.push('Nobody has watched what its statements lock.');
  for (const { verb, statements, steps: all } of verbs) {
    const counted = `${count(all.length)} steps, ${count(statements)} statements`;
    lines.push('', `${colors.bold(verb.toUpperCase())}  ${counted}`);
    for (const step of all) {
      const [first = '', ...rest] = wrapped(`  ${step.id}  ${leadText(step)}`, width, 6);
      lines.push(first.replace(step.id, colors.cyan(step.id)), ...rest);
      lines.push(...wrapped(`    ${step.title}: ${step.how}`, width, 4).map(colors.dim));
      if (isWhole) lines.push(...statementLines(step));
    }
  }
  return lines.join('\n');
}

/** `instant: blocks writes of hosts for an instant; no rewrite; abort undoes it` */
function leadText({ label, lead, lock, relation }: Step): string {
  if (lead !== null) return `${label}: ${lead}`;
  const held = lock === null ? 'no lock that is waited for' : `${lock} on ${relation}`;
  return label === null ? held : `${label}: ${held}`;
}

function statementLines({ statements, more }: Step): string[] {
  const shown = statements.flatMap(({ text, cut, lock, relation }) => [
    `    - ${lock === null ? '–' : `${lock} on ${relation}`}`,
    ...`${text.trimEnd()}${cut ? ' …' : ''}`.split('\n').map((line) => `      ${line}`),
  ]);
  return more === 0 ? shown : [...shown, `    and ${count(more)} more`];
}
