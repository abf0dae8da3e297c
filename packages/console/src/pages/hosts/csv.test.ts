import type { HostSummary } from '@halflap/server';
import { describe, expect, it } from 'vitest';
import { csvLine } from './csv';

const HOST: HostSummary = {
  id: '0af5d69b-c441-8600-9802-facada9a5229',
  hostname: 'web-1',
  state: 'active',
  labels: { env: 'prod', role: 'web' },
  online: true,
  lastSeenAt: null,
  os: { id: 'debian', version: '13', name: 'Debian "trixie", 13' },
  kernel: null,
  architecture: null,
  agentVersion: null,
  packages: { installed: 3, upgradable: 2, security: 1, held: 0 },
  servicesFailed: 0,
  rebootReasons: [],
};

describe('csvLine', () => {
  it('quotes what has commas and quotes', () => {
    expect(csvLine(HOST)).toContain(',active,true,,"Debian ""trixie"", 13",');
    expect(csvLine(HOST)).toMatch(/,3,2,1,0,0,,env=prod role=web$/);
  });

  it('makes no formula of what a host calls itself', () => {
    expect(csvLine({ ...HOST, hostname: '=cmd()' })).toContain(",'=cmd(),");
  });
});
