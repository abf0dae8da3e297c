// Writes a support bundle: a file that may be given to somebody who helps.

import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Command } from 'commander';
import { packTar } from 'modern-tar';
import { type Access, accessOf, type ServerOptions } from '../api/connect.js';
import { contextOf } from '../context.js';
import { writeNew } from '../new-file.js';
import { count } from '../print.js';
import { type Entry, entriesOf } from '../support/entries.js';
import { type DoctorOptions, look, TIMEOUT_MS } from './doctor.js';

interface SupportOptions extends DoctorOptions, ServerOptions {
  readonly log?: readonly string[];
}

export async function run(
  file: string | undefined,
  options: SupportOptions,
  command: Command,
): Promise<void> {
  const { printer } = contextOf(command);
  const now = new Date();
  // Before the rest: what it reads is known for a secret from then on.
  const access = accessOrWhyNot(options);
  const found = await look(options, command);
  const entries = await entriesOf(found, {
    ...{ now, access, version: command.parent?.version() ?? '' },
    timeoutMs: options.timeout ?? TIMEOUT_MS,
    logs: (options.log ?? []).map((log) => resolve(log)),
  });
  const directory = `halflap-support-${now.toISOString().slice(0, 19).replaceAll(':', '-')}`;
  const target = resolve(file ?? `${directory}.tar.gz`);
  const bytes = gzipSync(await packed(entries, { directory, now }));
  writeNew(target, bytes, FOR_OWNER);
  const names = entries.map(({ name }) => name);
  printer.json({ file: target, bytes: bytes.length, entries: names });
  for (const name of names) printer.line(`  ${name}`);
  printer.line(`${target}: ${count(bytes.length)} bytes. Look into it before you give it away.`);
}

/** Names of hosts and people are in it. */
const FOR_OWNER = 0o600;

function accessOrWhyNot(options: ServerOptions): Access | Error {
  try {
    return accessOf(options);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function packed(
  entries: readonly Entry[],
  { directory, now }: { readonly directory: string; readonly now: Date },
): Promise<Uint8Array> {
  return packTar(
    entries.map(({ name, text }) => {
      const body = Buffer.from(text);
      const path = `${directory}/${name}`;
      return { header: { name: path, size: body.length, mtime: now, mode: FOR_OWNER }, body };
    }),
  );
}
