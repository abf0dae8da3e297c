// A target of alerts as people name it: by its name, or its id.

import type { AlertTarget } from '@halflap/server';
import type { ApiClient } from './client.js';
import { findNamed } from './find-named.js';
import { OPERATIONS } from './operations.js';

/** @throws as `findNamed` */
export function findTarget(client: ApiClient, name: string): Promise<AlertTarget> {
  return findNamed(client, name, {
    what: 'target',
    operation: OPERATIONS.listAlertTargets,
    about: ({ kind, place }: AlertTarget) => `${kind}  ${place}`,
  });
}
