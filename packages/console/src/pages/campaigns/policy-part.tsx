// What holds a campaign back, and what its approval is of.

import type { Campaign } from '@halflap/server';
import { Facts } from '../../components/facts';
import { When } from '../../components/when';
import { durationText } from '../../state/words';
import { GOALS } from './words';

export function PolicyPart({ campaign }: { readonly campaign: Campaign }) {
  const { policy, goal, excluded, digest, bundle } = campaign;
  const windows = policy.windows.map(
    ({ days, from, to, timeZone }) => `${days.join(' ')} ${from}–${to} ${timeZone}`,
  );
  const left = excluded.map(({ kind, name, reason, by }) => `${kind} ${name}: ${reason} (${by})`);
  return (
    <Facts
      of={{
        Goal: goal === 'back' ? `servers and shards at ${campaign.from} again` : GOALS[goal],
        'Servers away at once': `${policy.maxUnavailable}`,
        'Server that goes first': policy.canaryServer ?? 'any',
        'Shard that goes first': policy.canaryShard ?? 'any',
        Windows: windows.length === 0 ? 'at any time' : windows.join('; '),
        'A step has to hold for': durationText(policy.soakSeconds),
        'Time until a server is healthy': durationText(policy.healthSeconds),
        'Time for a server in all': durationText(policy.deadlineSeconds),
        'Stops at rows in quarantine': `more than ${policy.stopAtQuarantine}`,
        'Left out': left.length === 0 ? 'nothing' : left.join('; '),
        Planned: <Who by={campaign.plannedBy} at={campaign.plannedAt} />,
        Approved: <Who by={campaign.approvedBy} at={campaign.approvedAt} />,
        Started: <Who by={campaign.startedBy} at={campaign.startedAt} />,
        Ended: <When at={campaign.endedAt} never="not yet" />,
        'Digest of the plan': <code>{digest}</code>,
        Bundle: <code>{bundle}</code>,
      }}
    />
  );
}

function Who({ by, at }: { readonly by: string | null; readonly at: string | null }) {
  if (by === null) return <span className="hf-quiet">not yet</span>;
  return (
    <>
      by {by}, <When at={at} />
    </>
  );
}
