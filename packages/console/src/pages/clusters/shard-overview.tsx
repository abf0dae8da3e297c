// How a shard stands now: its phase, how far its tables are filled and compared, who works with it,
// what is kept beside the old layout.

import type { Shard } from '@halflap/server';
import { Title } from '@patternfly/react-core';
import { Link } from 'wouter';
import { type Column, DataTable } from '../../components/data-table';
import { Facts } from '../../components/facts';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { numberText } from '../../state/words';
import { FilledBar } from '../campaigns/step-bar';
import { servedBy, shardPath } from './matrix-data';

type Work = Shard['work'][number];
type Server = Shard['servers'][number];
type Spill = Shard['spill'][number];

interface Props {
  readonly shard: Shard;
}

export function OverviewPart({ shard }: Props) {
  return (
    <div className="hf-stack">
      <Facts of={factsOf(shard)} />
      {shard.work.length > 0 && <WorkList work={shard.work} />}
      <section>
        <Title headingLevel="h2" size="lg">
          Servers seen
        </Title>
        <DataTable
          label="Servers seen"
          columns={SERVER_COLUMNS}
          items={shard.servers}
          keyOf={(one) => `${one.server} ${one.release} ${one.seenAt}`}
          empty="No server works with it now."
        />
      </section>
      {shard.phase !== 'settled' && <SpillList spill={shard.spill} />}
    </div>
  );
}

function factsOf(shard: Shard) {
  const { cluster, name, bundle, running, runner, batchRows, paceMs, features } = shard;
  return {
    Serves: servedBy(shard),
    'In this phase since': <When at={shard.changedAt} />,
    Application: shard.app,
    Bundle: bundle === null ? undefined : <code>{bundle.slice(0, 12)}</code>,
    'Step under way': running === null ? 'none' : `${running.step}, by ${running.runner}`,
    'Works on it': runner ?? 'nobody',
    Paused: shard.paused ? 'yes, by an operator' : 'no',
    Pace: `${numberText(batchRows ?? 0)} rows in a batch, ${numberText(paceMs ?? 0)} ms between`,
    Compared: <Compared shard={shard} />,
    'In quarantine': (
      <Link href={`${shardPath(cluster.id, name)}/quarantine`}>{quarantineText(shard)}</Link>
    ),
    Features:
      features.length === 0
        ? 'none'
        : features.map((one) => `${one.name} (${one.state})`).join(', '),
    'Looked at': <When at={shard.seenAt} />,
  };
}

function quarantineText({ quarantine, quarantined }: Shard): string {
  if (quarantined === 0) return 'nothing';
  return quarantine.map(({ relation, rows }) => `${relation}: ${numberText(rows)}`).join(', ');
}

/** What verify has found last. */
function Compared({ shard: { phase, verified, work } }: Props) {
  const looks = work.filter(({ kind }) => kind === 'verify');
  const differing = looks.reduce((sum, { differences }) => sum + differences, 0);
  if (differing > 0) return <StateLabel state="failed" text={`${numberText(differing)} differ`} />;
  if (verified) return <StateLabel state="done" text="equal" />;
  if (phase === 'settled' || phase === 'contracting') return <>one layout is there</>;
  return looks.length > 0 && looks.every(({ done }) => done) ? (
    <>equal, before it was dual or too long ago</>
  ) : (
    <>not yet</>
  );
}

function WorkList({ work }: { readonly work: readonly Work[] }) {
  return (
    <section>
      <Title headingLevel="h2" size="lg">
        Filled and compared
      </Title>
      <ul className="hf-plain-list" aria-label="Filled and compared">
        {work.map((one) => (
          <WorkItem key={one.step} work={one} />
        ))}
      </ul>
    </section>
  );
}

function WorkItem({ work }: { readonly work: Work }) {
  const { relation, rowsDone, rowsEstimated, done, differences, updatedAt } = work;
  const all = Math.max(rowsDone, rowsEstimated);
  const rows = `${numberText(rowsDone)} of about ${numberText(all)} rows`;
  const isGood = done && differences === 0;
  const state = isGood ? 'done' : done ? 'failed' : work.error === null ? 'running' : 'stopped';
  return (
    <li className="hf-stack-tight">
      <span className="hf-line">
        <strong>{`${whatOf(work)} ${relation}`}</strong>
        <StateLabel state={state} text={textOf(work)} />
        <span className="hf-quiet">{rows}</span>
        <span className="hf-quiet">
          <When at={updatedAt} />
        </span>
      </span>
      {!done && <FilledBar text={rows} part={all === 0 ? 0 : rowsDone / all} fill="work" />}
      {work.waitingFor !== null && <p>{`It holds back: ${work.waitingFor}`}</p>}
      {work.error !== null && <p>{work.error}</p>}
      {work.evidence.length > 0 && (
        <Evidence label={`What differs in ${relation}`} lines={work.evidence} />
      )}
    </li>
  );
}

/** It is compared before it is dual, and then again. */
function whatOf({ kind, step }: Work): string {
  if (kind === 'backfill') return 'Fill';
  return step.startsWith('expand/') ? 'Compare, once filled:' : 'Compare:';
}

function textOf({ done, differences, kind, error }: Work): string {
  if (differences > 0) return `${numberText(differences)} keys differ`;
  if (done) return kind === 'verify' ? 'equal' : 'done';
  return error === null ? 'under way' : 'stopped';
}

export function Evidence({ label, lines }: { label: string; lines: readonly string[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by key
    <section className="hf-output" tabIndex={0} aria-label={label}>
      {lines.join('\n')}
    </section>
  );
}

const MODES: Readonly<Record<Server['mode'], string>> = {
  native: 'tables of its own release',
  lens: 'through the lens',
  'session lens': 'through a lens of its sessions',
  'by its sessions': 'seen by its sessions, without a lease',
};

const SERVER_COLUMNS: readonly Column<Server>[] = [
  { head: 'Server', cell: ({ server }) => server },
  { head: 'Release', cell: ({ release }) => release },
  { head: 'How', cell: ({ mode }) => MODES[mode] },
  {
    head: 'Supports',
    cell: ({ features }) => {
      if (features === null) return <span className="hf-quiet">does not say</span>;
      return features.length === 0 ? 'no features' : features.join(', ');
    },
  },
  { head: 'Seen', cell: ({ seenAt }) => <When at={seenAt} never="now" /> },
];

const KEPT: Readonly<Record<Spill['what'], string>> = {
  absent: 'rows that the newer release does not have',
  kept: 'values that do not follow from the old row',
  columns: 'columns that the newer release alone has',
};

function SpillList({ spill }: { readonly spill: readonly Spill[] }) {
  const some = spill.filter(({ rows }) => rows > 0);
  return (
    <section>
      <Title headingLevel="h2" size="lg">
        Spill
      </Title>
      <p className="hf-quiet">
        What the newer release has written and the old layout cannot hold. An abort drops it.
      </p>
      {some.length === 0 ? (
        <p>Nothing.</p>
      ) : (
        <ul className="hf-plain-list" aria-label="Spill">
          {some.map(({ table, what, rows, more }) => (
            <li key={table} className="hf-line">
              <code>{table}</code>
              <span>{`${more ? 'more than ' : ''}${numberText(rows)} rows: ${KEPT[what]}`}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
