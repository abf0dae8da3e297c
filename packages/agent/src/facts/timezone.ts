// The time zone of a host, as its name: localtime(5) wants a link to it; Debian keeps the name in a
// file besides, for when the link was made a copy.

import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { type Host, readText } from '../host.js';
import { text } from '../words.js';

/** `UTC` where the host has set none. */
export async function timezoneOf(host: Host): Promise<string> {
  const target = await fs.readlink(join(host.root, '/etc/localtime')).catch(() => '');
  const linked = /zoneinfo\/(.+)$/.exec(target)?.[1];
  return text(linked ?? (await readText(host, '/etc/timezone')) ?? '') || 'UTC';
}
