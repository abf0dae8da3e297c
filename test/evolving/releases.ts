// Two releases and an evolution written inside a test → releases as loaded and the bundle between
// them.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Bundle,
  compile,
  lineage,
  listReleases,
  loadParser,
  loadRelease,
  type Release,
} from '@halflap/engine';
import { withDatabase } from '@halflap/engine/testing';

export const APP = 'shop';

export interface Written {
  readonly version: string;
  readonly schema: string;
  /** The part of evolution.yaml below `from`; null when everything is inferred. */
  readonly changes: string | null;
}

export interface Compiled {
  readonly from: Release;
  readonly to: Release;
  readonly bundle: Bundle;
}

/** Each release but the first with the bundle that leads to it. */
export async function compileLine(line: readonly Written[]): Promise<Compiled[]> {
  const directory = await mkdtemp(join(tmpdir(), 'halflap-releases-'));
  try {
    for (const [index, one] of line.entries()) {
      const at = join(directory, one.version);
      await mkdir(at);
      await writeFile(join(at, 'schema.sql'), one.schema);
      if (one.changes === null) continue;
      const from = line[index - 1]?.version ?? '';
      await writeFile(join(at, 'evolution.yaml'), `from: "${from}"\n${one.changes}`);
    }
    return await compileReleases(APP, directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Each release of a directory but the first, with the bundle that leads to it. */
export async function compileReleases(app: string, directory: string): Promise<Compiled[]> {
  await loadParser();
  const found = await listReleases(directory);
  const releases = await Promise.all(
    found.map((one) => loadRelease(one.directory, { withDatabase })),
  );
  const evolutions = await lineage(found);
  return evolutions.map((evolution, index) => {
    const from = releases[index] as Release;
    const to = releases[index + 1] as Release;
    return { from, to, bundle: compile({ app, from, to, evolution }) };
  });
}

/** Two releases, 1.0 and 2.0. */
export async function compilePair(from: string, to: string, changes: string | null) {
  const [only] = await compileLine([
    { version: '1.0', schema: from, changes: null },
    { version: '2.0', schema: to, changes },
  ]);
  return only as Compiled;
}
