// Times, sizes and numbers of things as people read them. Pure.

import { count } from './print.js';

const STEPS = [
  ['s', 60],
  ['m', 60],
  ['h', 24],
  ['d', Number.POSITIVE_INFINITY],
] as const;

/** `12s ago`, `3m ago`, `5h ago`, `40d ago`; of clocks that differ a little, `0s ago`. */
export function ago(instant: string, now: Date): string {
  let amount = Math.max(0, (now.getTime() - new Date(instant).getTime()) / 1000);
  for (const [unit, next] of STEPS) {
    if (amount < next) return `${Math.floor(amount)}${unit} ago`;
    amount /= next;
  }
  return 'long ago';
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `512 B`, `1.5 GiB`. */
export function bytes(size: number): string {
  let [amount, unit] = [size, 0];
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  const text = unit === 0 || amount >= 100 ? String(Math.round(amount)) : amount.toFixed(1);
  return `${text} ${UNITS[unit]}`;
}

/** `1 host`, `1 234 hosts`. */
export function hostsText(number: number): string {
  return `${count(number)} ${number === 1 ? 'host' : 'hosts'}`;
}
