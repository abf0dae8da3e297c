// A story that fails, made short: without whatever it fails without in the same way.
//
// What is left out is tried in halves, quarters and so on down to single actions (Zeller and
// Hildebrandt, Simplifying and isolating failure-inducing input, 2002), then kinds and columns that
// no statement names.

import { signatureOf } from './outcome.js';
import { evolutionOf, type Pair } from './plain.js';
import { type Action, perform, withPlay, wordsOf } from './player.js';

export interface Failure {
  readonly pair: Pair;
  readonly actions: readonly Action[];
  readonly error: Error;
}

/** In ms: each try takes a second or two, and somebody waits for the answer. */
export const PATIENCE = 240_000;

/** The story as text. */
export async function shrunk(failure: Failure): Promise<string> {
  const wanted = signatureOf(failure.error);
  const end = performance.now() + PATIENCE;
  const fails = async (pair: Pair, actions: readonly Action[]): Promise<boolean> => {
    if (performance.now() > end) return false;
    const error = await replay(pair, actions, []);
    return error !== null && signatureOf(error) === wanted;
  };
  let { pair, actions } = failure;
  if (!(await fails(pair, actions))) {
    return `${storyOf(pair, actions.map(wordsOf), failure.error)}\nTold again it does not fail so.`;
  }
  // Without its phases hardly any story fails in the same way.
  const written = actions.filter((one) => !isPhase(one));
  const kept = new Set(
    await shorter(written, (some) =>
      fails(
        pair,
        actions.filter((one) => isPhase(one) || some.includes(one)),
      ),
    ),
  );
  actions = actions.filter((one) => isPhase(one) || kept.has(one));
  const silent = actions.map(withoutReturning);
  if (await fails(pair, silent)) actions = silent;
  for (let small = await smallerOf(pair, actions, fails); small !== null; ) {
    pair = small;
    small = await smallerOf(pair, actions, fails);
  }
  actions = await shorter(actions, (some) => fails(pair, some));
  const trace: string[] = [];
  const error = await replay(pair, actions, trace);
  return storyOf(pair, trace, error ?? failure.error);
}

/** What is left of a list that fails, when nothing more can be left out of it. */
export async function shorter<Item>(
  all: readonly Item[],
  fails: (some: readonly Item[]) => Promise<boolean>,
): Promise<readonly Item[]> {
  let left = all;
  for (let size = Math.ceil(left.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let end = left.length; end > 0; end -= size) {
      const without = [...left.slice(0, Math.max(0, end - size)), ...left.slice(end)];
      if (await fails(without)) left = without;
    }
  }
  return left;
}

function isPhase(action: Action): boolean {
  return ['verb', 'step', 'lend', 'take back'].includes(action.do);
}

/** What names every column, where nobody needs the answer. */
function withoutReturning(action: Action): Action {
  if (action.do !== 'write' || action.statement.withKey !== null) return action;
  const text = action.statement.text.replace(/ returning [^)]*$/, '');
  return { ...action, statement: { ...action.statement, text } };
}

async function smallerOf(
  pair: Pair,
  actions: readonly Action[],
  fails: (pair: Pair, actions: readonly Action[]) => Promise<boolean>,
): Promise<Pair | null> {
  const texts = actions.flatMap((one) => (one.do === 'write' ? [one.statement.text] : []));
  for (const small of pair.smaller(texts)) if (await fails(small, actions)) return small;
  return null;
}

async function replay(
  pair: Pair,
  actions: readonly Action[],
  trace: string[],
): Promise<Error | null> {
  try {
    await withPlay(pair, trace, async (play) => {
      for (const action of actions) await perform(play, action);
    });
    return null;
  } catch (error) {
    return error as Error;
  }
}

function storyOf(pair: Pair, trace: readonly string[], error: Error): string {
  const { old, new: fresh } = pair.schemas;
  const evolution = evolutionOf(pair) ?? 'no evolution file';
  return [old, fresh, evolution, ...trace, String(error.stack ?? error)].join('\n');
}
