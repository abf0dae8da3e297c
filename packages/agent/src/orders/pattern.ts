// Patterns of a policy: `*` stands for any characters, `?` for one, all else for itself; the whole
// text must fit. In paths `*` stops at a slash and `**` does not. Matching takes time in proportion
// to the lengths, whatever the pattern is, as names come from outside.

/** Whether a text fits. */
export type Pattern = (text: string) => boolean;

export function patternOf(pattern: string): Pattern {
  return (text) => fits(pattern, text, ANYWHERE);
}

/** For absolute paths. A path that goes up or stays (`/../`, `/./`, `//`) fits none. */
export function pathPatternOf(pattern: string): Pattern {
  return (text) => /^(\/[^/]+)+$|^\/$/.test(text) && !UP.test(text) && fits(pattern, text, SLASH);
}

const UP = /\/\.{1,2}(\/|$)/;
const ANYWHERE = '';
const SLASH = '/';

/**
 * The positions of the pattern that can be reached after each character of the text, as in the
 * simulation of an automaton: no going back.
 */
function fits(pattern: string, text: string, stop: string): boolean {
  const parts = pattern.match(/\*\*|[\s\S]/gu) ?? [];
  let reached = passStars(new Set([0]), parts);
  for (const character of text) {
    const next = new Set<number>();
    for (const at of reached) {
      const part = parts[at];
      if (part === '**' || (part === '*' && character !== stop)) next.add(at);
      else if (part === character || (part === '?' && character !== stop)) next.add(at + 1);
    }
    reached = passStars(next, parts);
  }
  return reached.has(parts.length);
}

/** A star may also stand for nothing. */
function passStars(reached: Set<number>, parts: readonly string[]): Set<number> {
  for (const at of reached) if (parts[at]?.startsWith('*')) reached.add(at + 1);
  return reached;
}
