// Tells people by mail: what is due for the same people at once goes into one mail.

import { createTransport } from 'nodemailer';
import type { Payload } from './payload.js';

export interface MailOptions {
  /** `smtps://USER:PASSWORD@HOST` (TLS), or `smtp://HOST:587` (STARTTLS where it is offered). */
  readonly url: string;
  readonly from: string;
}

/** For each of connection, greeting and answer. */
const LIMIT_MS = 10_000;
/** Alerts that the subject names. */
const NAMED = 1;

/** @param id of the first delivery: by it a mail that comes twice is known to be one. */
export async function sendMail(
  { url, from }: MailOptions,
  to: readonly string[],
  { id, payloads }: { readonly id: string; readonly payloads: readonly Payload[] },
): Promise<void> {
  const transport = transportOf(url, LIMIT_MS);
  try {
    await transport.sendMail({
      ...{ from, to: [...to], messageId: `<${id}@halflap>` },
      headers: { 'Auto-Submitted': 'auto-generated' },
      subject: subjectOf(payloads),
      text: `${payloads.map(paragraphOf).join('\n\n')}\n`,
    });
  } finally {
    transport.close();
  }
}

/** Whether the mail server lets this one in; sends nothing. @throws why not */
export async function verifyMail({ url }: MailOptions, timeoutMs: number): Promise<void> {
  const transport = transportOf(url, timeoutMs);
  try {
    await transport.verify();
  } finally {
    transport.close();
  }
}

function transportOf(url: string, limitMs: number) {
  return createTransport({
    ...{ url, disableFileAccess: true, disableUrlAccess: true },
    ...{ connectionTimeout: limitMs, greetingTimeout: limitMs, socketTimeout: limitMs },
  });
}

function subjectOf(payloads: readonly Payload[]): string {
  const [first] = payloads;
  if (first === undefined) return '[halflap]';
  const line = `[halflap] ${wordOf(first)}: ${lineOf(nameOf(first))}`;
  return payloads.length === NAMED ? line : `${line} and ${payloads.length - NAMED} more`;
}

function paragraphOf(payload: Payload): string {
  const { alert } = payload;
  if (alert === null) return 'This is a test: alerts come to this address.';
  const times = [`open since ${alert.openedAt}`];
  if (alert.resolvedAt !== null) times.push(`resolved at ${alert.resolvedAt}`);
  return [
    `${wordOf(payload)}: ${lineOf(alert.name)}`,
    `  ${lineOf(alert.message)}`,
    `  rule ${alert.rule}, ${times.join(', ')}`,
    `  subject ${alert.subject}`,
  ].join('\n');
}

function nameOf({ alert }: Payload): string {
  return alert === null ? 'a test' : `${alert.name}: ${alert.message}`;
}

function wordOf({ event, alert }: Payload): string {
  if (event === 'opened') return alert?.severity ?? event;
  return event;
}

/** Names and messages come from hosts: no lines of their own, nothing that moves a cursor. */
function lineOf(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, 300);
}
