// Behaviours that a release changed and keeps for those who depend on them: in which mode one is
// met, and how often. A use is one addition; what was counted goes to a shard with a heartbeat.

import { type BehaviourDeclaration, type BehaviourMode, compareVersions } from '@halflap/protocol';
import { wrong } from './given.js';
import type { Shard } from './shard.js';

interface Counted {
  readonly declaration: BehaviourDeclaration;
  /** Declared release → mode, for those that were asked for; comparing versions is slow. */
  readonly modes: Map<string, BehaviourMode>;
  readonly uses: Record<BehaviourMode, number>;
}

/** Different releases that are remembered; they may come from requests of anybody. */
const MOST_REMEMBERED = 100;

export class Behaviours {
  readonly #counted: ReadonlyMap<string, Counted>;
  readonly #declared: string;
  #isSending = false;

  constructor(
    declared: Readonly<Record<string, BehaviourDeclaration>>,
    /** The release that counts where a call names none. */
    release: string,
  ) {
    this.#declared = release;
    this.#counted = new Map(
      Object.entries(declared).map(([name, declaration]) => [
        name,
        { declaration, modes: new Map(), uses: { retained: 0, changed: 0 } },
      ]),
    );
  }

  /** @throws CLIENT_OPTIONS for a behaviour that the servers file of this release does not have. */
  modeOf(name: string, declared = this.#declared): BehaviourMode {
    const counted = this.#counted.get(name);
    if (counted === undefined) {
      const known = [...this.#counted.keys()].join(', ');
      const expected = known === '' ? 'none: open() was given no behaviours' : `one of ${known}`;
      throw wrong('the name of a behaviour', JSON.stringify(name), expected);
    }
    const mode = counted.modes.get(declared) ?? remember(counted, declared);
    counted.uses[mode] += 1;
    return mode;
  }

  /**
   * Sends what was counted, if anything; what fails is counted on. One that was sent without an
   * answer may be counted twice.
   */
  async flush(shard: Shard, server: string): Promise<void> {
    if (this.#isSending) return;
    const sent = this.#take();
    if (sent.length === 0) return;
    this.#isSending = true;
    try {
      await shard.query('select halflap.count_behaviours($1, $2::jsonb)', [
        server,
        JSON.stringify(sent),
      ]);
    } catch {
      // The heartbeat tells what is wrong with the shard; the next one sends it again.
      for (const { counted, mode, uses } of sent) counted.uses[mode] += uses;
    } finally {
      this.#isSending = false;
    }
  }

  #take() {
    return [...this.#counted].flatMap(([name, counted]) =>
      (['retained', 'changed'] as const).flatMap((mode) => {
        const uses = counted.uses[mode];
        counted.uses[mode] = 0;
        if (uses === 0) return [];
        return [{ name, mode, uses, counted, toJSON: () => ({ name, mode, uses }) }];
      }),
    );
  }
}

function remember({ declaration, modes }: Counted, declared: string): BehaviourMode {
  const isOlder = compareVersions(declared, declaration.changed) < 0;
  const mode = isOlder ? 'retained' : 'changed';
  if (modes.size < MOST_REMEMBERED) modes.set(declared, mode);
  return mode;
}
