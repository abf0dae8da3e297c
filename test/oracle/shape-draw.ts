// Which shape a case plays.

import type { Random } from './random.js';
import type { Shape } from './shapes.js';
import { elements, slots } from './shapes-lists.js';
import { moved, shares } from './shapes-shares.js';

const DRAWERS = [elements, slots, shares, moved] as const;

export function shapeFrom(random: Random): Shape {
  return random.pick(DRAWERS)(random);
}
