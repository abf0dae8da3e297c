// Text that somebody could send in the place of a message: right ones, ones with a field that is
// wrong, missing or too much, of unknown types, cut off, and what is no JSON.

import type { Random } from '../oracle/random.js';

const ODD: readonly unknown[] = [
  null,
  -1,
  0.5,
  1e300,
  '',
  'x'.repeat(300),
  '\u0000\ud800',
  [],
  {},
  { a: { b: [] } },
  true,
  '__proto__',
];

/** Made from one of the right messages. */
export function oddMessage(random: Random, right: readonly object[]): string {
  const frame: Record<string, unknown> = { ...random.pick(right) };
  const field = random.pick(Object.keys(frame));
  const text = JSON.stringify(frame);
  const kinds: (() => string)[] = [
    () => JSON.stringify({ ...frame, [field]: random.pick(ODD) }),
    () => JSON.stringify({ ...frame, [field]: undefined }),
    () => JSON.stringify({ ...frame, more: random.pick(ODD) }),
    () => text.slice(0, random.below(40)),
    () => JSON.stringify(random.pick(ODD)),
    () => `{"type":"${random.pick(['later', 'constructor', '__proto__', ''])}","x":1}`,
    () => text.replace(/[a-z]/, () => random.pick(['\\', '"', '}', '\u2028'])),
    () => '['.repeat(10_000),
    () => text,
  ];
  return random.pick(kinds)();
}
