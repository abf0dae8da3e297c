// Looks at everything and says what was found.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { contextOf, type GlobalOptions } from '../context.js';
import { exitCodeOf, type Finding } from '../doctor/check.js';
import { type Diagnosis, diagnose } from '../doctor/whole.js';
import { doctorText } from '../doctor-view.js';
import { addressOf } from '../server-config.js';

export interface DoctorOptions {
  readonly data?: string;
  readonly listen?: string;
  readonly agents?: string;
  readonly name?: string;
  readonly timeout?: number;
}

/** Long for an answer, short for somebody who waits for the whole. */
export const TIMEOUT_MS = 5000;
/** To PostgreSQL, 0 is no limit at all. */
const LEAST_TIMEOUT_MS = 100;
const LONG_SECONDS = 300;

export async function run(options: DoctorOptions, command: Command): Promise<void> {
  const { printer } = contextOf(command);
  const { findings } = await look(options, command);
  printer.json({ checks: findings.map(jsonOf) });
  printer.line(doctorText(findings, printer));
  process.exitCode = exitCodeOf(findings);
}

/** @throws COMMAND_INVALID */
export function look(options: DoctorOptions, command: Command): Promise<Diagnosis> {
  const { config: file } = command.optsWithGlobals<GlobalOptions>();
  const { data, name, timeout = TIMEOUT_MS } = options;
  const timeoutMs = Math.max(LEAST_TIMEOUT_MS, timeout);
  return diagnose({
    ...{ file: resolve(file), timeoutMs, longSeconds: LONG_SECONDS, clock: () => new Date() },
    isNamed: command.parent?.getOptionValueSource('config') === 'cli',
    listen: addressOf(options.listen, '--listen'),
    agents: addressOf(options.agents, '--agents'),
    ...(data === undefined ? {} : { data }),
    ...(name === undefined ? {} : { name }),
  });
}

/** As programs read it. */
export function jsonOf({ check, of, state, found, next }: Finding) {
  return { check, of, state, found, next };
}
