// What a job is asked as. The shapes validate requests and make their document; what a shape cannot
// say is checked by `checkWork`.

import { HalflapError } from '@halflap/protocol';
import { Work } from '@halflap/protocol/agent';
import { type Static, Type } from 'typebox';

/** Hosts of one job. */
export const MOST_HOSTS = 50_000;
/** Of the work as JSON: each run holds it while it is open. */
export const MOST_WORK_BYTES = 64 * 1024;

const HOUR = 3600;
const DAY = 24 * HOUR;

/** What holds where a request does not say otherwise. */
export const DEFAULTS = {
  concurrency: 50,
  waitSeconds: HOUR,
  timeoutSeconds: HOUR,
  totalSeconds: DAY,
  lostSeconds: HOUR,
  outputLimitBytes: 1024 * 1024,
} as const;

/** A number of hosts, or a part of all hosts of the job. */
const Share = Type.Union([
  Type.Object(
    { hosts: Type.Integer({ minimum: 1, maximum: MOST_HOSTS }) },
    { additionalProperties: false },
  ),
  Type.Object(
    { percent: Type.Number({ exclusiveMinimum: 0, maximum: 100 }) },
    { additionalProperties: false },
  ),
]);
export type Share = Static<typeof Share>;

/** How a job goes through its hosts. */
export const pacing = {
  batch: Type.Optional(
    Type.Union([Share, Type.Null()], {
      description: 'A batch begins when the one before has ended. Null: all hosts are one batch.',
      default: null,
    }),
  ),
  concurrency: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MOST_HOSTS,
      default: DEFAULTS.concurrency,
      description: 'Hosts at work at once, whatever the batch.',
    }),
  ),
  stopAfter: Type.Optional(
    Type.Union([Share, Type.Null()], {
      description: 'Failures after which no further host begins; a percentage is of all hosts.',
      default: null,
    }),
  ),
  waitSeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 30 * DAY,
      default: DEFAULTS.waitSeconds,
      description: 'How long a host may be offline once it is its turn.',
    }),
  ),
  timeoutSeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 7 * DAY,
      default: DEFAULTS.timeoutSeconds,
      description: 'How long a host may take.',
    }),
  ),
  totalSeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 30 * DAY,
      default: DEFAULTS.totalSeconds,
      description: 'When all that has not ended is stopped.',
    }),
  ),
  lostSeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 30 * DAY,
      default: DEFAULTS.lostSeconds,
      description: 'How long a host that should be done, or was to stop, is waited for.',
    }),
  ),
  outputLimitBytes: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 16 * 1024 * 1024,
      default: DEFAULTS.outputLimitBytes,
      description: 'Output of a host that is kept; the run says how much was left out.',
    }),
  ),
};

export const JobSpec = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 255 }), work: Work, ...pacing },
  { additionalProperties: false },
);
export type JobSpec = Static<typeof JobSpec>;

/** A share of `total`, rounded up: no batch is empty, and one failure of few is enough. */
export function hostsOf(share: Share, total: number): number {
  if ('hosts' in share) return share.hosts;
  return Math.max(1, Math.ceil((share.percent * total) / 100));
}

/** @throws API_INVALID for work that no agent would take. */
export function checkWork(work: Work): void {
  const text = JSON.stringify(work);
  if (Buffer.byteLength(text) > MOST_WORK_BYTES) {
    throw invalid('body.work', `at most ${MOST_WORK_BYTES} bytes as JSON`);
  }
  if (text.includes('\\u0000')) throw invalid('body.work', 'text without NUL');
  if (work.kind === 'packages') checkPackages(work);
}

function checkPackages({ action, packages, onlySecurity }: Extract<Work, { kind: 'packages' }>) {
  if (packages.length === 0 && action !== 'upgrade') {
    throw invalid('body.work.packages', `at least one with ${action}`);
  }
  if (onlySecurity && (action !== 'upgrade' || packages.length > 0)) {
    throw invalid('body.work.onlySecurity', 'only with upgrade, and without packages');
  }
  if (action === 'downgrade' && packages.some(({ version }) => version === null)) {
    throw invalid('body.work.packages', 'a version of each with downgrade');
  }
}

export function invalid(field: string, rule: string): HalflapError {
  return new HalflapError('API_INVALID', `${field} must be: ${rule}`, {
    detail: { fields: [{ field, rule }] },
    hint: `correct ${field}`,
  });
}
