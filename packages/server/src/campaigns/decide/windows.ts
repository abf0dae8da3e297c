// Maintenance windows: when a campaign may begin a step, by the clock of the place that states
// them.
//
// A window is of the days on which it begins, and may go over midnight. Where clocks are put back
// an hour comes twice, and both are in it; where they are put forward one is missing.

import { Type } from 'typebox';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

export const Window = Type.Object(
  {
    days: Type.Array(Type.Union(DAYS.map((day) => Type.Literal(day))), {
      minItems: 1,
      description: 'Days on which it begins.',
    }),
    from: Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' }),
    to: Type.String({
      pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$',
      description: 'Not later than `from`: on the day after.',
    }),
    timeZone: Type.String({ minLength: 1, maxLength: 64, description: 'As in Europe/Vienna.' }),
  },
  { additionalProperties: false },
);

export interface Window {
  readonly days: readonly (typeof DAYS)[number][];
  readonly from: string;
  readonly to: string;
  readonly timeZone: string;
}

/** Minutes of a week. */
const DAY = 24 * 60;
const WEEK = 7 * DAY;
const MINUTE_MS = 60_000;

/** Whether a step may begin; always where no window is stated. */
export function isOpen(windows: readonly Window[], now: Date): boolean {
  return windows.length === 0 || windows.some((window) => isIn(window, now));
}

/** When the next window opens, to the minute; null when one is open. */
export function opensAt(windows: readonly Window[], now: Date): Date | null {
  if (isOpen(windows, now)) return null;
  const times = windows.flatMap((window) => nextOf(window, now) ?? []);
  return times.length === 0 ? null : new Date(Math.min(...times.map((one) => one.getTime())));
}

/** @throws RangeError for a time zone that is unknown here. */
export function checkTimeZone(timeZone: string): void {
  new Intl.DateTimeFormat('en', { timeZone });
}

function isIn({ days, from, to, timeZone }: Window, now: Date): boolean {
  const at = minuteOfWeek(now, timeZone);
  const length = ((minuteOf(to) - minuteOf(from) + DAY - 1) % DAY) + 1;
  return days.some((day) => {
    const start = DAYS.indexOf(day) * DAY + minuteOf(from);
    return (at - start + WEEK) % WEEK < length;
  });
}

/**
 * By the wall clock first, then minute by minute: an hour that is put forward or back lies between
 * now and then at most.
 */
function nextOf(window: Window, now: Date): Date | null {
  const at = minuteOfWeek(now, window.timeZone);
  const waits = window.days.map((day) => {
    const start = DAYS.indexOf(day) * DAY + minuteOf(window.from);
    return (start - at + WEEK) % WEEK;
  });
  const minute = Math.floor(now.getTime() / MINUTE_MS);
  // One may lie in the hour that is missing.
  for (const wait of [...waits, ...waits.map((one) => one + WEEK)].sort((a, b) => a - b)) {
    const around = minute + wait;
    for (let next = Math.max(minute, around - 60); next <= around + 60; next += 1) {
      const time = new Date(next * MINUTE_MS);
      if (isIn(window, time)) return time;
    }
  }
  return null;
}

function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}

function minuteOfWeek(time: Date, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  }).formatToParts(time);
  const partOf = (type: string) => parts.find((part) => part.type === type)?.value ?? '';
  const day = DAYS.indexOf(partOf('weekday').toLowerCase() as (typeof DAYS)[number]);
  return day * DAY + Number(partOf('hour')) * 60 + Number(partOf('minute'));
}
