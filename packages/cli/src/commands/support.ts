// The options of `halflap support` and its help; actions/support.ts is what it does.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withServerOptions } from '../options.js';
import { repeated } from '../repeated.js';
import { withServerPlace } from './doctor.js';

const HELP = `
Writes one file (tar, gzip) for whoever helps from afar: what halflap doctor finds, the
configuration without its secrets, versions, every shard, the last of what happened, figures of a
server where a token is at hand, and the ends of logs that are named. No passwords, keys or tokens
are in it, nothing of what jobs run or write; names of hosts, servers and users are. Look into it
before you give it away: tar -tzf FILE.

Examples:
  halflap --config /etc/halflap/halflap.yaml support
  halflap support case-7.tar.gz --log /var/log/halflap.log
`;

export function addSupport(program: Command): void {
  withServerOptions(withServerPlace(program.command('support')))
    .description('gather what somebody who helps wants to see, without secrets')
    .argument('[file]', 'what is written; halflap-support-TIME.tar.gz when not given')
    .option('--log <file>', 'a log whose end goes with it; may be given several times', repeated)
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/support.js')).run));
}
