// Texts of what the API gives: times, sizes, numbers, words that shells read.

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const ABSOLUTE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const NUMBER = new Intl.NumberFormat('en');

const STEPS = [
  ['second', 60],
  ['minute', 60],
  ['hour', 24],
  ['day', 30],
  ['month', 12],
] as const;

const SKEW_SECONDS = 5;

/** `3 minutes ago`. */
export function ago(iso: string, nowMs: number): string {
  let amount = (Date.parse(iso) - nowMs) / 1000;
  // The clock of a server may be a little before that of the browser.
  if (amount > 0 && amount < SKEW_SECONDS) amount = 0;
  for (const [unit, size] of STEPS) {
    if (Math.abs(amount) < size) return RELATIVE.format(Math.round(amount), unit);
    amount /= size;
  }
  return RELATIVE.format(Math.round(amount), 'year');
}

export function absolute(iso: string): string {
  return ABSOLUTE.format(new Date(iso));
}

export function numberText(number: number): string {
  return NUMBER.format(number);
}

/** `16 GiB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const amount = bytes / 1024 ** step;
  return `${amount >= 10 ? Math.round(amount) : Math.round(amount * 10) / 10} ${units[step]}`;
}

/** What was chosen, exactly: `90 s`, `2 min`. */
export function durationText(seconds: number): string {
  const units = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
  ] as const;
  const unit = units.find(([size]) => seconds >= size && seconds % size === 0);
  return unit === undefined ? `${seconds} s` : `${seconds / unit[0]} ${unit[1]}`;
}

/** An estimate, no finer than people read it: `40 s`, `3 min`, `2 h 5 min`. */
export function aboutSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

/** `timed_out` as people read it. */
export function spoken(word: string): string {
  return word.replaceAll('_', ' ');
}

/** A word as a POSIX shell reads it back. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A line of the command line; what is undefined or false is left out. */
export function commandLine(...words: readonly (string | undefined | false)[]): string {
  const given = words.filter((word): word is string => typeof word === 'string');
  return ['halflap', ...given.map(shellWord)].join(' ');
}
