// Which releases a seed plays: mostly one kind of change, now and then several in one evolution.

import { modelFrom } from './model.js';
import type { Pair } from './plain.js';
import type { Random } from './random.js';
import { shapePair } from './shape-plain.js';
import type { Shape } from './shapes.js';
import { custom } from './shapes-custom.js';
import { dirty } from './shapes-dirty.js';
import { kept } from './shapes-kept.js';
import { keyed } from './shapes-keyed.js';
import { rekeyed } from './shapes-keys.js';
import { labels } from './shapes-labels.js';
import { elements, slots } from './shapes-lists.js';
import { extracted, inlined } from './shapes-lookups.js';
import { merged } from './shapes-merged.js';
import { excluded, partitioned } from './shapes-shared.js';
import { moved, shares } from './shapes-shares.js';
import { splitPair } from './split-plain.js';
import { together } from './together.js';

const SHAPES: Readonly<Record<string, (random: Random) => Shape>> = {
  elements,
  slots,
  shares,
  moved,
  custom,
  extracted,
  inlined,
  rekeyed,
  keyed,
  labels,
  kept,
  merged,
  dirty,
  partitioned,
  excluded,
};

/** What a case may have. */
export const SHAPE_NAMES: readonly string[] = ['split', ...Object.keys(SHAPES)];

/** Kinds of which an evolution has one at most: they use the same names. */
export const GROUPS = [
  ['split'],
  ['elements', 'slots'],
  ['shares'],
  ['moved'],
  ['custom'],
  ['extracted', 'inlined'],
  ['rekeyed'],
  ['keyed'],
  ['labels'],
  ['kept'],
  ['merged'],
  ['dirty'],
  ['partitioned'],
  ['excluded'],
];

/** One of them is drawn so often of a hundred times, because it has so many forms. */
const SPLITS = 40;
const TOGETHER = 15;

/** @param kinds names of the kinds to play, all in one evolution; drawn when there are none. */
export function caseFrom(random: Random, kinds: readonly string[]): Pair {
  if (kinds.length > 0) return together(kinds.map((kind) => pairOf(kind, random)));
  if (random.percent(TOGETHER)) {
    const groups = random.shuffled(GROUPS).slice(0, 2 + random.below(2));
    return together(groups.map((group) => pairOf(random.pick(group), random)));
  }
  if (random.percent(SPLITS)) return pairOf('split', random);
  return pairOf(random.pick(Object.keys(SHAPES)), random);
}

function pairOf(kind: string, random: Random): Pair {
  if (kind === 'split') return splitPair(modelFrom(random));
  const draw = SHAPES[kind];
  if (draw === undefined) {
    throw new Error(`no kind ${kind}: ${SHAPE_NAMES.join(', ')}`);
  }
  return shapePair(kind, draw(random));
}
