// What the application says while steps go on: a chart for each of its signals, beside the steps,
// and the same numbers as a table. Without signals there is nothing.

import type { Campaign, CampaignSignal, CampaignSignals } from '@halflap/server';
import { type ChartPoint, timesOf } from '@halflap/server/chart';
import { ExpandableSection, Label, Title } from '@patternfly/react-core';
import { useRead } from '../../../api/queries';
import { CliLine } from '../../../components/cli-line';
import { type Column, DataTable } from '../../../components/data-table';
import { ProblemAlert } from '../../../components/problem-alert';
import { absolute, commandLine } from '../../../state/words';
import { shortId, stepIdText } from '../words';
import { SignalChart } from './signal-chart';
import { valueText } from './values';

export function SignalsPart({ campaign: { id } }: { readonly campaign: Campaign }) {
  // The live view says when there is more: see use-campaign.ts.
  const path = `/api/v1/campaigns/${id}/signals`;
  const { data, error } = useRead<CampaignSignals>(path, {}, { every: false });
  if (error !== null) return <ProblemAlert error={error} />;
  if (data === undefined || data.signals.length === 0) return null;
  return (
    <section className="hf-signals hf-stack" aria-label="Signals of the application">
      <Title headingLevel="h2" size="lg">
        Signals of the application
      </Title>
      <CliLine line={commandLine('campaign', 'signals', shortId(id))} />
      <Charts said={data} />
      <ExpandableSection toggleTextCollapsed="Show the numbers" toggleTextExpanded="The numbers">
        <Numbers said={data} />
      </ExpandableSection>
    </section>
  );
}

function Charts({ said: { signals, steps } }: { readonly said: CampaignSignals }) {
  const lines: readonly ChartPoint[][] = signals.map(({ points }) =>
    points.map(({ at, value }) => ({ at: new Date(at), value })),
  );
  const times = timesOf(lines);
  const spans = steps.map(({ step, startedAt, endedAt }) => ({
    ...{ id: step, startedAt: new Date(startedAt) },
    endedAt: endedAt === null ? null : new Date(endedAt),
  }));
  return signals.map((signal, at) => (
    <div key={signal.name}>
      <div className="hf-line">
        <Title headingLevel="h3" size="md">
          {signal.name}
        </Title>
        <Standing signal={signal} />
      </div>
      {times !== null && (
        <SignalChart signal={signal} drawn={{ ...times, points: lines[at] ?? [], spans }} />
      )}
    </div>
  ));
}

function Standing({ signal }: { readonly signal: CampaignSignal }) {
  const { away, now, stopAbove, stopAfterSeconds } = signal;
  const isOver = stopAbove !== null && now !== null && now > stopAbove;
  return (
    <>
      {away !== null && (
        <Label isCompact variant="outline" status="warning">{`not known: ${away}`}</Label>
      )}
      {away === null && (
        <Label isCompact variant="outline" {...(isOver ? { status: 'danger' as const } : {})}>
          {isOver ? `${valueText(now, signal)}, above its limit` : valueText(now, signal)}
        </Label>
      )}
      {stopAbove !== null && (
        <span className="hf-quiet">
          {`stops above ${valueText(stopAbove, signal)} for ${stopAfterSeconds} s`}
        </span>
      )}
    </>
  );
}

interface Row {
  readonly key: string;
  readonly what: string;
  readonly values: readonly (number | null)[];
}

function Numbers({ said: { signals, steps } }: { readonly said: CampaignSignals }) {
  const rows: readonly Row[] = [
    {
      ...{ key: 'before', what: 'Before the first step' },
      values: signals.map(({ before }) => before),
    },
    ...steps.map(({ step, startedAt, highest }, at) => ({
      ...{ key: step, what: `${at + 1}. ${stepIdText(step)}, ${absolute(startedAt)}` },
      values: highest,
    })),
    { key: 'now', what: 'Now', values: signals.map(({ now }) => now) },
  ];
  const columns: readonly Column<Row>[] = [
    { head: 'When', cell: ({ what }) => what },
    ...signals.map((signal, at) => ({
      head: signal.name,
      cell: ({ values }: Row) => valueText(values[at] ?? null, signal),
    })),
  ];
  return (
    <DataTable
      label="The highest of each signal during each step"
      columns={columns}
      items={rows}
      keyOf={({ key }) => key}
      empty=""
    />
  );
}
