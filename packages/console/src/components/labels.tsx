// Labels of a host.

import { Label, LabelGroup } from '@patternfly/react-core';

export function Labels({ labels }: { readonly labels: Readonly<Record<string, string>> }) {
  const all = Object.entries(labels);
  if (all.length === 0) return <span className="hf-quiet">none</span>;
  return (
    <LabelGroup numLabels={3} aria-label="Labels">
      {all.map(([key, value]) => (
        <Label key={key} isCompact>
          {value === '' ? key : `${key}=${value}`}
        </Label>
      ))}
    </LabelGroup>
  );
}

/** `env=prod site=eu1` as labels. @returns undefined for what is none. */
export function labelsOf(text: string): Record<string, string> | undefined {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  const pairs = words.map((word) => /^([^=]+)(?:=(.*))?$/.exec(word));
  if (pairs.some((pair) => pair === null)) return undefined;
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']));
}
