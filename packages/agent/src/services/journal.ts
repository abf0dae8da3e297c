// The last lines of a service's journal, as people read them: when, who, what.
// Source: journalctl(1), `--output=json`; systemd.journal-fields(7).

import type { Host } from '../host.js';
import { runProgram } from '../program.js';
import { cut } from '../words.js';
import { unitOf } from './systemctl.js';

const TIMEOUT_MS = 15_000;
/** Longest line that is told; the message that carries it has the same bound. */
const MAX_LINE = 8192;
const MAX_LINES = 1000;
const FIELDS = 'MESSAGE,SYSLOG_IDENTIFIER,_COMM,_PID,SYSLOG_PID';

/**
 * At most so many lines, the newest last; none of a service that has written nothing.
 * @throws Error with a sentence for people when the journal cannot be read.
 */
export async function journalOf(host: Host, service: string, lines: number): Promise<string[]> {
  const unit = unitOf(service);
  if (unit === null) throw new Error(`"${service}" is no name of a service`);
  const count = Math.max(1, Math.min(lines, MAX_LINES));
  const options = ['--no-pager', '--quiet', '--output=json', `--output-fields=${FIELDS}`];
  const which = [`--lines=${count}`, `--unit=${unit}`];
  const outcome = await runProgram(host, ['journalctl', ...options, ...which], {
    timeoutMs: TIMEOUT_MS,
  });
  if (outcome.kind === 'missing') throw new Error('the host has no journal');
  if (outcome.kind === 'failed') throw new Error(outcome.why);
  if (outcome.exitCode !== 0) throw new Error(outcome.stderr.trim() || 'journalctl has failed');
  return outcome.stdout.split('\n').flatMap(lineIn);
}

type Fields = Readonly<Record<string, unknown>>;

function lineIn(json: string): string[] {
  if (json === '') return [];
  const fields = JSON.parse(json) as Fields;
  const time = new Date(Number(fields.__REALTIME_TIMESTAMP) / 1000);
  const who = fieldOf(fields, 'SYSLOG_IDENTIFIER') || fieldOf(fields, '_COMM');
  const id = fieldOf(fields, 'SYSLOG_PID') || fieldOf(fields, '_PID');
  const head = `${time.toISOString()} ${who}${id === '' ? '' : `[${id}]`}:`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: PostgreSQL's text has no NUL.
  const message = fieldOf(fields, 'MESSAGE').replace(/\u0000/g, '');
  return [cut(`${head} ${message}`, MAX_LINE)];
}

/** A field may be a text, the bytes of what is no text, null when it is too long, or several. */
function fieldOf(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return '';
  if (value.every((byte) => typeof byte === 'number')) return Buffer.from(value).toString('utf8');
  return value.filter((one) => typeof one === 'string').join('\n');
}
