// Tells the developer whether releases and evolutions hold: loads, compiles, and tries them on a
// scratch server.

import type { RelationPlan, Trial } from '@halflap/engine';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import { relationsText } from '../plan-text.js';
import { duration } from '../print.js';
import {
  type Releases,
  type ScratchOptions,
  withReleases,
  withScratchOption,
} from '../releases.js';

const HELP = `
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
        printer.line(textOf(result, config.app, printer.width));
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
  if (from === null) return { ...checked, relations: [], trial: null };
  const { relations } = await releases.compile(version);
  return { ...checked, relations, trial: await releases.try(version) };
}

function textOf(checked: Checked, app: string, width: number): string {
  const { release, from, tables, relations, trial } = checked;
  const count = tables === 1 ? '1 table' : `${tables} tables`;
  if (from === null) return `${app} ${release}: ${count}, the first release`;
  const lines = [`${app} ${from} → ${release}`, relationsText(relations, width)];
  if (trial === null) return lines.join('\n');
  const seconds = duration(trial.seconds);
  lines.push(`tried on sample rows, to dual and back and to the end, in ${seconds}: it holds`);
  for (const table of trial.untried) lines.push(`warning: no sample row for ${table}: not tried`);
  for (const one of trial.quarantined) lines.push(`warning: a new rule keeps rows out: ${one}`);
  return lines.join('\n');
}
