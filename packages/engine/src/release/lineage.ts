// How the releases of an application follow each other: for each but the first, from which one it
// comes and what its author states about the way.

import { readFile } from 'node:fs/promises';
import { HalflapError } from '@halflap/protocol';
import type { Evolution } from './evolution.js';
import { parseEvolution } from './evolution-parser.js';
import { loadParser } from './expression.js';
import type { ReleaseDirectory } from './load.js';
import { didYouMean } from './suggest.js';

/**
 * One evolution per release but the first, in the order given (oldest first). A release without an
 * evolution file comes from the one before it, and everything is inferred.
 * @throws EVOLUTION_INVALID when a file is wrong or names a predecessor that is not there.
 */
export async function lineage(releases: readonly ReleaseDirectory[]): Promise<Evolution[]> {
  await loadParser();
  const [, ...later] = releases;
  return Promise.all(
    later.map((release, index) => evolutionOf(release, releases.slice(0, index + 1))),
  );
}

async function evolutionOf(
  { version, evolutionFile }: ReleaseDirectory,
  earlier: readonly ReleaseDirectory[],
): Promise<Evolution> {
  const known = earlier.map((release) => release.version);
  if (evolutionFile === null) {
    return { from: known.at(-1) ?? '', to: version, keys: [], changes: [], dirty: [], file: null };
  }
  const text = await readFile(evolutionFile, 'utf8');
  const evolution = parseEvolution(text, { file: evolutionFile, to: version });
  if (known.includes(evolution.from)) return evolution;
  const advice = didYouMean(evolution.from, known);
  throw new HalflapError(
    'EVOLUTION_INVALID',
    `${evolutionFile}: there is no release ${evolution.from} to come from${advice}`,
    {
      detail: { file: evolutionFile },
      hint: `Name the release before ${version} in "from".`,
    },
  );
}
