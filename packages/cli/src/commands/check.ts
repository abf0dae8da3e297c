// Tells the developer whether releases and evolutions hold: loads, compiles, and tries them on a
// scratch server.

import type { Command } from 'commander';
import { type Checked, checkText } from '../check-view.js';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
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

async function run(version: string | undefined, options: ScratchOptions, command: Command) {
  const { printer, config: load } = contextOf(command);
  const config = load();
  await interruptible(printer.note, (signal) =>
    withReleases({ config, options, signal }, async (releases) => {
      const versions = version === undefined ? await releases.versions() : [version];
      const checked: Checked[] = [];
      for (const one of versions) {
        const result = await check(one, releases);
        printer.line(checkText(result, config.app, printer.width));
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
  if (from === null) {
    return {
      ...checked,
      relations: [],
      unconvertible: [],
      renames: [],
      verdict: null,
      trial: null,
    };
  }
  const { relations } = await releases.compile(version);
  const trial = await releases.try(version);
  return {
    ...checked,
    relations,
    unconvertible: await releases.unconvertible(version),
    renames: await releases.renames(version),
    verdict: trial.untried.length === 0 ? 'holds' : 'holds where tried',
    trial,
  };
}
