// "Did you mean": the known word that a wrong one was most likely meant to be.

/** Half of the letters may be wrong, up to this many (PostgreSQL's own rule for column hints). */
const MAX_MISTAKES = 3;

/** A word that stands whole within a candidate is nearly as good as one wrong letter. */
const WITHIN_DISTANCE = 1.5;
const MIN_WITHIN_LETTERS = 3;

/** The closest candidate, or null when none is close; letter case does not count. */
export function suggest(word: string, candidates: readonly string[]): string | null {
  const limit = Math.min(MAX_MISTAKES, Math.ceil(word.length / 2));
  let best: { candidate: string; distance: number } | null = null;
  for (const candidate of candidates) {
    const distance = distanceOf(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit && (best === null || distance < best.distance)) {
      best = { candidate, distance };
    }
  }
  return best?.candidate ?? null;
}

/**
 * A clause for the end of a message: `; did you mean "hosts"?`, or what there is to choose from.
 */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const found = suggest(word, candidates);
  if (found !== null) return `; did you mean "${found}"?`;
  if (candidates.length === 0 || candidates.length > 12) return '';
  return `; there is ${candidates.map((candidate) => `"${candidate}"`).join(', ')}`;
}

function distanceOf(word: string, candidate: string): number {
  const edits = editDistance(word, candidate);
  const isWithin = word.length >= MIN_WITHIN_LETTERS && candidate.includes(word);
  return isWithin ? Math.min(edits, WITHIN_DISTANCE) : edits;
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
 */
export function editDistance(left: string, right: string): number {
  const rows: number[][] = [Array.from({ length: right.length + 1 }, (_, index) => index)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? 0;
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= right.length; j++) {
      const isSame = left[i - 1] === right[j - 1];
      const isSwap = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      row.push(
        Math.min(
          at(i - 1, j) + 1,
          at(i, j - 1) + 1,
          at(i - 1, j - 1) + (isSame ? 0 : 1),
          isSwap ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
  }
  return at(left.length, right.length);
}
