// The options of `halflap jobs run …` and their help; actions/jobs-run.ts is what they do.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration, wholeNumber } from '../duration.js';
import { onDemand } from '../on-demand.js';
import { withHostFilters } from '../options.js';
import { repeated } from '../repeated.js';

const MOST_HOSTS = 50_000;
const MOST_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Those of the protocol with agents; a test compares. */
export const PACKAGE_ACTIONS = [
  ...(['install', 'upgrade', 'downgrade', 'remove', 'hold', 'unhold'] as const),
] as const;
export const SERVICE_ACTIONS = [
  ...(['start', 'stop', 'restart', 'reload', 'enable', 'disable'] as const),
] as const;

/** Part of a job's hosts, as the API takes it. */
export type Share = { readonly hosts: number } | { readonly percent: number };

const COMMON_HELP = `
The hosts are printed first, exactly those that the job then goes to; it is made when that is
confirmed. The command waits for its end: exit code 0 when every host succeeded, 3 when one did not.
`;

const PACKAGES_HELP = `${COMMON_HELP}
Examples:
  halflap jobs run packages upgrade --only-security --label env=test --yes
  halflap jobs run packages install nginx=1.26.3-2 --label role=web --batch 10% --stop-after 2
  halflap jobs run packages upgrade openssl --package openssl=3.0.1 --simulate
`;

const SERVICE_HELP = `${COMMON_HELP}
Examples:
  halflap jobs run service restart nginx.service --label role=web --batch 1
`;

const COMMAND_HELP = `${COMMON_HELP}
No shell reads the words unless the program is one. They stand behind --, which ends the options.

Examples:
  halflap jobs run command --label env=prod -- df -h /var
  halflap jobs run command --host web-01.example --user www-data -- sh -c 'du -s ~/*'
`;

const FILE_HELP = `${COMMON_HELP}
Looks at a file and says whether it is as expected; changes nothing. Without an option it has to
exist.

Examples:
  halflap jobs run file /etc/ssh/sshd_config --contains "PermitRootLogin no" --every-host
`;

const load = () => import('../actions/jobs-run.js');

export function addJobsRun(jobs: Command): void {
  const run = jobs.command('run').description('make a job, and wait for its end');
  withJobOptions(run.command('packages'))
    .description('install, upgrade, downgrade, remove, hold or release packages')
    .addArgument(run.createArgument('<action>', 'what to do').choices(PACKAGE_ACTIONS))
    .argument('[packages...]', 'NAME or NAME=VERSION; none with upgrade: all that can be')
    .option('--only-security', 'with upgrade, and no packages: what fixes a vulnerability')
    .option('--simulate', 'say what the package manager would do, and do nothing')
    .addHelpText('after', PACKAGES_HELP)
    .action(onDemand(async () => (await load()).packages));
  withJobOptions(run.command('service'))
    .description('start, stop, restart, reload, enable or disable a service')
    .addArgument(run.createArgument('<action>', 'what to do').choices(SERVICE_ACTIONS))
    .argument('<service>', 'its name: nginx.service')
    .addHelpText('after', SERVICE_HELP)
    .action(onDemand(async () => (await load()).service));
  withJobOptions(run.command('command'))
    .description('run a program')
    .argument('<program>', 'its name, or its path')
    .argument('[args...]', 'its arguments')
    .option('--user <name>', 'as this user; else as the agent’s own')
    .option('--directory <path>', 'in this directory; else in the root directory')
    .option('--env <key=value>', 'a variable of its environment; may be repeated', repeated)
    .addHelpText('after', COMMAND_HELP)
    .action(onDemand(async () => (await load()).command));
  withJobOptions(run.command('file'))
    .description('look whether a file is as expected')
    .argument('<path>', 'from the root directory on')
    .addOption(new Option('--absent', 'it must not exist'))
    .option('--sha256 <hex>', 'its content has this SHA-256')
    .option('--contains <text>', 'its content has this text')
    .option('--mode <octal>', 'its permissions: 0644')
    .option('--owner <name>', 'whose it is')
    .addHelpText('after', FILE_HELP)
    .action(onDemand(async () => (await load()).file));
}

/** Which hosts, how fast, and what is asked and waited for. */
function withJobOptions(command: Command): Command {
  return withHostFilters(command)
    .option('--host <host>', 'this host: its id, or its hostname; may be repeated', repeated)
    .option('--every-host', 'every active host')
    .option('--name <text>', 'what people know the job by; else it follows from the work')
    .option('--batch <share>', 'so many hosts after one another: 10, or 5%', parseShare)
    .option('--concurrency <n>', 'hosts at work at once', wholeNumber(1, MOST_HOSTS))
    .option('--stop-after <share>', 'failures after which no other host begins', parseShare)
    .option('--wait <duration>', 'how long a host may be offline', parseDuration)
    .option('--timeout <duration>', 'how long a host may take', parseDuration)
    .option('--total <duration>', 'when all that has not ended is stopped', parseDuration)
    .option('--lost <duration>', 'how long a host that should be done is waited for', parseDuration)
    .option(
      '--output-limit <bytes>',
      'output of a host that is kept',
      wholeNumber(0, MOST_OUTPUT_BYTES),
    )
    .option('--preview', 'print the hosts, and make no job')
    .option('--partial', 'make it, too, when a shard does not answer and its hosts are missing')
    .option('--detach', 'do not wait for its end')
    .option('--yes', 'do not ask');
}

function parseShare(text: string): Share {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  const number = Number(digits);
  if (digits !== undefined && percent === '%' && number > 0 && number <= 100) {
    return { percent: number };
  }
  if (digits !== undefined && percent === '' && Number.isInteger(number) && number > 0) {
    return { hosts: number };
  }
  throw new InvalidArgumentError('Expected a number of hosts, or a percentage such as 10%.');
}
