// What somebody fills in to plan a campaign → what is sent, and the same by command line.

import type { Campaign } from '@halflap/server';
import { numberOf, textOf } from '../../state/field-values';
import { commandLine } from '../../state/words';

type Policy = Campaign['policy'];
type Window = Policy['windows'][number];

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const UNITS: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600, d: 86_400 };

export interface Planned {
  readonly cluster: string;
  readonly goal: string;
  readonly policy: Partial<Policy>;
  readonly order?: readonly string[];
}

/** What is left empty is as the server has it. */
export function plannedOf(
  fields: FormData,
  cluster: string,
  order: readonly string[] | null,
): Planned {
  const seconds = (name: string) => secondsOf(textOf(fields, name));
  const windows = windowsOf(textOf(fields, 'windows'));
  const policy = {
    maxUnavailable: numberOf(fields, 'maxUnavailable'),
    canaryServer: textOf(fields, 'canaryServer') || undefined,
    canaryShard: textOf(fields, 'canaryShard') || undefined,
    windows: windows.length === 0 ? undefined : windows,
    soakSeconds: seconds('soak'),
    healthSeconds: seconds('health'),
    deadlineSeconds: seconds('deadline'),
    stopAtQuarantine: numberOf(fields, 'stopAtQuarantine'),
  };
  const given = Object.entries(policy).filter(([, value]) => value !== undefined);
  return {
    ...{ cluster, goal: textOf(fields, 'goal'), policy: Object.fromEntries(given) },
    ...(order === null ? {} : { order }),
  };
}

/** `90 s`, `5 min`, `2 h`, `3 d`; what is none the server refuses. */
function secondsOf(text: string): number | undefined {
  if (text === '') return undefined;
  const [, amount = '', unit = ''] = /^(\d+)\s*(s|min|h|d)$/.exec(text) ?? [];
  return Number(amount || Number.NaN) * (UNITS[unit] ?? Number.NaN);
}

/** One on each line: `sat,sun 22:00-05:00 Europe/Vienna`. What is wrong in it the server says. */
function windowsOf(text: string): Window[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const [days = '', hours = '', timeZone = ''] = line.trim().split(/\s+/);
    const [from = '', to = ''] = hours.split('-');
    const known = days === 'daily' ? DAYS : days.toLowerCase().split(',');
    return { days: [...known] as Window['days'], from, to, timeZone };
  });
}

/** @param name of the cluster */
export function planLine(name: string, { goal, policy, order }: Planned): string {
  const hasPolicy = Object.keys(policy).length > 0;
  return commandLine(
    ...['campaign', 'plan', name],
    ...(goal === 'upgraded' ? [] : ['--until', goal]),
    ...(hasPolicy ? ['--policy', 'policy.yaml'] : []),
    ...(order ?? []).flatMap((step) => ['--step', step]),
  );
}
