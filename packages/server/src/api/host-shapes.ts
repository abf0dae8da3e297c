// Hosts as the API shows them, and the rows that they are made of.

import { type Static, Type } from 'typebox';
import { HOST_STATES } from './host-query.js';
import { Labels } from './labels.js';
import { count, id, instant, nullable, oneOf } from './shapes.js';

const text = () => Type.String();

const summary = {
  id: id(),
  hostname: text(),
  state: oneOf(HOST_STATES),
  labels: Labels,
  online: Type.Boolean(),
  lastSeenAt: nullable(instant()),
  os: Type.Object({ id: nullable(text()), version: nullable(text()), name: nullable(text()) }),
  kernel: nullable(text()),
  architecture: nullable(text()),
  agentVersion: nullable(text()),
  packages: Type.Object({
    installed: count(),
    upgradable: count(),
    security: count(),
    held: count(),
  }),
  servicesFailed: count(),
  rebootReasons: Type.Array(text()),
};

export const HostSummary = Type.Object(summary);
export type HostSummary = Static<typeof HostSummary>;

export const Host = Type.Object({
  ...summary,
  notes: nullable(text()),
  enrolledAt: instant(),
  enrolmentId: nullable(id()),
  approvedBy: nullable(text()),
  machineId: nullable(text()),
  cpu: Type.Object({ model: nullable(text()), cores: nullable(count()) }),
  memoryBytes: nullable(count()),
  swapBytes: nullable(count()),
  bootedAt: nullable(instant()),
  timezone: nullable(text()),
  virtualization: nullable(text()),
  disks: Type.Array(Type.Unsafe<object>({ type: 'object', additionalProperties: true })),
  networks: Type.Array(Type.Unsafe<object>({ type: 'object', additionalProperties: true })),
  reportedAt: nullable(instant()),
  connectedAt: nullable(instant()),
  protocol: nullable(count()),
  allowed: Type.Array(text()),
  server: nullable(Type.String({ description: 'The server that has its session.' })),
});
export type Host = Static<typeof Host>;

/** What `SUMMARY_COLUMNS` selects. */
export interface SummaryRow extends Record<string, unknown> {
  readonly id: string;
  readonly hostname: string;
  readonly state: HostSummary['state'];
  readonly labels: Record<string, string>;
  readonly online: boolean;
  readonly last_seen_at: Date | null;
  readonly os_id: string | null;
  readonly os_version: string | null;
  readonly os_name: string | null;
  readonly kernel: string | null;
  readonly architecture: string | null;
  readonly agent_version: string | null;
  readonly packages_installed: number;
  readonly packages_upgradable: number;
  readonly packages_security: number;
  readonly packages_held: number;
  readonly services_failed: number;
  readonly reboot_reasons: string[];
}

export const SUMMARY_COLUMNS = `h.id, h.hostname, h.state, h.labels, h.last_seen_at,
  coalesce(h.session_expires_at > now(), false) as online,
  h.os_id, h.os_version, h.os_name, h.kernel, h.architecture, h.agent_version,
  h.packages_installed, h.packages_upgradable, h.packages_security, h.packages_held,
  h.services_failed, h.reboot_reasons`;

export function summaryOf(row: SummaryRow): HostSummary {
  return {
    id: row.id,
    hostname: row.hostname,
    state: row.state,
    labels: row.labels,
    online: row.online,
    lastSeenAt: isoOf(row.last_seen_at),
    os: { id: row.os_id, version: row.os_version, name: row.os_name },
    kernel: row.kernel,
    architecture: row.architecture,
    agentVersion: row.agent_version,
    packages: {
      installed: row.packages_installed,
      upgradable: row.packages_upgradable,
      security: row.packages_security,
      held: row.packages_held,
    },
    servicesFailed: row.services_failed,
    rebootReasons: row.reboot_reasons,
  };
}

/** What `HOST_COLUMNS` selects. */
export interface HostRow extends SummaryRow {
  readonly notes: string | null;
  readonly enrolled_at: Date;
  readonly enrolment_id: string | null;
  readonly approved_by: string | null;
  readonly machine_id: string | null;
  readonly cpu_model: string | null;
  readonly cpu_cores: number | null;
  /** As the driver gives an int8. */
  readonly memory_bytes: string | null;
  readonly swap_bytes: string | null;
  readonly booted_at: Date | null;
  readonly timezone: string | null;
  readonly virtualization: string | null;
  readonly disks: object[];
  readonly networks: object[];
  readonly reported_at: Date | null;
  readonly connected_at: Date | null;
  readonly protocol: number | null;
  readonly allowed: string[];
  readonly server: string | null;
}

export const HOST_COLUMNS = `${SUMMARY_COLUMNS}, h.notes, h.enrolled_at, h.enrolment_id,
  h.approved_by, h.machine_id, h.cpu_model, h.cpu_cores, h.memory_bytes, h.swap_bytes, h.booted_at,
  h.timezone, h.virtualization, h.disks, h.networks, h.reported_at, h.connected_at, h.protocol,
  h.allowed, h.server`;

export function hostOf(row: HostRow): Host {
  return {
    ...summaryOf(row),
    notes: row.notes,
    enrolledAt: row.enrolled_at.toISOString(),
    enrolmentId: row.enrolment_id,
    approvedBy: row.approved_by,
    machineId: row.machine_id,
    cpu: { model: row.cpu_model, cores: row.cpu_cores },
    memoryBytes: numberOf(row.memory_bytes),
    swapBytes: numberOf(row.swap_bytes),
    bootedAt: isoOf(row.booted_at),
    timezone: row.timezone,
    virtualization: row.virtualization,
    disks: row.disks,
    networks: row.networks,
    reportedAt: isoOf(row.reported_at),
    connectedAt: isoOf(row.connected_at),
    protocol: row.protocol,
    allowed: row.allowed,
    server: row.server,
  };
}

export function isoOf(date: Date | null): string | null {
  return date?.toISOString() ?? null;
}

function numberOf(text: string | null): number | null {
  return text === null ? null : Number(text);
}
