// The kinds of change that are measured, in the order in which they are printed.

import type { KindCase } from './kind-case.js';
import { KINDS_OF_ROWS } from './kinds-of-rows.js';
import { KINDS_OF_SLICES } from './kinds-of-slices.js';

export const KIND_CASES: readonly KindCase[] = [...KINDS_OF_ROWS, ...KINDS_OF_SLICES];
