// By what hosts are chosen, in lists and for jobs: one set of names for the address, the API and
// the command line.

import type { Filter } from '../../components/filter-bar';
import type { Address } from '../../state/address';

/** Of active hosts: a job goes to no others. */
export const TARGET_FILTERS: readonly Filter[] = [
  { kind: 'text', name: 'search', label: 'Name', example: 'web' },
  { kind: 'text', name: 'label', label: 'Labels', example: 'env=prod,!edge' },
  { kind: 'text', name: 'os', label: 'System', example: 'debian-13' },
  { kind: 'text', name: 'package', label: 'Package', example: 'openssl' },
  { kind: 'text', name: 'service', label: 'Service', example: 'nginx' },
  { kind: 'flag', name: 'online', label: 'Connected' },
  { kind: 'flag', name: 'online', label: 'Away', value: 'false' },
  { kind: 'flag', name: 'security', label: 'Security fixes' },
  { kind: 'flag', name: 'upgradable', label: 'Upgrades' },
  { kind: 'flag', name: 'reboot', label: 'Reboot needed' },
  { kind: 'flag', name: 'failed', label: 'Failed services' },
];

export const HOST_FILTERS: readonly Filter[] = [
  ...TARGET_FILTERS.slice(0, 3),
  { kind: 'choice', name: 'state', label: 'State', options: ['pending', 'active', 'revoked'] },
  ...TARGET_FILTERS.slice(3),
];

/** Names that the command line has for those of the API. */
const FLAGS: Readonly<Record<string, string>> = {
  'online=true': '--online',
  'online=false': '--offline',
  'security=true': '--security',
  'upgradable=true': '--upgradable',
  'reboot=true': '--reboot',
  'failed=true': '--failed-service',
};
const OPTIONS = ['label', 'state', 'hostname', 'search', 'os', 'service', 'package'] as const;

/** The same filters as words of the command line. */
export function filterWords(address: Address): string[] {
  const options = OPTIONS.filter((name) => address.has(name)).flatMap((name) => [
    `--${name}`,
    withPart(address, name),
  ]);
  const flags = Object.entries(FLAGS).flatMap(([pair, flag]) => {
    const [name = '', value] = pair.split('=');
    return address.get(name) === value ? [flag] : [];
  });
  return [...options, ...flags];
}

/** `nginx=failed`, `openssl=3.0.15-1`: the name with its state or version. */
function withPart(address: Address, name: string): string {
  const part = address.get(PARTS[name] ?? '');
  return part === '' ? address.get(name) : `${address.get(name)}=${part}`;
}

const PARTS: Readonly<Record<string, string>> = {
  service: 'serviceState',
  package: 'packageVersion',
};

/** What the API is asked: as in the address, with the names that no field has. */
export function hostQuery(address: Address): Record<string, string> {
  const names = [...HOST_FILTERS.map(({ name }) => name), ...Object.values(PARTS), 'hostname'];
  const given = [...new Set(names)].filter((name) => address.has(name));
  return Object.fromEntries(given.map((name) => [name, address.get(name)]));
}
