// Makes the first release of an application that exists already: its schema.sql from a database or
// a dump, and a halflap.yaml to begin with. Writes over nothing.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fingerprint, hangingOn, type Release, readRelease } from '@halflap/engine';
import { HalflapError } from '@halflap/protocol';
import type { Command } from 'commander';
import { type Config, loadConfig } from '../config.js';
import { contextOf, type GlobalOptions } from '../context.js';
import { draftConfig } from '../draft-config.js';
import { type Initiated, initText } from '../init-view.js';
import { interruptible } from '../interrupt.js';
import { fileExists, textIn, writeNew } from '../new-file.js';
import type { ScratchOptions } from '../options.js';
import { withScratch } from '../releases.js';
import {
  adviseOnSource,
  readSource,
  type SchemaSource,
  type SourceOptions,
} from '../schema-source.js';

interface InitOptions extends SourceOptions, ScratchOptions {
  readonly release: string;
  readonly app?: string;
}

export async function run(_: InitOptions, command: Command): Promise<void> {
  const { printer } = contextOf(command);
  const options = command.optsWithGlobals<InitOptions & GlobalOptions>();
  assertVersion(options.release);
  const configFile = resolve(options.config);
  const existing = existsSync(configFile) ? loadConfig(configFile) : undefined;
  assertSameApp(existing, options.app);
  const source = await readSource(options);
  const draft = draftConfig(options.app ?? source.called, source.variable, existing);
  const config = existing ?? { ...draft, releases: resolve(configFile, '../releases') };
  const file = join(config.releases, options.release, 'schema.sql');
  const read = {
    version: options.release,
    file: source.file ?? 'the database',
    schemaSql: source.schemaSql,
  };
  const done = await interruptible(printer.note, (signal) =>
    withScratch({ config, options, signal }, async (scratch) => {
      const release = await readRelease(read, scratch).catch((error: unknown) => {
        throw adviseOnSource(error, source);
      });
      const present = textIn(file);
      if (present === undefined) return { release, isWritten: true };
      const same = await readRelease({ ...read, file, schemaSql: present }, scratch);
      if (fingerprint(same.catalog) !== release.fingerprint) throw fileExists(file);
      return { release, isWritten: false };
    }),
  );
  if (done.isWritten) writeNew(file, source.schemaSql);
  if (existing === undefined) writeNew(configFile, draft.text);
  const outcome = outcomeOf(source, done.release, {
    app: config.app,
    files: [
      { file, isWritten: done.isWritten },
      { file: configFile, isWritten: existing === undefined },
    ],
    variable: existing === undefined ? draft.variable : null,
  });
  printer.line(initText(outcome, printer.width));
  printer.json(outcome);
}

function outcomeOf(
  source: SchemaSource,
  { version, catalog }: Release,
  rest: Pick<Initiated, 'app' | 'files' | 'variable'>,
): Initiated {
  return {
    ...rest,
    release: version,
    origin: source.origin,
    tables: catalog.tables.length,
    leftOut: source.leftOut,
    hanging: hangingOn(catalog),
  };
}

/** The name of a directory, and a part of the name of a schema. */
function assertVersion(version: string): void {
  if (/^[0-9A-Za-z][\w.-]{0,30}$/.test(version)) return;
  throw new HalflapError('COMMAND_INVALID', `--release: ${version} cannot name a release`, {
    hint: 'letters, digits, and . _ - between them: --release 1.0',
  });
}

function assertSameApp(existing: Config | undefined, app: string | undefined): void {
  if (existing === undefined || app === undefined || existing.app === app) return;
  const message = `--app: ${existing.file} says that the application is ${existing.app}`;
  throw new HalflapError('COMMAND_INVALID', message, {
    hint: 'leave out --app, or name another file with --config FILE',
  });
}
