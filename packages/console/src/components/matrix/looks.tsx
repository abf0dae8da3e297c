// How states are shown: icon, text and colour, since none of them alone is enough.

import {
  BanIcon,
  CheckCircleIcon,
  ClockIcon,
  EyeIcon,
  LockIcon,
  UnlinkIcon,
} from '@patternfly/react-icons';
import type { ReactNode } from 'react';
import type { CellState } from './model';

interface Look {
  readonly icon: ReactNode;
  readonly means: string;
}

export const LOOKS: Readonly<Record<CellState, Look>> = {
  native: { icon: <CheckCircleIcon />, means: 'works on tables of its own release' },
  lens: { icon: <EyeIcon />, means: 'works through views of the other release’s layout' },
  waiting: { icon: <ClockIcon />, means: 'waits for something' },
  refused: { icon: <BanIcon />, means: 'must not work with this shard' },
  unreachable: { icon: <UnlinkIcon />, means: 'nobody knows: one of the two does not answer' },
};

export function StateMark({ state }: { readonly state: CellState }) {
  return (
    <span className={`hf-cell-state hf-cell-${state}`}>
      {LOOKS[state].icon}
      {state}
    </span>
  );
}

export function BlockedMark() {
  return (
    <span className="hf-cell-blocked">
      <LockIcon />
      <span className="hf-unseen">blocked</span>
    </span>
  );
}
