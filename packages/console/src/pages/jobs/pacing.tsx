// How a job goes through its hosts: batches, how many at once, when it stops.

import { ExpandableSection } from '@patternfly/react-core';
import { useState } from 'react';
import { TextField } from '../../components/fields';
import { numberOf, textOf } from '../../state/field-values';

export function PacingFields() {
  const [isOpen, setOpen] = useState(false);
  return (
    <ExpandableSection
      toggleText="Batches and limits"
      isExpanded={isOpen}
      onToggle={(_, open) => setOpen(open)}
    >
      <div className="hf-form-grid">
        <TextField name="batch" label="Batch" help="20, or 10%; empty: all hosts at once" />
        <TextField name="stopAfter" label="Stop after failures" help="3, or 5%; empty: never" />
        <TextField name="concurrency" label="Hosts at work at once" type="number" start="50" />
        <TextField name="timeoutMinutes" label="Minutes for each host" type="number" start="60" />
        <TextField name="waitMinutes" label="Minutes to wait for a host" type="number" start="60" />
      </div>
    </ExpandableSection>
  );
}

/** What is empty is left to the server. */
export function pacingOf(fields: FormData): Record<string, unknown> {
  const minutes = (name: string) => {
    const given = numberOf(fields, name);
    return given === undefined ? undefined : given * 60;
  };
  return {
    batch: shareOf(textOf(fields, 'batch')),
    stopAfter: shareOf(textOf(fields, 'stopAfter')),
    concurrency: numberOf(fields, 'concurrency'),
    timeoutSeconds: minutes('timeoutMinutes'),
    waitSeconds: minutes('waitMinutes'),
  };
}

function shareOf(text: string): object | undefined {
  if (text === '') return undefined;
  const number = Number.parseFloat(text);
  return text.endsWith('%') ? { percent: number } : { hosts: number };
}

/** The same as words of the command line. */
export function pacingWords(fields: FormData): string[] {
  const given = [
    ['batch', '--batch', ''],
    ['stopAfter', '--stop-after', ''],
    ['concurrency', '--concurrency', '50'],
    ['timeoutMinutes', '--timeout', '60'],
    ['waitMinutes', '--wait', '60'],
  ] as const;
  return given.flatMap(([name, option, usual]) => {
    const value = textOf(fields, name);
    const unit = name.endsWith('Minutes') ? 'm' : '';
    return value === '' || value === usual ? [] : [option, `${value}${unit}`];
  });
}
