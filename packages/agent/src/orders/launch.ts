// Starts the supervisor of a run so that it outlives the agent. Where systemd runs the host, in a
// transient unit of its own: systemd ends all processes of a unit with it, and a package's upgrade
// restarts the agent's unit while the supervisor carries out that very upgrade. Elsewhere in a
// session of its own. Source: systemd-run(1), systemd.kill(5), sd_booted(3).

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { promisify } from 'node:util';
import type { OrderKind } from '@halflap/protocol/agent';
import { PATH } from './work.js';

export interface Launched {
  readonly run: string;
  readonly directory: string;
  readonly kind: OrderKind;
  /** Whether it may have been launched before; the name of a unit can be used once. */
  readonly isAgain: boolean;
}

/** A host that goes down waits this long for a package transaction. */
const TRANSACTION_STOP = '15min';
const SD_BOOTED = '/run/systemd/system';

const execute = promisify(execFile);

/**
 * @param command a program and its first arguments; the run's directory is the last one.
 * @throws the system's error, or systemd's words, when it could not be started.
 */
export async function launch(command: readonly string[], launched: Launched): Promise<void> {
  const whole = [...command, launched.directory];
  const isSystemd = process.getuid?.() === 0 && (await fs.stat(SD_BOOTED).then(...YES_OR_NO));
  const [program = '', ...args] = isSystemd ? inUnit(whole, launched) : whole;
  // Nothing of the agent's environment: it may hold secrets.
  const options = { cwd: '/', env: { PATH } };
  if (isSystemd) {
    await execute(program, args, options);
    return;
  }
  const child = spawn(program, args, { ...options, detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  child.unref();
}

const YES_OR_NO = [() => true, () => false] as const;

/** The command line that runs another one in a unit of its own. */
export function inUnit(command: readonly string[], { run, kind, isAgain }: Launched): string[] {
  const unit = `halflap-run-${run}${isAgain ? `-${process.pid}` : ''}`;
  const properties = kind === 'packages' ? GENTLE : ['KillMode=mixed'];
  return [
    'systemd-run',
    `--unit=${unit}`,
    `--description=Halflap run ${run}`,
    '--collect',
    '--quiet',
    ...properties.map((property) => `--property=${property}`),
    '--',
    ...command,
  ];
}

/** Only the supervisor hears of the unit's end, and it has time; nothing is killed after that. */
const GENTLE = ['KillMode=process', 'SendSIGKILL=no', `TimeoutStopSec=${TRANSACTION_STOP}`];
