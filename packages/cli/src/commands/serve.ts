// The options of `halflap serve` and its help; actions/serve.ts is what it does.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';

const HELP = `
With a halflap.yaml (app: halflap) the server works on the shards that it names, together with every
other server that does; all of them have the same secret (server: secret_file). Without one it runs
on a PostgreSQL of its own with two shards, in a directory that stays.

The first Ctrl-C, or SIGTERM, lets it end in order: agents are told, and go to another server.

Examples:
  halflap serve
  halflap serve --data /srv/halflap --listen 127.0.0.1:8440 --agents 0.0.0.0:8441
  halflap --config /etc/halflap/halflap.yaml serve
`;

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('run a server of the system management application')
    .option('--data <directory>', 'where the PostgreSQL of its own is, without a halflap.yaml')
    .option('--listen <address>', 'address and port for people and programs (127.0.0.1:8440)')
    .option('--agents <address>', 'address and port for agents (0.0.0.0:8441)')
    .option('--name <name>', 'how people and shards know this server (the name of the machine)')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/serve.js')).run));
}
