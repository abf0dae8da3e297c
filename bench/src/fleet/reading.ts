// Looks at the cluster through one server for as long as the run lasts, as a page does that
// somebody has open.

import { lasting } from '../app/ground.js';
import type { Chance } from './chance.js';
import type { Place } from './places.js';
import type { Asker } from './requests.js';

export interface ReadingOptions {
  readonly place: Place;
  readonly asker: Asker;
  readonly hosts: readonly string[];
  readonly chance: Chance;
  /** Between an answer and the next question. */
  readonly pauseMs: number;
  readonly signal: AbortSignal;
}

export async function keepReading(options: ReadingOptions): Promise<void> {
  const { place, asker, hosts, chance, pauseMs, signal } = options;
  while (!signal.aborted) {
    const host = `/hosts/${chance.pick(hosts)}`;
    const path = chance.pick([
      ...['/hosts?limit=50', '/hosts?limit=20&sort=lastSeen', '/jobs?limit=20'],
      ...[host, `${host}/packages?limit=20`, `${host}/services?limit=20`],
    ]);
    await asker.ask(place, { path });
    await lasting(pauseMs / 1000);
  }
}
