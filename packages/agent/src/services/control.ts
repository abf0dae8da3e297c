// Starts, stops and enables services, and says what systemctl said. Source: systemctl(1).

import type { SERVICE_ACTIONS } from '@halflap/protocol/agent';
import type { Host } from '../host.js';
import { type Outcome, runProgram } from '../program.js';
import { unitOf } from './systemctl.js';

export type ServiceAction = (typeof SERVICE_ACTIONS)[number];

/**
 * Waits until systemd has done it, or has failed. The outcome is systemctl's own: exit code and
 * what it printed.
 */
export async function controlService(
  host: Host,
  action: ServiceAction,
  service: string,
  limits: { readonly timeoutMs: number },
): Promise<Outcome> {
  const unit = unitOf(service);
  if (unit === null) return { kind: 'failed', why: `"${service}" is no name of a service` };
  const options = ['--no-pager', '--no-ask-password'];
  return await runProgram(host, ['systemctl', ...options, action, '--', unit], limits);
}
