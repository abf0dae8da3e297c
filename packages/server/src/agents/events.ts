// What happened to a host, for people: one line each, on the host's shard.

import type { ClientBase } from 'pg';

export const EVENT_KINDS = [
  'enrolled',
  'approved',
  'revoked',
  'booted',
  'reboot_needed',
  'agent',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export interface HostEvent {
  readonly kind: EventKind;
  readonly message: string;
  readonly severity?: 'info' | 'warning' | 'error';
  readonly detail?: object;
}

/** In the transaction that does what it tells. */
export async function noteEvent(client: ClientBase, host: string, event: HostEvent): Promise<void> {
  const { kind, message, severity = 'info', detail = {} } = event;
  await client.query(
    `insert into host_events (host_id, kind, severity, message, detail)
     values ($1, $2, $3, $4, $5)`,
    [host, kind, severity, message, JSON.stringify(detail)],
  );
}
