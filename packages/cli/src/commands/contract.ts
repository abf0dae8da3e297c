// dual → contracting → settled on the new release: the only verb from which there is no way back.

import { type Command, InvalidArgumentError } from 'commander';
import { onDemand } from '../on-demand.js';
import { withVerbOptions } from '../options.js';

const HELP = `
Refused, with the evidence, while a server of the old release holds a lease, sessions or statistics
show the old layout in use, rows are in quarantine, or verify has not passed. There is no way back
from here: abort is possible until contract has begun.

--force-in-use passes over findings of use only, never over quarantine or verify; the reason is kept
in the shard's journal.

Examples:
  halflap contract --shard eu1
  halflap contract --shard eu1 --force-in-use "web-9 was scrapped, its lease ends tomorrow"
`;

export function addContract(program: Command): void {
  withVerbOptions(program.command('contract'))
    .description('take the old release and its layout away, when nobody uses it')
    .option(
      '--force-in-use <reason>',
      'contract although the old release seems to be in use',
      parseReason,
    )
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../verb-run.js')).runOnShards('contract')));
}

/** It is all that is left of the decision when somebody asks later. */
function parseReason(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('Say why, in words.');
  return text;
}
