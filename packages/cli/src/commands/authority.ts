// The options of `halflap authority …` and their help; actions/authority.ts is what they do.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withServerOptions } from '../options.js';

const STATUS_HELP = `
Counts what hosts have said themselves: whom they trust, and which authority their certificate is
from. While an authority is replaced it names the hosts that would be lost without the old one.

Examples:
  halflap authority status
  halflap authority status --json | jq '.dependants.hosts'
`;

const ROTATE_HELP = `
Makes the next authority. From then on both are trusted: hosts that are connected are told at once,
others when they come, and each gets a certificate of the new one. Servers show theirs of the old
one until that is dropped. May be repeated: while two are there it makes no third.

Examples:
  halflap authority rotate
  halflap authority status
  halflap authority drop
`;

const DROP_HELP = `
Refused while a host depends on the old authority: it was away all the time, and would have to
enrol again. --force says how many are lost, in the words of the refusal. Afterwards people sign in
with the digest of the new one (halflap login --ca-pin), and new hosts enrol by it.

Examples:
  halflap authority drop
  halflap authority drop --force "lose 3 hosts"
`;

const ROTATE_ORDERS_HELP = `
Makes the next key that orders are signed with; the present one vouches for it. A host gets orders
that are signed with it once the host has said that it knows it. May be repeated: while two are
there it makes no third.

Examples:
  halflap authority rotate-orders-key
`;

const RETIRE_ORDERS_HELP = `
Hosts that are connected drop the old key, and others when they come: they follow the vouchers from
the key that they know. Its private half is gone. Refused while a server that runs has not read the
new one, which takes seconds.

Examples:
  halflap authority retire-orders-key
`;

const load = () => import('../actions/authority.js');

export function addAuthority(program: Command): void {
  const authority = withServerOptions(program.command('authority')).description(
    'what hosts trust: the authority, the key of orders',
  );
  authority
    .command('status')
    .description('show the keys, and how many hosts have which')
    .addHelpText('after', STATUS_HELP)
    .action(onDemand(async () => (await load()).status));
  authority
    .command('rotate')
    .description('make the authority that follows the present one')
    .option('--yes', 'do not ask')
    .addHelpText('after', ROTATE_HELP)
    .action(onDemand(async () => (await load()).rotate));
  authority
    .command('drop')
    .description('drop the old authority')
    .option('--force <words>', 'what is lost, as the refusal says it')
    .option('--yes', 'do not ask')
    .addHelpText('after', DROP_HELP)
    .action(onDemand(async () => (await load()).drop));
  authority
    .command('rotate-orders-key')
    .description('make the key of orders that follows the present one')
    .option('--yes', 'do not ask')
    .addHelpText('after', ROTATE_ORDERS_HELP)
    .action(onDemand(async () => (await load()).rotateOrdersKey));
  authority
    .command('retire-orders-key')
    .description('give the old key of orders up')
    .option('--yes', 'do not ask')
    .addHelpText('after', RETIRE_ORDERS_HELP)
    .action(onDemand(async () => (await load()).retireOrdersKey));
}
