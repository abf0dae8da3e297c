// How long a server that sends somebody away asks for (RFC 9110, section 10.2.3).

/** More is not believed: whoever is told to stay away for good would do so. */
const LONGEST_MS = 3_600_000;

/** Of a header's text; null when it says nothing. @param now in ms since 1970 */
export function retryAfterMs(header: string | undefined, now: number): number | null {
  if (header === undefined) return null;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? null : Math.min(LONGEST_MS, Math.max(0, ms));
}
