// Runs the agent of this host until it is asked to end.

import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import {
  type Address,
  type AgentOptions,
  type FirstTrust,
  hostParts,
  parseAddress,
  runAgent,
  systemClock,
} from '@halflap/agent';
import { HalflapError } from '@halflap/protocol';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import { createLog } from '../log.js';
import { readAuthority } from '../read-authority.js';
import { readSecret } from '../secrets.js';

interface AgentCommandOptions {
  readonly server?: readonly string[];
  readonly enrol?: string;
  readonly enrolFile?: string;
  readonly caPin?: string;
  readonly ca?: string;
  readonly state: string;
  readonly policy: string;
}

/** What is told at the first Ctrl-C. */
const STOPPING = 'stopping: what servers have asked goes on, and is told by the next agent';
const MACHINE_ID = '/etc/machine-id';

export async function run(options: AgentCommandOptions, command: Command): Promise<void> {
  const { printer } = contextOf(command);
  const version = command.parent?.version() ?? '';
  const log = createLog(printer);
  const stateDirectory = resolve(options.state);
  const servers = serversOf(options);
  const parts = hostParts({
    host: { root: '/', enter: [], log },
    ...{ version, stateDirectory, log, clock: systemClock, random: Math.random },
    policyFile: resolve(options.policy),
  });
  await interruptible(
    printer.note,
    (signal) =>
      runAgent(
        {
          ...{ stateDirectory, servers, parts, log, clock: systemClock, random: Math.random },
          enrolment: enrolmentOf(options, version),
          onState: (state) => printer.json({ event: 'session', ...state }),
        },
        signal,
      ),
    STOPPING,
  );
}

function serversOf({ server = [] }: AgentCommandOptions): readonly Address[] {
  if (server.length > 0) return server.map(parseAddress);
  throw new HalflapError('COMMAND_INVALID', 'no server is named', {
    hint: 'halflap agent --server HOST:PORT; any server of the cluster will do, several are better',
  });
}

function enrolmentOf(options: AgentCommandOptions, version: string): AgentOptions['enrolment'] {
  const token = tokenOf(options);
  if (token === undefined) return null;
  return {
    token,
    trust: trustOf(options),
    hostname: hostname(),
    machineId: existsSync(MACHINE_ID) ? readFileSync(MACHINE_ID, 'utf8').trim() || null : null,
    agentVersion: version,
  };
}

function tokenOf({ enrol, enrolFile, state }: AgentCommandOptions): string | undefined {
  if (enrol !== undefined) return enrol;
  if (enrolFile === undefined) return undefined;
  // A unit names the file for ever; once the host has enrolled it may be taken away.
  const isThere = existsSync(enrolFile) || !existsSync(join(state, 'identity.json'));
  return isThere ? readSecret({ file: resolve(enrolFile) }, 'token of the enrolment') : undefined;
}

function trustOf({ ca, caPin }: AgentCommandOptions): FirstTrust {
  if (caPin !== undefined) return { pin: caPin };
  if (ca !== undefined) return { authorities: readAuthority(ca) };
  throw new HalflapError('COMMAND_INVALID', 'nothing says which cluster is trusted', {
    hint: 'add --ca-pin sha256:…, as halflap tokens create prints it, or --ca FILE',
  });
}
