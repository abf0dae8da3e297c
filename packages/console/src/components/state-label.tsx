// A state by icon, text and colour together: none of the three alone says it.

import { Label } from '@patternfly/react-core';
import { BanIcon, ClockIcon, InProgressIcon, PauseCircleIcon } from '@patternfly/react-icons';
import type { ReactNode } from 'react';
import { spoken } from '../state/words';

interface Look {
  readonly status?: 'success' | 'warning' | 'danger' | 'info';
  readonly color?: 'grey' | 'blue';
  readonly icon?: ReactNode;
}

const GOOD: Look = { status: 'success' };
const BAD: Look = { status: 'danger' };
const WARN: Look = { status: 'warning' };
const NOTE: Look = { status: 'info' };
const WAIT: Look = { color: 'grey', icon: <ClockIcon /> };
const WORK: Look = { color: 'blue', icon: <InProgressIcon /> };
const OVER: Look = { color: 'grey', icon: <BanIcon /> };
const HELD: Look = { color: 'grey', icon: <PauseCircleIcon /> };

/** Of jobs, runs, hosts, services, tokens, alerts, deliveries, audits, campaigns, features. */
const LOOKS: Readonly<Record<string, Look>> = {
  ...{ succeeded: GOOD, done: GOOD, online: GOOD, delivered: GOOD, resolved: GOOD, usable: GOOD },
  ...{ active: GOOD, enabled: GOOD, serving: GOOD },
  ...{ failed: BAD, error: BAD, lost: BAD, timed_out: BAD, refused: BAD, offline: BAD, away: BAD },
  ...{
    given_up: BAD,
    revoked: OVER,
    disabled: OVER,
    cancelled: OVER,
    skipped: OVER,
    expired: WARN,
  },
  ...{ warning: WARN, stopped: WARN, stopping: WARN, open: WARN, intended: WARN, 'used up': OVER },
  ...{ info: NOTE, running: WORK, sent: WORK, released: WORK, activating: WORK },
  ...{ supported: NOTE, underway: WORK, allowed: WORK, off: OVER, unknown: BAD },
  ...{ planned: WAIT, paused: HELD, finished: GOOD },
  ...{ waiting: WAIT, pending: WAIT, inactive: HELD, deactivating: WORK, reloading: WORK },
};

interface Props {
  readonly state: string;
  /** What is read; the state itself when not given. */
  readonly text?: string;
}

export function StateLabel({ state, text = spoken(state) }: Props) {
  const { icon, ...look } = LOOKS[state] ?? { color: 'grey' };
  return (
    <Label isCompact variant="outline" {...look} {...(icon === undefined ? {} : { icon })}>
      {text}
    </Label>
  );
}
