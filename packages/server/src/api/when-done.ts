// What an act sets going outside of its transaction.

import type { Asked } from './route.js';

/** After the answer: by then the transaction of the act has been committed. */
export function whenDone({ raw }: Asked['reply'], then: () => void): void {
  raw.once('finish', then);
}
