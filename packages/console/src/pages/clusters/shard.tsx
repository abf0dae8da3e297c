// One shard: where it stands, its journal, the rows that could not be carried, whether it has
// drifted; its parts each with an address of its own. One that is away is said to be away.

import type { Shard } from '@halflap/server';
import { Alert } from '@patternfly/react-core';
import { Link } from 'wouter';
import { useRead } from '../../api/queries';
import { PageBody, PageHead } from '../../components/page-head';
import { ProblemAlert } from '../../components/problem-alert';
import { StateLabel } from '../../components/state-label';
import { TabBar } from '../../components/tab-bar';
import { When } from '../../components/when';
import { commandLine, numberText } from '../../state/words';
import { shardPath } from './matrix-data';
import { DriftPart } from './shard-drift';
import { JournalPart } from './shard-journal';
import { OverviewPart } from './shard-overview';
import { QuarantinePart } from './shard-quarantine';

const PARTS = {
  overview: { text: 'Now', word: 'show' },
  quarantine: { text: 'Quarantine', word: 'quarantine' },
  journal: { text: 'Journal', word: 'journal' },
  drift: { text: 'Drift', word: 'drift' },
} as const;
type Part = keyof typeof PARTS;

/** Between two looks, in ms: each asks the shard. */
export const SHARD_MS = 5000;

interface Props {
  readonly id: string;
  readonly shard: string;
  readonly part?: string | undefined;
}

export function ShardPage({ id, shard: name, part: asked = 'overview' }: Props) {
  const path = `/api/v1/clusters/${id}/shards/${encodeURIComponent(name)}`;
  const { data: shard, error, refetch } = useRead<Shard>(path, {}, { every: SHARD_MS });
  const part: Part = asked in PARTS ? (asked as Part) : 'overview';
  const base = shardPath(id, name);
  const pathOf = (one: Part) => (one === 'overview' ? base : `${base}/${one}`);
  const tabs = (Object.keys(PARTS) as Part[]).map((one) => ({
    ...{ path: pathOf(one), text: textOf(one, shard) },
  }));
  const cluster = shard?.cluster.name ?? id;
  return (
    <>
      <PageHead
        title={name}
        up={{ path: `/clusters/${id}/shards`, text: `Shards of ${shard?.cluster.name ?? 'it'}` }}
        cli={commandLine('clusters', 'shards', PARTS[part].word, cluster, name)}
        beside={shard !== undefined && <PhaseLabel shard={shard} />}
      />
      <PageBody isBusy={shard === undefined && error === null}>
        <ProblemAlert error={error} onRetry={() => void refetch()} />
        {shard !== undefined && (
          <>
            <Standing shard={shard} />
            <TabBar label="Parts of the shard" tabs={tabs} current={pathOf(part)} />
            <ShardPart part={part} shard={shard} path={path} />
          </>
        )}
      </PageBody>
    </>
  );
}

function textOf(part: Part, shard: Shard | undefined): string {
  const { text } = PARTS[part];
  const rows = shard?.quarantined ?? 0;
  return part === 'quarantine' && rows > 0 ? `${text} (${numberText(rows)})` : text;
}

const LOOKS = {
  settled: 'done',
  prepared: 'planned',
  expanding: 'running',
  dual: 'info',
  contracting: 'running',
} as const;

function PhaseLabel({ shard: { state, phase } }: { readonly shard: Shard }) {
  if (state === 'away') return <StateLabel state="lost" text="away" />;
  if (phase === null) return <StateLabel state="warning" text={state} />;
  return <StateLabel state={LOOKS[phase]} text={phase} />;
}

/** What keeps it, and what nothing is known of. */
function Standing({ shard }: { readonly shard: Shard }) {
  const { state, why, hint, blocked, seenAt } = shard;
  if (state !== 'known') {
    const title = state === 'away' ? 'It does not answer' : 'Nothing is known of it';
    return (
      <Alert component="p" isInline variant="danger" title={title}>
        <p>{why}</p>
        {hint !== null && <p className="hf-quiet">→ {hint}</p>}
        <p className="hf-quiet">
          Asked <When at={seenAt} />
        </p>
      </Alert>
    );
  }
  if (blocked === null) return null;
  return (
    <Alert component="p" isInline variant="warning" title="It does not go on">
      <p>{blocked}</p>
    </Alert>
  );
}

interface PartProps {
  readonly part: Part;
  readonly shard: Shard;
  readonly path: string;
}

function ShardPart({ part, shard, path }: PartProps) {
  switch (part) {
    case 'overview':
      return shard.state === 'known' ? <OverviewPart shard={shard} /> : <Back shard={shard} />;
    case 'quarantine':
      return <QuarantinePart shard={shard} path={path} />;
    case 'journal':
      return <JournalPart path={path} />;
    case 'drift':
      return <DriftPart path={path} />;
    default:
      return part satisfies never;
  }
}

function Back({ shard: { cluster } }: { readonly shard: Shard }) {
  return (
    <p>
      Servers go on with the other shards:{' '}
      <Link href={`/clusters/${cluster.id}`}>{`cluster ${cluster.name}`}</Link>
    </p>
  );
}
