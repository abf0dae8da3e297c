// What an agent tells its log about its runs. Each event comes after what it says is on the disk.

import type { AgentFrame, ServerFrame } from '@halflap/protocol/agent';
import type { Log } from '../log.js';

export const ORDER_EVENTS = [
  'refused',
  'kept',
  'begun',
  'launched',
  'ended',
  'told',
  'acknowledged',
  'lost',
  'forgotten',
  'trouble',
] as const;

export interface OrderLog {
  readonly event: (typeof ORDER_EVENTS)[number];
  /** Null when nobody can tell. */
  readonly run: string | null;
  readonly message: string;
}

/** A message of the protocol by its type. */
export type FrameOf<Type extends (AgentFrame | ServerFrame)['type']> = Extract<
  AgentFrame | ServerFrame,
  { readonly type: Type }
>;

/** What is told to a server about runs. */
export type ToldFrame = FrameOf<'begun' | 'output' | 'ended'>;

/** By its level: whatever keeps an order from its result is for somebody to look at. */
export function logTo(log: Log): (entry: OrderLog) => void {
  return ({ event, run, message }) => {
    const level = event === 'refused' || event === 'lost' || event === 'trouble' ? 'warn' : 'info';
    log[level]({ event, run }, message);
  };
}
