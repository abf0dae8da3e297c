// What a step would make impossible, and what possible, if it was taken now; and whether anything
// leads back from it.

import type { CampaignPlanned, Cluster, Refusal, WhatIf } from '@halflap/server';
import { Alert, Button, FormSelect, FormSelectOption, Title } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { useLocation } from 'wouter';
import { ask } from '../../api/client';
import { useAct, useRead } from '../../api/queries';
import { CliLine } from '../../components/cli-line';
import { ProblemAlert } from '../../components/problem-alert';
import { StateLabel } from '../../components/state-label';
import { useAddress } from '../../state/address';
import { useMay } from '../../state/session';
import { commandLine } from '../../state/words';
import { type Planned, planLine } from '../campaigns/policy-form';
import { SERVER_ACTIONS, SHARD_ACTIONS, stepIdText } from '../campaigns/words';
import { useMatrix } from './live-matrix';

type Of = Pick<Cluster, 'id' | 'name' | 'campaign'>;

export function WhatIfPart({ cluster }: { readonly cluster: Of }) {
  const address = useAddress();
  const { data: matrix } = useMatrix(cluster, true);
  const steps = [
    ...(matrix?.servers ?? []).flatMap(({ name }) =>
      SERVER_ACTIONS.map((action) => `server/${name}/${action}`),
    ),
    ...(matrix?.shards ?? []).flatMap(({ name }) =>
      SHARD_ACTIONS.map((action) => `shard/${name}/${action}`),
    ),
  ];
  const step = address.get('step') || (steps[0] ?? '');
  const options = steps.includes(step) || step === '' ? steps : [step, ...steps];
  const { data, error } = useRead<WhatIf>(
    `/api/v1/clusters/${cluster.id}/what-if`,
    { step },
    { enabled: step !== '' },
  );
  const isHere = data?.step === step;
  return (
    <section className="hf-stack" aria-label="What if" aria-busy={!isHere && error === null}>
      <FormSelect
        className="hf-filter"
        aria-label="Step"
        value={step}
        onChange={(_, value) => address.change({ step: value })}
      >
        {options.map((one) => (
          <FormSelectOption key={one} value={one} label={stepIdText(one)} />
        ))}
      </FormSelect>
      {step !== '' && <CliLine line={commandLine('campaign', 'what-if', cluster.name, step)} />}
      <ProblemAlert error={error} />
      {data !== undefined && isHere && <Answer answer={data} />}
      {data !== undefined && isHere && data.refusals.length === 0 && (
        <PlanAlone cluster={cluster} step={step} />
      )}
    </section>
  );
}

/** A campaign of this one step: to be read, approved and started like any other. */
function PlanAlone({
  cluster: { id, name },
  step,
}: {
  readonly cluster: Of;
  readonly step: string;
}) {
  const [, navigate] = useLocation();
  const isBack = /\/(downgrade|abort)$/.test(step);
  const goal = isBack ? 'back' : 'upgraded';
  const planned: Planned = { cluster: id, goal, policy: {}, order: [step] };
  const planning = useAct(() =>
    ask<CampaignPlanned>('POST', '/api/v1/campaigns', { body: planned }),
  );
  if (!useMay('cluster:write')) return null;
  const plan = () =>
    planning.mutate(undefined, { onSuccess: ({ id: made }) => navigate(`/campaigns/${made}`) });
  return (
    <div className="hf-stack">
      <ProblemAlert error={planning.error} />
      <div>
        <Button variant="secondary" isLoading={planning.isPending} onClick={plan}>
          Plan this step alone
        </Button>
      </div>
      <CliLine line={planLine(name, planned)} />
    </div>
  );
}

function Answer({ answer: { refusals, closes, opens, pointOfNoReturn } }: { answer: WhatIf }) {
  return (
    <>
      {refusals.length === 0 ? (
        <Alert component="p" isInline variant="success" title="It is safe now" />
      ) : (
        <Alert component="p" isInline variant="danger" title="It is refused now">
          <Refusals refusals={refusals} />
        </Alert>
      )}
      {pointOfNoReturn !== null && (
        <Alert component="p" isInline variant="warning" title="Nothing leads back from it">
          {pointOfNoReturn}
        </Alert>
      )}
      <div className="hf-two">
        <Steps title="It makes impossible" none="Nothing.">
          {closes.map((one) => (
            <li key={one.id}>
              <span className="hf-line">
                <StateLabel state="refused" text="closes" />
                {stepIdText(one.id)}
              </span>
              <Refusals refusals={one.refusals} />
            </li>
          ))}
        </Steps>
        <Steps title="It makes possible" none="Nothing that is not possible now.">
          {opens.map((id) => (
            <li key={id} className="hf-line">
              <StateLabel state="done" text="opens" />
              {stepIdText(id)}
            </li>
          ))}
        </Steps>
      </div>
    </>
  );
}

interface StepsProps {
  readonly title: string;
  readonly none: string;
  readonly children: readonly ReactNode[];
}

function Steps({ title, none, children }: StepsProps) {
  return (
    <section>
      <Title headingLevel="h2" size="lg">
        {title}
      </Title>
      {children.length === 0 ? (
        <p className="hf-quiet">{none}</p>
      ) : (
        <ul className="hf-plain-list">{children}</ul>
      )}
    </section>
  );
}

/** What stands against a step, by name, and what would change that. */
export function Refusals({ refusals }: { readonly refusals: readonly Refusal[] }) {
  if (refusals.length === 0) return null;
  return (
    <ul className="hf-refusals">
      {refusals.map(({ by, name, why, remedy, final }) => (
        <li key={`${by} ${name} ${why}`}>
          <strong>{`${by} ${name}`}</strong>: {why}
          <span className="hf-quiet">
            {' → '}
            {remedy}
            {final && '; nobody may pass over it'}
          </span>
        </li>
      ))}
    </ul>
  );
}
