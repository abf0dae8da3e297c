// Which operating system a host has. Source: os-release(5).

import type { SystemFacts } from '@halflap/protocol/agent';
import { type Host, readText } from '../host.js';
import { nameOf, text } from '../words.js';

export async function osOf(host: Host): Promise<SystemFacts['os']> {
  const content =
    (await readText(host, '/etc/os-release')) ?? (await readText(host, '/usr/lib/os-release'));
  const values = valuesOf(content ?? '');
  // What the manual says of a system that leaves these out.
  const id = nameOf(values.get('ID') || 'linux');
  const name = text(values.get('PRETTY_NAME') || values.get('NAME') || 'Linux');
  return { id, version: text(values.get('VERSION_ID') ?? ''), name };
}

/** Assignments as a shell reads them, of which the format allows the plain ones only. */
function valuesOf(content: string): ReadonlyMap<string, string> {
  const lines = content.matchAll(
    /^([A-Z][A-Z0-9_]*)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S*))\s*$/gm,
  );
  return new Map(
    [...lines].map(([, key = '', double, single, bare]) => [
      key,
      double?.replace(/\\(["$`\\])/g, '$1') ?? single ?? bare ?? '',
    ]),
  );
}
