// Values of signals in words.

import type { CampaignSignal } from '@halflap/server';

/** `12.5 ms`. */
export function valueText(value: number | null, { unit }: Pick<CampaignSignal, 'unit'>): string {
  return value === null ? 'not known' : `${Number(value.toPrecision(6))} ${unit}`.trim();
}
