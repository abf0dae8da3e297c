// Servers files of two releases of one application, built by the real parser and compiler from the
// text of their servers.yaml.

import { compileServers, loadParser, nothingStated, parseServers } from '@halflap/engine';
import type { ServersFile } from '@halflap/protocol';

/** Files of releases 1.0 and 2.0 of an application. A text left out states nothing. */
export async function serversFiles(texts: {
  readonly app?: string;
  readonly one?: string;
  readonly two?: string;
}): Promise<{ readonly one: ServersFile; readonly two: ServersFile }> {
  await loadParser();
  const read = (version: string, text: string | undefined) =>
    text === undefined
      ? nothingStated(version)
      : parseServers(text, { file: `${version}/servers.yaml`, version });
  const { app = 'app' } = texts;
  const [from, to] = [read('1.0', texts.one), read('2.0', texts.two)];
  return {
    one: compileServers({ app, from: null, to: from }),
    two: compileServers({ app, from, to }),
  };
}

export const ONE = `
messages:
  host_changed:
    id: integer
    name: text
    owner?: text
    memory_mb?: integer
    street?: text
    city?: text
    tags: [text]
  report:
    host: integer
    packages?: [{ name: text, version: text }]
    services?: [text]
  only_one: { id: integer }
`;

export const TWO = `
features:
  quotas: { about: quotas per team, reversible: true }
  no_way: { about: rows that 1.0 cannot read }
behaviours:
  loud_status: { about: the status in upper case, changed: "2.0", expires: 2030-01-31 }
messages:
  host_moved:
    id: integer
    name: text
    team?: text
    memory_bytes?: integer
    address?: { street?: text, city?: text }
    tags: [text]
    source: text
  packages_found: { host: integer, packages?: [{ name: text, version: text }] }
  services_found: { host: integer, services?: [text] }
  only_two: { id: integer }
changes:
  - rename_message: { message: host_changed, to: host_moved }
  - rename_field: { message: host_changed, field: owner, to: team }
  - convert_field:
      message: host_changed
      field: memory_mb
      to: memory_bytes
      up: memory_mb * 1048576
      down: memory_bytes / 1048576
  - nest_fields: { message: host_changed, fields: [street, city], into: address }
  - add_field: { message: host_moved, field: source, up: "'agent'" }
  - split_message:
      message: report
      into:
        packages_found: { when: packages is not null }
        services_found: { when: services is not null }
`;
