// systemctl and journalctl, asked for what programs read. A name of a service reaches them only as
// one argument that begins with no dash and holds no pattern.

import { type Host, isThere } from '../host.js';
import { findProgram } from '../program.js';

/** Names of units, systemd.unit(5), without the characters of patterns. */
const NAME = /^[A-Za-z0-9:._\\@-]{1,255}$/;

/** Whether systemd runs the host, as sd_booted(3) says it, and can be asked. */
export async function hasSystemd(host: Host): Promise<boolean> {
  if (!(await isThere(host, '/run/systemd/system'))) return false;
  return (await findProgram(host, 'systemctl')) !== null;
}

/**
 * The full name of a service; null of what cannot be one. What ends in the name of another kind of
 * unit is no service, so nothing but services is reached.
 */
export function unitOf(service: string): string | null {
  if (!NAME.test(service) || service.startsWith('-')) return null;
  return service.endsWith('.service') ? service : `${service}.service`;
}
