// Shows a campaign as it goes on, and makes an exit code of how it stands.

import { EXIT, type ExitCode } from '@halflap/protocol';
import type { Campaign } from '@halflap/server';
import { followCampaign, needsApproval, needsSomebody } from './api/campaign-watch.js';
import type { ApiClient } from './api/client.js';
import { campaignText } from './campaign-view.js';
import type { Printer } from './print.js';

export interface FollowOptions {
  readonly follow?: boolean;
  /** In ms; follows, whether that is asked for or not. */
  readonly timeout?: number;
  /** In ms. */
  readonly patience: number;
}

/** Sets the exit code of the process: done when the campaign has finished, else refused. */
export async function showFollowed(
  client: ApiClient,
  printer: Printer,
  { id, timeout: timeoutMs, patience: patienceMs }: FollowOptions & { readonly id: string },
): Promise<void> {
  const following = { id, timeoutMs, patienceMs, isForPeople: !printer.isJson };
  const campaign = await followCampaign(client, following, (seen) => {
    printer.clear();
    tell(printer, seen);
    return printer.isClosed();
  });
  for (const line of nextOf(campaign)) printer.note(line);
  const isDone = campaign.state === 'finished' || printer.isClosed();
  process.exitCode = isDone ? EXIT.done : EXIT.refused;
}

export function tell(printer: Printer, campaign: Campaign): void {
  printer.json({ campaign });
  printer.line(campaignText(campaign, printer));
}

/** Of a campaign that is only looked at: whether it stands still against what was planned. */
export function exitOf({ state }: Campaign): ExitCode {
  const stands = state === 'paused' || state === 'stopped' || state === 'cancelled';
  return stands ? EXIT.refused : EXIT.done;
}

/** What somebody has to do, so that it goes on. */
function nextOf({ id, state, plan }: Campaign): string[] {
  if (state === 'planned') return [`halflap campaign start ${id} starts it, once it is approved`];
  if (state !== 'running') return [];
  return plan
    .filter(needsSomebody)
    .map((step) =>
      needsApproval(step)
        ? `waits for an approval: halflap campaign approve ${id} --step ${step.id}`
        : `${step.id} waits for somebody: ${step.wait?.remedy ?? ''}`,
    );
}
