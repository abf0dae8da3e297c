// Whether the catalogue of a shard is still that of its release: asked when somebody looks, since
// all of it is read.

import type { ShardDrift } from '@halflap/server';
import { Alert, Button } from '@patternfly/react-core';
import { useRead } from '../../api/queries';
import { ProblemAlert } from '../../components/problem-alert';
import { Evidence } from './shard-overview';

export function DriftPart({ path }: { readonly path: string }) {
  const { data, error, refetch, isFetching } = useRead<ShardDrift>(
    `${path}/drift`,
    {},
    { every: false },
  );
  return (
    <div className="hf-stack" aria-busy={data === undefined && error === null}>
      <ProblemAlert error={error} />
      {data !== undefined && <Found drift={data} />}
      <div>
        <Button
          size="sm"
          variant="secondary"
          isDisabled={isFetching}
          onClick={() => void refetch()}
        >
          Look again
        </Button>
      </div>
    </div>
  );
}

function Found({ drift: { state, release, why, differences } }: { readonly drift: ShardDrift }) {
  const [variant, title] = titleOf(state, release);
  return (
    <>
      <Alert component="p" isInline variant={variant} title={title}>
        {why !== null && <p>{why}</p>}
        {state === 'differs' && (
          <p>
            The next evolution refuses it: undo what was changed by hand, or declare what it holds
            as a release of its own.
          </p>
        )}
      </Alert>
      {differences.length > 0 && <Evidence label="Differences" lines={differences} />}
    </>
  );
}

function titleOf(state: ShardDrift['state'], release: string | null) {
  switch (state) {
    case 'same':
      return ['success', `Its tables are those of ${release}`] as const;
    case 'differs':
      return ['warning', `Its tables are not those of ${release}`] as const;
    case 'under way':
      return ['info', 'An evolution is under way'] as const;
    case 'unknown':
      return ['info', 'It cannot be told'] as const;
    case 'away':
      return ['danger', 'It does not answer'] as const;
    default:
      return state satisfies never;
  }
}
