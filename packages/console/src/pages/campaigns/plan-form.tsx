// The fields of a plan.

import type { CampaignPlanned, ClusterSummary, Matrix } from '@halflap/server';
import { ActionGroup, Alert, Button, Form, FormSection } from '@patternfly/react-core';
import { type FormEvent, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { ask } from '../../api/client';
import { useAct } from '../../api/queries';
import { ChoiceField, TextField } from '../../components/fields';
import { ProblemAlert } from '../../components/problem-alert';
import { OrderField, usualOrder } from './order-field';
import { type Planned, planLine, plannedOf } from './policy-form';
import { GOALS } from './words';

interface Props {
  readonly cluster: ClusterSummary;
  readonly matrix: Matrix | undefined;
  onLine(line: string): void;
}

const SHORTEST = 'the shortest safe order';
const OWN = 'my own order';

export function PlanForm({ cluster, matrix, onLine }: Props) {
  const [, navigate] = useLocation();
  const form = useRef<HTMLFormElement>(null);
  const [goal, setGoal] = useState('upgraded');
  const [order, setOrder] = useState<readonly string[] | null>(null);
  const planning = useAct((body: Planned) =>
    ask<CampaignPlanned>('POST', '/api/v1/campaigns', { body }),
  );
  const read = (own: readonly string[] | null) =>
    plannedOf(new FormData(form.current ?? undefined), cluster.id, own);
  const tell = (own: readonly string[] | null) => onLine(planLine(cluster.name, read(own)));
  const setOwn = (own: readonly string[] | null) => {
    setOrder(own);
    tell(own);
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    planning.mutate(read(order), {
      onSuccess: ({ id }) => void (id !== null && navigate(`/campaigns/${id}`)),
    });
  };
  return (
    <Form ref={form} onSubmit={onSubmit} onChange={() => tell(order)} className="hf-plan-form">
      <FormSection title="Where it leads" titleElement="h2">
        <ChoiceField
          name="goal"
          label="Goal"
          options={Object.keys(GOALS)}
          help={GOALS[goal as keyof typeof GOALS]}
          onChange={(value) => {
            setGoal(value);
            if (order !== null && matrix !== undefined) setOrder(usualOrder(matrix, value));
          }}
        />
      </FormSection>
      <PolicyFields matrix={matrix} />
      <FormSection title="In which order" titleElement="h2">
        <ChoiceField
          name="order"
          label="Order"
          options={matrix === undefined ? [SHORTEST] : [SHORTEST, OWN]}
          help="An order that would leave a server with a shard that refuses it is not planned."
          onChange={(value) =>
            setOwn(value === OWN && matrix !== undefined ? usualOrder(matrix, goal) : null)
          }
        />
        {order !== null && <OrderField steps={order} onChange={setOwn} />}
      </FormSection>
      <ProblemAlert error={planning.error} />
      {planning.data?.id === null && (
        <Alert component="p" isInline variant="success" title="Nothing is left to do">
          The cluster is where this would lead it.
        </Alert>
      )}
      <ActionGroup>
        <Button type="submit" isLoading={planning.isPending} isDisabled={planning.isPending}>
          Plan it
        </Button>
      </ActionGroup>
    </Form>
  );
}

function PolicyFields({ matrix }: Pick<Props, 'matrix'>) {
  const servers = ['', ...(matrix?.servers ?? []).map(({ name }) => name)];
  const shards = ['', ...(matrix?.shards ?? []).map(({ name }) => name)];
  return (
    <FormSection title="What holds it back" titleElement="h2">
      <div className="hf-form-grid">
        <TextField
          name="maxUnavailable"
          label="Servers away at once"
          type="number"
          help="Empty: one. Those that nobody has taken away count."
        />
        <ChoiceField name="canaryServer" label="Server that goes first" options={servers} />
        <ChoiceField name="canaryShard" label="Shard that goes first" options={shards} />
        <TextField
          name="soak"
          label="How long a step has to hold"
          help="Before the next one begins: 90 s, 30 min, 2 h, 3 d. Empty: not at all."
        />
        <TextField name="health" label="Time until a server is healthy" help="Empty: 5 min." />
        <TextField name="deadline" label="Time for a server in all" help="Empty: 1 h." />
        <TextField
          name="stopAtQuarantine"
          label="Most rows in quarantine"
          type="number"
          help="More of them stop the campaign. Empty: none."
        />
      </div>
      <TextField
        name="windows"
        label="Maintenance windows"
        lines={2}
        help="One on each line: sat,sun 22:00-05:00 Europe/Vienna, or daily 01:00-04:00 UTC."
      />
    </FormSection>
  );
}
