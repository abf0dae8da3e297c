// prepared, expanding or dual → settled on the old release.

import type { Command } from 'commander';
import { runOnShards, type VerbOptions, withVerbOptions } from '../verb-run.js';

const HELP = `
Possible until contract. Loses nothing that the old release can represent.

Examples:
  halflap abort --shard eu1
`;

export function addAbort(program: Command): void {
  withVerbOptions(program.command('abort'))
    .description('lead a shard back to the old release')
    .addHelpText('after', HELP)
    .action((options: VerbOptions, command: Command) => runOnShards('abort', options, command));
}
