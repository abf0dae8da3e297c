// Shards of a cluster that did not answer, so that nothing of them is in what is shown.

import type { ClusterFeatures } from '@halflap/server';
import { Alert } from '@patternfly/react-core';

export function SilentShards({ shards }: Pick<ClusterFeatures, 'shards'>) {
  const silent = shards.filter(({ ok }) => !ok);
  if (silent.length === 0) return null;
  const title = `Nothing is known of ${silent.map(({ shard }) => shard).join(', ')}`;
  return (
    <Alert component="p" isInline variant="warning" title={title}>
      {silent.map(({ shard, error }) => (
        <p key={shard}>{`${shard} ${error ?? 'does not answer'}`}</p>
      ))}
    </Alert>
  );
}
