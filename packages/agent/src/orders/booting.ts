// Orders that boot their host: they end once the host is back, and not when the command that asked
// for it has ended, which may be before or in the middle of the host's going down.
//
//   claimed ──the command ends, or the host's going down ends it──► booting
//   booting ──another boot──► succeeded
//      ├──out of time──► failed
//      └──cancel.json──► cancelled

import { basename } from 'node:path';
import type { Order, Result, Work } from '@halflap/protocol/agent';
import type { Interruption } from './interruption.js';
import type { Outcome } from './work.js';

/** A supervisor has asked for the boot, and has ended. */
export interface Booting {
  readonly format: number;
  /** What came of the command. */
  readonly result: Result;
}

/** Whether a command is one that boots the host: `reboot`, `systemctl reboot`, `shutdown -r`. */
export function bootsHost(work: Work): boolean {
  if (work.kind !== 'command') return false;
  const { program, args } = work;
  switch (basename(program)) {
    case 'reboot':
      return true;
    case 'systemctl':
      return args.find((arg) => !arg.startsWith('-')) === 'reboot';
    case 'shutdown':
      return args.some((arg) => arg === '--reboot' || /^-[a-zA-Z]*r/.test(arg));
    default:
      return false;
  }
}

/** Whether the host goes down for the order, as far as its supervisor can tell. */
export function isGoingDown(order: Order, outcome: Outcome, { askedBy }: Interruption): boolean {
  if (!bootsHost(order.work)) return false;
  return outcome.state === 'succeeded' || askedBy === 'stopped';
}

/** How an order ended that waited for the boot; null while it still does. */
export function bootResult(
  { result }: Booting,
  at: {
    readonly hasBooted: boolean;
    readonly isCancelled: boolean;
    readonly order: Order;
    readonly now: Date;
  },
): Result | null {
  const { hasBooted, isCancelled, order, now } = at;
  const end = (state: Result['state'], message: string): Result => ({
    ...{ ...result, state, message, endedAt: now.toISOString() },
    exitCode: state === 'succeeded' ? 0 : result.exitCode,
    signal: state === 'succeeded' ? null : result.signal,
  });
  if (hasBooted) return end('succeeded', 'the host was booted');
  if (isCancelled) return end('cancelled', 'a server asked for its end before the host went down');
  const startedAt = Date.parse(result.startedAt ?? result.endedAt);
  if (now.getTime() - startedAt < order.timeoutSeconds * 1000) return null;
  return end('failed', `the host was not booted within ${order.timeoutSeconds} seconds`);
}
