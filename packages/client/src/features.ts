// May this server use a feature? Asked in the application's hot paths, answered from what the
// heartbeats have heard, and never by a shard.
//
// A feature counts as enabled while every shard that this server has heard within its lease says
// so, and one at least. The lease bounds how old an answer may be: whoever disables a feature waits
// until every server that lives has heard of it.

import { FEATURE_STATES, type FeatureDeclaration, type FeatureState } from '@halflap/protocol';
import { wrong } from './given.js';
import type { LastHeard } from './lease.js';

export type Standing = FeatureState | 'off';

export class Features {
  readonly #declared: Readonly<Record<string, FeatureDeclaration>>;
  readonly #heard: () => readonly (LastHeard | undefined)[];
  #standing: ReadonlyMap<string, Standing> = new Map();
  /** On the monotonic clock; then a shard that counted has been silent for too long. */
  #validUntilMs = 0;

  constructor(
    declared: Readonly<Record<string, FeatureDeclaration>>,
    heard: () => readonly (LastHeard | undefined)[],
  ) {
    this.#declared = declared;
    this.#heard = heard;
  }

  /** @throws CLIENT_OPTIONS for a feature that the servers file of this release does not have. */
  standingOf(name: string): Standing {
    if (performance.now() > this.#validUntilMs) this.refresh();
    const standing = this.#standing.get(name);
    if (standing !== undefined) return standing;
    throw wrong('the name of a feature', JSON.stringify(name), this.#known());
  }

  /** Looks at what was heard last; called after every heartbeat. */
  refresh(): void {
    const now = performance.now();
    const live = this.#heard().filter((one) => one !== undefined && one.untilMs > now);
    const shards = live as readonly LastHeard[];
    const names = Object.keys(this.#declared);
    this.#standing = new Map(names.map((name) => [name, standingAmong(shards, name)]));
    // Without a live shard all is off, and stays so until one is heard.
    this.#validUntilMs = Math.min(...shards.map((one) => one.untilMs));
  }

  #known(): string {
    const names = Object.keys(this.#declared);
    return names.length === 0 ? 'none: open() was given no features' : `one of ${names.join(', ')}`;
  }
}

function standingAmong(shards: readonly LastHeard[], name: string): Standing {
  if (shards.length === 0) return 'off';
  const states = shards.map(({ features }) =>
    Object.hasOwn(features, name) ? FEATURE_STATES.indexOf(features[name] as FeatureState) : -1,
  );
  return FEATURE_STATES[Math.min(...states)] ?? 'off';
}
