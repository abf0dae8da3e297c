// The options of `halflap init` and its help; actions/init.ts is what it does.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withScratchOption } from '../options.js';
import { repeated } from '../repeated.js';

const HELP = `
A live database is read by pg_dump, which must not be older than the server. What it gives is
loaded on a scratch server before anything is written. Files that are there are left alone. The
database is only read; halflap.yaml names the environment variable that holds its URL, never the
URL itself.

Examples:
  halflap init --from-env SHOP_URL
  halflap init --from postgres://shop@db-eu1/shop --release 3.4
  halflap init --from shop.sql --app shop
`;

export function addInit(program: Command): void {
  withScratchOption(program.command('init'))
    .description('make the first release from a live database or a dump')
    .option('--from <source>', 'URL of a database, or a file of SQL')
    .option('--from-env <variable>', 'the environment variable that holds the URL')
    .option('--exclude-schema <name>', 'a schema of the database to leave out', repeated)
    .option('--release <version>', 'what the release is called', '1.0')
    .option('--app <name>', 'what the application is called (default: as the database or the file)')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/init.js')).run));
}
