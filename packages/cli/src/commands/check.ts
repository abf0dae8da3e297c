// Tells the developer whether releases and evolutions hold: loads, compiles, and tries them on a
// scratch server.

import type { PossibleRename, RelationPlan, Trial } from '@halflap/engine';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import { relationsText } from '../plan-view.js';
import { duration } from '../print.js';
import {
  type Releases,
  type ScratchOptions,
  withReleases,
  withScratchOption,
} from '../releases.js';

const HELP = `
A column or a table for which no sample row can be made was not tried; the verdict says so.

Labels: exact (both releases see the same), carried (kept aside until contract), lossy (with the
policy that evolution.yaml states), refused. Without a version, every release of the directory
is checked.

Examples:
  halflap check
  halflap check 2.0
`;

export function addCheck(program: Command): void {
  withScratchOption(program.command('check'))
    .description('compile an evolution, try it, and say how each relation crosses')
    .argument('[version]', 'the release to go to; all of them when not given')
    .addHelpText('after', HELP)
    .action(run);
}

/** One release of `check --json`; additions only. */
interface Checked {
  readonly release: string;
  /** Null for the first release, which nothing leads to. */
  readonly from: string | null;
  readonly tables: number;
  readonly relations: readonly RelationPlan[];
  /** What may be renames that nobody stated. */
  readonly renames: readonly PossibleRename[];
  /**
   * Whether it holds for everything, or only for what the samples reach (`trial.untried` is the
   * rest); null for the first release.
   */
  readonly verdict: 'holds' | 'holds where tried' | null;
  /** What was seen when the evolution was tried on sample rows; null for the first release. */
  readonly trial: Trial | null;
}

async function run(version: string | undefined, options: ScratchOptions, command: Command) {
  const { printer, config: load } = contextOf(command);
  const config = load();
  await interruptible(printer.note, (signal) =>
    withReleases({ config, options, signal }, async (releases) => {
      const versions = version === undefined ? await releases.versions() : [version];
      const checked: Checked[] = [];
      for (const one of versions) {
        const result = await check(one, releases);
        printer.line(textOf(result, config.app));
        checked.push(result);
      }
      printer.json({ app: config.app, checked });
    }),
  );
}

async function check(version: string, releases: Releases): Promise<Checked> {
  const { catalog } = await releases.load(version);
  const evolutions = await releases.evolutions();
  const from = evolutions.find((evolution) => evolution.to === version)?.from ?? null;
  const checked = { release: version, from, tables: catalog.tables.length };
  if (from === null) return { ...checked, relations: [], renames: [], verdict: null, trial: null };
  const { relations } = await releases.compile(version);
  const renames = await releases.renames(version);
  const trial = await releases.try(version);
  const verdict = trial.untried.length === 0 ? 'holds' : 'holds where tried';
  return { ...checked, relations, renames, verdict, trial };
}

function textOf(checked: Checked, app: string): string {
  const { release, from, tables, relations, renames, trial } = checked;
  const count = tables === 1 ? '1 table' : `${tables} tables`;
  if (from === null) return `${app} ${release}: ${count}, the first release`;
  const lines = [`${app} ${from} → ${release}`, relationsText(relations)];
  if (trial !== null) lines.push(...trialLines(trial));
  for (const { what, change } of renames) {
    lines.push(`warning: ${what}: a rename? Then state it in evolution.yaml:`, `  ${change}`);
  }
  return lines.join('\n');
}

/** The verdict, which claims no more than was tried, and a line for each table to look at. */
function trialLines({ seconds, untried, quarantined }: Trial): string[] {
  const how = `tried on sample rows, to dual and back and to the end, in ${duration(seconds)}`;
  const names = untried.map(({ table, columns }) =>
    columns.length === 0 ? table : columns.map((column) => `${table}.${column}`).join(', '),
  );
  return [
    untried.length === 0
      ? `${how}: it holds`
      : `${how}: it holds where it was tried; not tried: ${names.join(', ')}`,
    ...untried.map(({ reason }, index) => `warning: no sample for ${names[index]}: ${reason}`),
    ...quarantined.map(
      ({ relation, reasons }) =>
        `warning: sample rows of ${relation} go to quarantine: ${reasons.join('; ')}`,
    ),
  ];
}
