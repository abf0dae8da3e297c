// Every operation of the API that a command uses. The types of their answers are the server's own.

import type {
  Host,
  HostEvent,
  HostPackage,
  HostService,
  HostSummary,
  PackageName,
  Page,
  ServiceName,
} from '@halflap/server';
import { answering } from './operation.js';

const PAGING = ['limit', 'cursor'] as const;

/** By what hosts are chosen. */
export const HOST_FILTERS = [
  'state',
  'label',
  'hostname',
  'search',
  'os',
  'online',
  'upgradable',
  'security',
  'reboot',
  'failed',
  'service',
  'serviceState',
  'package',
  'packageVersion',
] as const;

export const OPERATIONS = {
  listHosts: answering<Page<HostSummary>>()({
    method: 'GET',
    path: '/api/v1/hosts',
    query: [...PAGING, ...HOST_FILTERS, 'sort', 'order', 'total'],
  }),
  showHost: answering<Host>()({ method: 'GET', path: '/api/v1/hosts/{id}' }),
  listHostPackages: answering<Page<HostPackage>>()({
    method: 'GET',
    path: '/api/v1/hosts/{id}/packages',
    query: [...PAGING, 'search', 'upgradable', 'security', 'held'],
  }),
  listHostServices: answering<Page<HostService>>()({
    method: 'GET',
    path: '/api/v1/hosts/{id}/services',
    query: [...PAGING, 'search', 'active'],
  }),
  listHostEvents: answering<Page<HostEvent>>()({
    method: 'GET',
    path: '/api/v1/hosts/{id}/events',
    query: PAGING,
  }),
  listPackages: answering<Page<PackageName>>()({
    method: 'GET',
    path: '/api/v1/packages',
    query: [...PAGING, 'search'],
  }),
  listServices: answering<Page<ServiceName>>()({
    method: 'GET',
    path: '/api/v1/services',
    query: [...PAGING, 'search'],
  }),
} as const;
