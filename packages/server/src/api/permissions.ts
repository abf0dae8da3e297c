// Who may do what: permissions, and the roles that hold them.
//
// Invariant: a route names one permission; a role is a set of them; a user or an API token has
// roles, each for all hosts or for those that a selector matches. What belongs to no host (users,
// the audit log) takes a role that is for all hosts. docs/api.md has this table; a test compares
// the two.

interface PermissionEntry {
  /** `hosts`: also with a role for some hosts, and then for those; `fleet`: not so. */
  readonly of: 'hosts' | 'fleet';
  readonly about: string;
}

export const PERMISSIONS = {
  'hosts:read': { of: 'hosts', about: 'see hosts, their packages, services and events' },
  'hosts:write': {
    of: 'hosts',
    about: 'change labels and notes of hosts, approve and revoke them',
  },
  'jobs:read': { of: 'hosts', about: 'see jobs, their results and output' },
  'jobs:run': { of: 'hosts', about: 'start, cancel and retry jobs' },
  'alerts:read': { of: 'hosts', about: 'see alerts' },
  'alerts:write': { of: 'hosts', about: 'acknowledge alerts' },
  'tokens:read': { of: 'fleet', about: 'see enrolment tokens' },
  'tokens:write': { of: 'fleet', about: 'make and revoke enrolment tokens' },
  'cluster:read': {
    of: 'fleet',
    about: 'see servers, shards, clusters, campaigns, rules and targets of alerts',
  },
  'cluster:write': {
    of: 'fleet',
    about: 'declare clusters, run campaigns, change rules and targets of alerts',
  },
  'itself:write': {
    of: 'fleet',
    about: 'declare Halflap itself as a cluster, and add bundles for it',
  },
  'campaigns:approve': {
    of: 'fleet',
    about: 'approve plans of campaigns, and each step that nothing leads back from',
  },
  'authority:write': {
    of: 'fleet',
    about: 'replace the authority and the key of orders, and give up old ones',
  },
  'bus:manage': {
    of: 'fleet',
    about: 'see what waits on the bus between servers, give parked messages back, discard them',
  },
  'metrics:read': { of: 'fleet', about: 'read metrics of a server' },
  'audit:read': { of: 'fleet', about: 'read and verify the audit log' },
  'users:read': { of: 'fleet', about: 'see users, their roles, and API tokens of everybody' },
  'users:write': { of: 'fleet', about: 'make, change and remove users, roles and API tokens' },
} as const satisfies Record<string, PermissionEntry>;

export type Permission = keyof typeof PERMISSIONS;

const SEEING = ['hosts:read', 'jobs:read', 'alerts:read', 'cluster:read'] as const;

export const ROLES = {
  viewer: SEEING,
  operator: [
    ...SEEING,
    'hosts:write',
    'jobs:run',
    'alerts:write',
    'tokens:read',
    'tokens:write',
    'cluster:write',
    'campaigns:approve',
    'metrics:read',
  ],
  auditor: [...SEEING, 'tokens:read', 'users:read', 'audit:read'],
  admin: Object.keys(PERMISSIONS) as Permission[],
} as const satisfies Record<string, readonly Permission[]>;

export type Role = keyof typeof ROLES;
export const ROLE_NAMES = Object.keys(ROLES) as readonly Role[];

export function roleHas(role: Role, permission: Permission): boolean {
  return (ROLES[role] as readonly Permission[]).includes(permission);
}
