// The HTTP APIs of the two releases, as their clients know them: where each puts what.
//
// Units are converted here by plain arithmetic, outside of everything that is being tested.

import type { Answered, Facts } from './facts.js';

export type ReleaseName = '1.0' | '2.0';

/** Fields to write; absent ones stay. */
export type Edit = Partial<Pick<Facts, 'owner' | 'site' | 'memoryMb' | 'tags'>>;

export interface Dialect {
  edit(edit: Edit): Record<string, unknown>;
  status(status: string, reason: string | null): Record<string, unknown>;
  host(body: Json): Answered;
}

export type Json = Readonly<Record<string, unknown>>;

const BYTES_PER_MB = 1024 * 1024;

export const DIALECTS: Readonly<Record<ReleaseName, Dialect>> = {
  '1.0': {
    edit: (edit) => ({ ...edit }),
    status: (status, reason) => ({ status, reason }),
    host: (body) => ({
      ...common(body),
      owner: String(body.owner),
      memoryMb: body.memoryMb as number | null,
      status: String(body.status),
      reason: body.statusReason as string | null,
      heartbeats: Number(body.heartbeatCount),
      lastSeen: body.lastSeen as string | null,
      load: body.load as number | null,
      agentVersion: body.agentVersion as string | null,
    }),
  },
  '2.0': {
    edit: ({ owner, memoryMb, ...same }) => ({
      ...same,
      ...(owner === undefined ? {} : { team: owner }),
      ...(memoryMb === undefined || memoryMb === null
        ? {}
        : { memoryBytes: memoryMb * BYTES_PER_MB }),
    }),
    status: (state, reason) => ({ state, reason }),
    host(body) {
      const heartbeat = (body.heartbeat ?? {}) as Json;
      const status = body.status as Json;
      const bytes = body.memoryBytes as number | null;
      return {
        ...common(body),
        owner: String(body.team),
        memoryMb: bytes === null ? null : bytes / BYTES_PER_MB,
        status: String(status.state),
        reason: status.reason as string | null,
        heartbeats: Number(heartbeat.count ?? 0),
        lastSeen: (heartbeat.lastSeen ?? null) as string | null,
        load: (heartbeat.load ?? null) as number | null,
        agentVersion: (heartbeat.agentVersion ?? null) as string | null,
      };
    },
  },
};

function common(body: Json) {
  return {
    id: String(body.id),
    name: String(body.name),
    site: body.site as string | null,
    tags: body.tags as string[],
  };
}
