// Tells the developer whether releases and evolutions hold: loads, compiles, and tries them on a
// scratch server.

import type { QueryText } from '@halflap/engine';
import type { Command } from 'commander';
import { type Checked, checkText } from '../check-view.js';
import { readUrl } from '../config.js';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import type { ScratchOptions } from '../options.js';
import { checkQueries, type QueriesChecked, readDatabase, readDirectory } from '../queries.js';
import { queriesFailure, queriesText } from '../queries-view.js';
import { type Releases, withReleases } from '../releases.js';

interface Options extends ScratchOptions {
  readonly queries?: string;
  readonly queriesFrom?: string;
}

export async function run(version: string | undefined, options: Options, command: Command) {
  const { printer, config: load } = contextOf(command);
  const config = load();
  // First, so that a mistake in these options shows at once.
  const statements = await readStatements(options);
  await interruptible(printer.note, (signal) =>
    withReleases({ config, options, signal }, async (releases) => {
      const versions = version === undefined ? await releases.versions() : [version];
      const checked: Checked[] = [];
      for (const one of versions) {
        const result = await check(one, releases);
        printer.line(checkText(result, config.app, printer.width));
        checked.push(result);
      }
      const newest = versions.at(-1);
      const queries =
        statements === null || newest === undefined
          ? null
          : await askQueries(statements, newest, releases);
      if (queries !== null) printer.line(queriesText(queries));
      printer.json({ app: config.app, checked, queries });
      const failure = queries === null ? null : queriesFailure(queries);
      if (failure !== null) throw failure;
    }),
  );
}

interface Statements {
  readonly texts: readonly QueryText[];
  readonly hidden: number;
}

/** Null where none are asked about. */
async function readStatements({ queries, queriesFrom }: Options): Promise<Statements | null> {
  if (queries === undefined && queriesFrom === undefined) return null;
  const written = queries === undefined ? [] : await readDirectory(queries);
  if (queriesFrom === undefined) return { texts: written, hidden: 0 };
  const url = readUrl({ literal: queriesFrom }, 'url of --queries-from');
  const sent = await readDatabase(url);
  return { texts: [...written, ...sent.queries], hidden: sent.hidden };
}

/** They are those of the newest release that is checked. */
async function askQueries(
  { texts, hidden }: Statements,
  version: string,
  releases: Releases,
): Promise<QueriesChecked> {
  const bundle = await releases.compile(version);
  const findings = await releases.ask(version, (questions) =>
    checkQueries(texts, bundle, questions),
  );
  return { count: texts.length, findings, hidden };
}

async function check(version: string, releases: Releases): Promise<Checked> {
  await releases.servers(version);
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
