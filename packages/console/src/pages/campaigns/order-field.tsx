// The operator's own order of the steps of a plan. Whether it is safe the server says, by name.

import type { Matrix } from '@halflap/server';
import { Button } from '@patternfly/react-core';
import { ArrowDownIcon, ArrowUpIcon, TimesIcon } from '@patternfly/react-icons';
import { stepIdText } from './words';

interface Props {
  readonly steps: readonly string[];
  onChange(steps: readonly string[]): void;
}

export function OrderField({ steps, onChange }: Props) {
  const swap = (at: number, to: number) => {
    const next = [...steps];
    [next[at], next[to]] = [next[to] ?? '', next[at] ?? ''];
    onChange(next);
  };
  return (
    <ol className="hf-order" aria-label="Your own order">
      {steps.map((step, at) => {
        const text = stepIdText(step);
        return (
          <li key={step}>
            <span>{text}</span>
            <Button
              variant="plain"
              size="sm"
              icon={<ArrowUpIcon />}
              aria-label={`Earlier: ${text}`}
              isDisabled={at === 0}
              onClick={() => swap(at, at - 1)}
            />
            <Button
              variant="plain"
              size="sm"
              icon={<ArrowDownIcon />}
              aria-label={`Later: ${text}`}
              isDisabled={at === steps.length - 1}
              onClick={() => swap(at, at + 1)}
            />
            <Button
              variant="plain"
              size="sm"
              icon={<TimesIcon />}
              aria-label={`Leave out: ${text}`}
              onClick={() => onChange(steps.filter((one) => one !== step))}
            />
          </li>
        );
      })}
    </ol>
  );
}

/** Where an order of one's own begins: the same as the server's, without its finer points. */
export function usualOrder({ servers, shards }: Matrix, goal: string): string[] {
  const of = (verb: string) => shards.map(({ name }) => `shard/${name}/${verb}`);
  return [
    ...of('prepare'),
    ...servers.map(({ name }) => `server/${name}/upgrade`),
    ...shards.flatMap(({ name }) => [`shard/${name}/expand`, `shard/${name}/verify`]),
    ...(goal === 'upgraded' ? of('contract') : []),
  ];
}
