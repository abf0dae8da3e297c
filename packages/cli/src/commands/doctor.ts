// The options of `halflap doctor` and its help; actions/doctor.ts is what it does.

import type { Command } from 'commander';
import { parseDuration } from '../duration.js';
import { onDemand } from '../on-demand.js';

const HELP = `
Looks at all of it side by side, changes nothing and takes no lease: the configuration, every shard
(reachable, version, phase, clock, connections, rights, transactions, catalogue), and of the system
management application its store, servers, bus, keys, certificates, audit log, and the server of
this machine. Each line says what was found and what to do next.

With failures it ends with the code of the gravest: 2 for the configuration, 4 for what cannot be
reached, 5 for what hangs, 3 for the rest. With warnings alone it ends with 0.

Examples:
  halflap doctor
  halflap --config /etc/halflap/halflap.yaml doctor
  halflap doctor --json | jq -r '.checks[] | select(.state != "ok")'
`;

/** Of a server that was started with such options, the same. */
export function withServerPlace(command: Command): Command {
  return command
    .option('--data <directory>', 'where the PostgreSQL of its own is, without a halflap.yaml')
    .option('--listen <address>', 'where the server of this machine was told to listen')
    .option('--agents <address>', 'where it was told to listen for agents')
    .option('--name <name>', 'what it was told to be called')
    .option('--timeout <duration>', 'how long each answer is waited for (5s)', parseDuration);
}

export function addDoctor(program: Command): void {
  withServerPlace(program.command('doctor'))
    .description('look at everything at once, and say what to do')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/doctor.js')).run));
}
