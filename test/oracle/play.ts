// One random case: which releases, what happens, and what is left of it when it fails.

import type { Verb } from '@halflap/protocol';
import { caseFrom } from './cases.js';
import { type Action, isServed, type Play, perform, placeOf, withPlay } from './player.js';
import { type Random, randomFrom } from './random.js';
import { shrunk } from './shrink.js';

export interface Played {
  readonly name: string;
  readonly statements: number;
}

/** @throws Error with the story, as short as it gets, where shard and plain database differ. */
export async function play(seed: number, kinds: readonly string[]): Promise<Played> {
  const random = randomFrom(seed);
  const pair = caseFrom(random, kinds);
  const course: Course = { random, actions: [] };
  try {
    await withPlay(pair, [], (one) => randomCourse(one, course));
  } catch (error) {
    const small = await shrunk({ pair, actions: course.actions, error: error as Error });
    const again = kinds.length === 0 ? '' : ` HALFLAP_ORACLE_KINDS=${kinds.join()}`;
    throw new Error(`HALFLAP_SEED=${seed}${again} (${pair.name})\n${small}`, { cause: error });
  }
  const statements = course.actions.filter((one) => one.do === 'write').length;
  return { name: pair.name, statements };
}

interface Course {
  readonly random: Random;
  readonly actions: Action[];
}

/** Some statements in every phase; perhaps back again; at last, mostly, to the end. */
async function randomCourse(play: Play, course: Course): Promise<void> {
  const { random } = course;
  const act = actor(play, course);
  if (random.percent(75)) await act({ do: 'lend' });
  await writeSome(play, course, 4 + random.below(6));
  const returns = random.below(3);
  for (let turn = 0; turn <= returns; turn += 1) {
    await runVerb(play, course, 'prepare');
    if (random.percent(50)) await act({ do: 'take back' });
    await writeSome(play, course, random.below(10));
    const isLast = turn === returns;
    if (isLast || random.percent(75)) {
      await expand(play, course, !isLast && random.percent(40));
      await writeSome(play, course, 4 + random.below(12));
    }
    if (isLast) break;
    await runVerb(play, course, 'abort');
    if (random.percent(75)) await act({ do: 'lend' });
    await writeSome(play, course, random.below(5));
  }
  await cure(play, course, 'verify');
  await act({ do: 'verb', verb: 'verify', diesAt: null });
  if (random.percent(70)) {
    await act({ do: 'take back' });
    await runVerb(play, course, 'contract');
    await writeSome(play, course, 5);
  }
}

/** Whatever is done is kept, so that it can be told again. */
function actor(play: Play, { actions }: Course): (action: Action) => Promise<boolean> {
  return (action) => {
    actions.push(action);
    return perform(play, action);
  };
}

/** Now and then its runner dies on the way, and another one goes on. */
async function runVerb(
  play: Play,
  course: Course,
  verb: 'prepare' | 'abort' | 'contract',
): Promise<void> {
  const { random } = course;
  const act = actor(play, course);
  await cure(play, course, verb);
  for (let deaths = 0; deaths < 2 && random.percent(30); deaths += 1) {
    if (await act({ do: 'verb', verb, diesAt: 1 + random.below(8) })) return;
    await writeSome(play, course, random.below(3));
    await cure(play, course, verb);
  }
  await act({ do: 'verb', verb, diesAt: null });
}

/** Rows that stand in the way of a verb are put right before. */
async function cure(play: Play, course: Course, verb: Verb): Promise<void> {
  for (const statement of await play.plain.cures(verb)) {
    await actor(play, course)({ do: 'write', release: 'old', statement });
  }
}

async function expand(play: Play, course: Course, isStopping: boolean): Promise<void> {
  const { random } = course;
  const act = actor(play, course);
  const steps = play.shard.bundle.steps.expand.length;
  const stopAt = isStopping ? 1 + random.below(steps) : Number.POSITIVE_INFINITY;
  for (let step = 0; step < stopAt; step += 1) {
    await cure(play, course, 'expand');
    const diesAt = random.percent(15) ? 1 + random.below(5) : null;
    if (await act({ do: 'step', diesAt })) return;
    if (random.percent(15)) await act({ do: 'take back' });
    if (random.percent(50)) await writeSome(play, course, 1 + random.below(3));
  }
}

async function writeSome(play: Play, course: Course, count: number): Promise<void> {
  const { random } = course;
  for (let done = 0; done < count; done += 1) {
    const isHeld = (await play.plain.cures('reading')).length > 0;
    const served = (['old', 'new'] as const).filter(
      (one) => isServed(play, one) && !(isHeld && one === 'new'),
    );
    const release = random.pick(served);
    if (random.percent(20)) {
      await transaction(play, course, release);
    } else {
      await write(play, course, release);
    }
  }
}

/** One transaction of one release, with savepoints. */
async function transaction(play: Play, course: Course, release: 'old' | 'new'): Promise<void> {
  const { random } = course;
  const act = actor(play, course);
  await act({ do: 'begin', release });
  const count = 2 + random.below(4);
  for (let done = 0; done < count; done += 1) {
    await write(play, course, release);
    if (random.percent(15)) await act({ do: 'undo' });
  }
  await act({ do: random.percent(80) ? 'commit' : 'rollback' });
}

async function write(play: Play, course: Course, release: 'old' | 'new'): Promise<void> {
  const statement = await play.plain.draw(course.random, placeOf(play, release));
  await actor(play, course)({ do: 'write', release, statement });
}
