// A service of systemd, by systemctl(1), which waits until the service has done what it was asked.

import { codeOf } from '../durable.js';
import type { Program } from './program.js';
import {
  failed,
  type Outcome,
  outcomeOf,
  PLAIN_ENVIRONMENT,
  type WorkHost,
  type WorkOf,
} from './work.js';

type Service = WorkOf<'service'>;

export async function runService(work: Service, host: WorkHost): Promise<Outcome> {
  try {
    return outcomeOf(`systemctl ${work.action} ${work.service}`, await host.run(systemctl(work)));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return failed('this host has no systemctl');
    throw error;
  }
}

export function systemctl({ action, service }: Service): Program {
  return {
    path: 'systemctl',
    args: ['--no-ask-password', '--no-pager', '--quiet', action, '--', service],
    directory: '/',
    environment: PLAIN_ENVIRONMENT,
  };
}
