// What a verb does on a shard, step by step: a label, whom it holds up, its statements with their
// locks. Closed until somebody asks, and the same for every shard of the campaign.

import type { BundleSteps, CampaignStep } from '@halflap/server';
import { Button, Label } from '@patternfly/react-core';
import { useId, useState } from 'react';
import { useRead } from '../../api/queries';
import { CliLine } from '../../components/cli-line';
import { ProblemAlert } from '../../components/problem-alert';
import { commandLine, numberText } from '../../state/words';

type Step = BundleSteps['verbs'][number]['steps'][number];

interface Props {
  /** The hash of the bundle. */
  readonly bundle: string;
  readonly step: CampaignStep;
}

export function VerbSteps({ bundle, step }: Props) {
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const verb = step.action;
  const { data, error } = useRead<BundleSteps>(
    `/api/v1/evolutions/${bundle}/steps`,
    { verb },
    { enabled: isOpen, every: false },
  );
  const steps = data?.verbs.find((one) => one.verb === verb)?.steps;
  return (
    <div className="hf-stack-tight">
      <div>
        <Button
          variant="link"
          isInline
          aria-expanded={isOpen}
          aria-controls={id}
          onClick={() => setOpen(!isOpen)}
        >
          {`What ${verb} does, and what it locks`}
          <span className="hf-unseen">{`, on ${step.name}`}</span>
        </Button>
      </div>
      <div id={id} aria-busy={isOpen && data === undefined && error === null}>
        {isOpen && (
          <>
            <ProblemAlert error={error} />
            {data?.measured === false && (
              <p className="hf-quiet">
                Nobody has watched what its statements lock: these are the locks that are waited
                for. halflap build makes a bundle that says more.
              </p>
            )}
            {steps !== undefined && (
              <ol className="hf-verb-steps" aria-label={`Steps of ${verb}`}>
                {steps.map((one) => (
                  <StepItem key={one.id} step={one} />
                ))}
              </ol>
            )}
            <CliLine
              line={commandLine(
                'clusters',
                'bundles',
                'steps',
                bundle.slice(0, 12),
                '--verb',
                verb,
              )}
            />
          </>
        )}
      </div>
    </div>
  );
}

function StepItem({ step }: { readonly step: Step }) {
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const { title, label, how, blocks, statements, more } = step;
  const count = statements.length + more;
  return (
    <li>
      <span className="hf-line">
        <strong>{title}</strong>
        {label !== null && (
          <Label
            isCompact
            variant="outline"
            {...(blocks === 'nothing' ? {} : { status: 'warning' })}
          >
            {label}
          </Label>
        )}
        <span>{leadOf(step)}</span>
        <span className="hf-quiet">{how}</span>
        {count > 0 && (
          <Button
            variant="link"
            isInline
            aria-expanded={isOpen}
            aria-controls={id}
            onClick={() => setOpen(!isOpen)}
          >
            {count === 1 ? '1 statement' : `${numberText(count)} statements`}
            <span className="hf-unseen">{` of ${step.id}`}</span>
          </Button>
        )}
      </span>
      <div id={id}>
        {isOpen && (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by key
          <section className="hf-output" tabIndex={0} aria-label={`SQL of ${step.id}`}>
            {statements.map(statementText).join('\n\n')}
            {more > 0 && `\n\nand ${numberText(more)} more`}
          </section>
        )}
      </div>
    </li>
  );
}

/** Whom it holds up; where nobody has watched, the lock alone. */
function leadOf({ lead, lock, relation }: Step): string {
  if (lead !== null) return lead;
  return lock === null ? 'waits for no lock' : `${lock} on ${relation}`;
}

function statementText({ text, cut, lock, relation }: Step['statements'][number]): string {
  const held = lock === null ? '' : `-- ${lock} on ${relation}\n`;
  return `${held}${text.trimEnd()}${cut ? ' …' : ''}`;
}
