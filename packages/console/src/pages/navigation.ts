// The pages that the navigation leads to, and what one has to be allowed to for each.

import type { Permission } from '@halflap/server/permissions';

export interface NavigationEntry {
  readonly path: string;
  readonly text: string;
  readonly permission?: Permission;
}

export interface NavigationGroup {
  readonly group: string;
  readonly entries: readonly NavigationEntry[];
}

export const NAVIGATION: readonly NavigationGroup[] = [
  {
    group: 'Fleet',
    entries: [
      { path: '/', text: 'Home' },
      { path: '/clusters', text: 'Clusters', permission: 'cluster:read' },
      { path: '/campaigns', text: 'Campaigns', permission: 'cluster:read' },
      { path: '/hosts', text: 'Hosts', permission: 'hosts:read' },
      { path: '/jobs', text: 'Jobs', permission: 'jobs:read' },
      { path: '/packages', text: 'Packages', permission: 'hosts:read' },
      { path: '/services', text: 'Services', permission: 'hosts:read' },
      { path: '/alerts', text: 'Alerts', permission: 'alerts:read' },
    ],
  },
  {
    group: 'Access',
    entries: [
      { path: '/tokens', text: 'Enrolment tokens', permission: 'tokens:read' },
      { path: '/users', text: 'Users and roles', permission: 'users:read' },
      { path: '/api-tokens', text: 'API tokens' },
      { path: '/audit', text: 'Audit log', permission: 'audit:read' },
      { path: '/settings', text: 'Settings' },
    ],
  },
];
