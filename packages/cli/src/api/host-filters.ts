// From the options by which hosts are chosen to the filters of the API.

import type { Scalar } from './operation.js';
import type { HOST_FILTERS } from './operations.js';

/** options.ts declares them. */
export interface HostFilterOptions {
  readonly label?: readonly string[];
  readonly state?: string;
  readonly hostname?: string;
  readonly search?: string;
  readonly os?: string;
  readonly online?: boolean;
  readonly offline?: boolean;
  readonly upgradable?: boolean;
  readonly security?: boolean;
  readonly reboot?: boolean;
  readonly failedService?: boolean;
  readonly service?: string;
  readonly package?: string;
}

type Filter = (typeof HOST_FILTERS)[number];
export type HostQuery = Partial<Record<Filter, Scalar | readonly string[] | undefined>>;

export function hostQuery(options: HostFilterOptions): HostQuery {
  const { label, state, hostname, search, os, upgradable, security, reboot } = options;
  const [service, serviceState] = partsOf(options.service);
  const [name, packageVersion] = partsOf(options.package);
  return {
    ...{ label, state, hostname, search, os, upgradable, security, reboot },
    online: options.offline === true ? false : options.online,
    failed: options.failedService,
    ...{ service, serviceState, package: name, packageVersion },
  };
}

/** `openssl=3.0.1`; a name has no equals sign, a version may. */
function partsOf(text: string | undefined): [string | undefined, string | undefined] {
  const at = text?.indexOf('=') ?? -1;
  return text === undefined || at === -1
    ? [text, undefined]
    : [text.slice(0, at), text.slice(at + 1)];
}
