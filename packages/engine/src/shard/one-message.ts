// A whole transaction in one message to the server: its locks are held for the time of the work,
// not for that times the number of statements the network needs.
//
// Source: manual, 54.2.2.1 "Multiple Statements in a Simple Query": after an error the rest of the
// message is skipped, and an explicit transaction stays open until it is rolled back.

import type { Session } from '../pg.js';

/** Each statement sees what the ones before it did, and, as ever, has a snapshot of its own. */
export async function runInOneMessage(
  session: Session,
  statements: readonly string[],
): Promise<void> {
  // The semicolon stands on a line of its own, because a statement may end in a comment.
  const message = ['begin', ...statements, 'commit'].join('\n;\n');
  try {
    await session.query(message);
  } catch (error) {
    // A broken connection cannot roll back; the server has done it, and the first error counts.
    await session.query('rollback').catch(() => {});
    throw error;
  }
}
