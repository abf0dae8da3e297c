// The last gate before something leaves for somebody who helps from afar: whatever a text is made
// of, what is known for a secret, or looks like one, is taken out.
//
// What goes into a bundle is chosen so that it holds none; this is for what a message quotes.

import { redact } from '../secrets.js';

const GONE = '***';

/** What a value is called that is a secret, and how a quotation mark may stand there. */
const NAMES = 'pass(?:word|wd|phrase)?|secret|token|authorization|cookie|private_?key|api_?key';
const MARK = `\\\\?["']?`;

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // Keys in PEM, also where their lines are one.
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, GONE],
  // What is before the host in a URL: a token may stand alone there.
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"'<>]+@/gi, `$1${GONE}@`],
  [/([?&](?:password|token|secret|key|code|state|sig)=)[^&\s"']+/gi, `$1${GONE}`],
  // Halflap's own tokens and secrets of webhooks.
  [/\bhl[a-z]_[A-Za-z0-9_-]{8,}/g, GONE],
  [/\b(bearer|basic) +[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${GONE}`],
  [/\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g, GONE],
  [/(__Host-[a-z_]+=)[^;\s"]+/gi, `$1${GONE}`],
  [/\$argon2[a-z]*\$[^\s"]+/g, GONE],
  // `"clientSecret":"…"`, `password=…`, `api-token: …`, in logs of anybody.
  [
    new RegExp(`((?:${NAMES})[a-z_-]*${MARK}\\s*[:=]\\s*${MARK})[^\\s"',;\\\\}]+`, 'gi'),
    `$1${GONE}`,
  ],
];

/** A text without secrets. */
export function scrub(text: string): string {
  return PATTERNS.reduce(
    (clean, [pattern, replacement]) => clean.replace(pattern, replacement),
    redact(withoutHalfKey(text)),
  );
}

/** Of a key whose beginning was cut off, nothing tells where it begins: all before its end goes. */
function withoutHalfKey(text: string): string {
  const end = text.search(/-----END [A-Z ]*PRIVATE KEY-----/);
  const begin = text.search(/-----BEGIN [A-Z ]*PRIVATE KEY-----/);
  return end === -1 || (begin !== -1 && begin < end) ? text : GONE + text.slice(end);
}

/** A value as JSON; each of its texts is scrubbed before it is quoted. */
export function scrubbedJson(value: unknown): string {
  const clean = (_: string, one: unknown) => (typeof one === 'string' ? scrub(one) : one);
  return `${JSON.stringify(value, clean, 2)}\n`;
}
