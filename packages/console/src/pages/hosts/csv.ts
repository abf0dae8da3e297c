// The list of hosts as a file for spreadsheets: all pages of what is filtered.

import type { HostSummary, Page } from '@halflap/server';
import { ask, type Query } from '../../api/client';
import { saveFile } from '../../state/save-file';

const PAGE = 200;

const COLUMNS: Readonly<Record<string, (host: HostSummary) => string | number | boolean | null>> = {
  id: ({ id }) => id,
  hostname: ({ hostname }) => hostname,
  state: ({ state }) => state,
  connected: ({ online }) => online,
  seen: ({ lastSeenAt }) => lastSeenAt,
  system: ({ os }) => os.name,
  kernel: ({ kernel }) => kernel,
  architecture: ({ architecture }) => architecture,
  agent: ({ agentVersion }) => agentVersion,
  installed: ({ packages }) => packages.installed,
  upgradable: ({ packages }) => packages.upgradable,
  security: ({ packages }) => packages.security,
  held: ({ packages }) => packages.held,
  'failed services': ({ servicesFailed }) => servicesFailed,
  reboot: ({ rebootReasons }) => rebootReasons.join(' '),
  labels: ({ labels }) =>
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(' '),
};

/** Gives the browser the file. @param onHosts how many there are so far */
export async function saveCsv(query: Query, onHosts: (count: number) => void): Promise<void> {
  const lines = [Object.keys(COLUMNS).join(',')];
  let cursor: string | null = null;
  do {
    const asked: Query = { ...query, limit: PAGE, cursor };
    const page: Page<HostSummary> = await ask('GET', '/api/v1/hosts', { query: asked });
    lines.push(...page.items.map(csvLine));
    onHosts(lines.length - 1);
    cursor = page.next;
  } while (cursor !== null);
  saveFile('hosts.csv', `${lines.join('\r\n')}\r\n`, 'text/csv');
}

export function csvLine(host: HostSummary): string {
  return Object.values(COLUMNS)
    .map((cell) => csvCell(cell(host)))
    .join(',');
}

/** RFC 4180; and no formula: spreadsheets compute what begins so, wherever it came from. */
function csvCell(value: string | number | boolean | null): string {
  const text = String(value ?? '');
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
