// The highest number that a session of this host has had. Servers give each session a higher one;
// what a server asks for in the name of an older session is not done.

import { HalflapError } from '@halflap/protocol';
import { checkOf } from '@halflap/protocol/agent';
import { type Static, Type } from 'typebox';
import type { StateDirectory } from '../identity/state-directory.js';

export interface Fence {
  readonly value: number;
  /** Remembers a number for good, before it returns. A lower one changes nothing. */
  raise(to: number): void;
}

const FILE = 'session.json';

const Kept = Type.Object({
  format: Type.Literal(1),
  /** A host that enrols anew begins with 0. */
  host: Type.String(),
  fence: Type.Integer({ minimum: 0 }),
});
const checkKept = checkOf(Kept);

/** The fence of that host, kept on the disk. @throws AGENT_STATE_INVALID */
export function openFence(state: StateDirectory, host: string): Fence {
  const kept = readKept(state);
  let value = kept?.host === host ? kept.fence : 0;
  return {
    get value() {
      return value;
    },
    raise(to) {
      if (to <= value) return;
      state.write(
        FILE,
        JSON.stringify({ format: 1, host, fence: to } satisfies Static<typeof Kept>),
      );
      value = to;
    },
  };
}

function readKept(state: StateDirectory): Static<typeof Kept> | null {
  const text = state.read(FILE);
  if (text === null) return null;
  const file = state.pathOf(FILE);
  try {
    const checked = checkKept(JSON.parse(text));
    if (checked.ok) return checked.value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new HalflapError('AGENT_STATE_INVALID', `${file} is damaged`, {
    detail: { file },
    hint: `remove ${file}: the next session writes it anew`,
  });
}
