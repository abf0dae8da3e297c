// What a server has acknowledged last, on the disk: an agent that begins again goes on from there.
// The file is there wholly or not at all, also after the power has failed. One that cannot be read,
// or is not what was written, counts as none: then everything is told anew.

import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { checkSnapshot, type Snapshot } from '@halflap/protocol/agent';
import { replace } from '../durable.js';
import type { Log } from '../log.js';

const FORMAT = 1;

export interface Acknowledged {
  readonly revision: number;
  readonly snapshot: Snapshot;
}

interface Kept extends Acknowledged {
  readonly format: number;
}

const NAME = 'acknowledged.json';

/** null where there is none, or none that can be used. */
export async function readAcknowledged(directory: string, log: Log): Promise<Acknowledged | null> {
  const path = join(directory, NAME);
  try {
    const kept = JSON.parse(await fs.readFile(path, 'utf8')) as Partial<Kept> | null;
    const checked = checkSnapshot(kept?.snapshot);
    const revision = kept?.revision;
    if (checked.ok && kept?.format === FORMAT && Number.isSafeInteger(revision)) {
      return { revision: Number(revision), snapshot: checked.value };
    }
    log.warn({ path }, 'the kept facts are damaged: all are told anew');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    log.warn({ path, error }, 'the kept facts cannot be read: all are told anew');
  }
  return null;
}

/** It is on the disk when this returns. */
export function writeAcknowledged(directory: string, kept: Acknowledged): Promise<void> {
  return replace(directory, NAME, { format: FORMAT, ...kept });
}
