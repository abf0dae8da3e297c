// The options of `halflap audit …` and their help; actions/audit.ts is what they do.

import { type Command, Option } from 'commander';
import { onDemand } from '../on-demand.js';
import { withListOptions, withServerOptions } from '../options.js';

/** Those of the API; a test compares. */
export const AUDIT_OUTCOMES = ['intended', 'done', 'refused', 'failed'] as const;

const LIST_HELP = `
The latest comes first. What changes something on another shard than the home shard has two entries:
what was intended, then what came of it.

Examples:
  halflap audit list --actor anna --limit 20
  halflap audit list --act job.create --outcome refused --all
`;

const VERIFY_HELP = `
Computes the chain of hashes anew, from the first entry on. Exit code 3 when an entry was changed,
removed or put in. Somebody who can write the whole table could compute all hashes anew: compare the
head with one that was noted elsewhere, such as in the log of a server.

Examples:
  halflap audit verify
  halflap audit verify --json | jq -r .head.hash
`;

export function addAudit(program: Command): void {
  const audit = withServerOptions(program.command('audit')).description('who did what, and when');
  withListOptions(audit.command('list'))
    .description('list the audit log')
    .option('--actor <name>', 'by whom: anna, anna/backup for a token')
    .option('--act <act>', 'what was done: host.update')
    .option('--target <target>', 'to what: host 3f0c4a52-0d0e-4c8e-9d1b-6f3f8a6f7b11')
    .addOption(new Option('--outcome <outcome>', 'what came of it').choices(AUDIT_OUTCOMES))
    .addHelpText('after', LIST_HELP)
    .action(onDemand(async () => (await import('../actions/audit.js')).list));
  audit
    .command('verify')
    .description('say whether the audit log is what was written')
    .addHelpText('after', VERIFY_HELP)
    .action(onDemand(async () => (await import('../actions/audit.js')).verify));
}
