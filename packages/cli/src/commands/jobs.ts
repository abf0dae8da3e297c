// The options of `halflap jobs …` and their help, but for `jobs run`; actions/jobs.ts is what they
// do.

import { type Command, Option } from 'commander';
import { onDemand } from '../on-demand.js';
import { withListOptions, withPartialOption, withServerOptions } from '../options.js';
import { repeatedOf } from '../repeated.js';
import { addJobsRun } from './jobs-run.js';

/** Those of the API; a test compares. */
export const JOB_STATES = [
  ...(['running', 'stopping', 'succeeded', 'failed', 'stopped', 'cancelled', 'timed_out'] as const),
] as const;
export const RUN_STATES = [
  ...(['waiting', 'released', 'sent', 'running', 'succeeded', 'failed', 'timed_out'] as const),
  ...(['cancelled', 'refused', 'lost', 'expired', 'skipped'] as const),
] as const;

const LIST_HELP = `
The newest comes first.

Examples:
  halflap jobs list --state running
  halflap jobs list --json | jq -r '.jobs[] | select(.state == "failed") | .id'
`;

const SHOW_HELP = `
A job is named by its id, or by enough of its beginning.

Examples:
  halflap jobs show 3f0c4a52
`;

const HOSTS_HELP = `
Every host that a job was made for is listed, with what became of it.

Examples:
  halflap jobs hosts 3f0c4a52 --state failed --state lost
`;

const OUTPUT_HELP = `
What the host has kept: a job has a limit, and what was left out is said.

Examples:
  halflap jobs output 3f0c4a52 web-01.example
`;

const FOLLOW_HELP = `
Prints what the hosts of a job have written and write, each line behind the name of its host, until
the job has ended. Exit code 0 when every host succeeded, 3 when one did not. Ctrl-C ends the
watching, and not the job.

Examples:
  halflap jobs follow 3f0c4a52
  halflap jobs follow 3f0c4a52 --host web-01.example
`;

const CANCEL_HELP = `
No further host begins; what has begun is ended on its host. Nothing is undone.

Examples:
  halflap jobs cancel 3f0c4a52 --reason "wrong version"
`;

const GIVE_UP_HELP = `
For a shard that is lost for good. On its hosts the job ends as lost, on all others it goes on. Only
hosts whose shard does not answer now are given up. Of a job that the home shard has lost, name the
whole id: whatever of it is open on any shard ends.

Examples:
  halflap jobs give-up 3f0c4a52
`;

const RETRY_HELP = `
Makes a job like this one, on the hosts where it failed, timed out, was refused or lost, or that
were offline until too late; --failed leaves out the last ones, --state chooses others.

Examples:
  halflap jobs retry 3f0c4a52 --failed
  halflap jobs retry 3f0c4a52 --state skipped --yes
`;

const load = () => import('../actions/jobs.js');

export function addJobs(program: Command): void {
  const jobs = withServerOptions(program.command('jobs')).description(
    'work on many hosts: packages, services, commands',
  );
  withListOptions(jobs.command('list'))
    .description('list jobs')
    .addOption(statesOf('--state <state>', 'in this state; may be repeated', JOB_STATES))
    .addHelpText('after', LIST_HELP)
    .action(onDemand(async () => (await load()).list));
  addJobsRun(jobs);
  withJob(jobs.command('show'))
    .description('show what a job does, and how far it is')
    .addHelpText('after', SHOW_HELP)
    .action(onDemand(async () => (await load()).show));
  withPartialOption(withListOptions(withJob(jobs.command('hosts'))))
    .description('list the hosts of a job, and what became of each')
    .addOption(statesOf('--state <state>', 'in this state; may be repeated', RUN_STATES))
    .option('--search <text>', 'a part of the host’s name')
    .addHelpText('after', HOSTS_HELP)
    .action(onDemand(async () => (await load()).hosts));
  withJob(jobs.command('output'))
    .description('print what a job has written on one host')
    .argument('<host>', 'its id, or its hostname')
    .addHelpText('after', OUTPUT_HELP)
    .action(onDemand(async () => (await load()).output));
  withJob(jobs.command('follow'))
    .description('print what hosts write until the job has ended')
    .option('--host <host>', 'of this host only: its id, or its hostname')
    .addHelpText('after', FOLLOW_HELP)
    .action(onDemand(async () => (await load()).follow));
  withJob(jobs.command('cancel'))
    .description('let no further host begin, and end those that have')
    .option('--reason <text>', 'why, for the job and the audit log')
    .addHelpText('after', CANCEL_HELP)
    .action(onDemand(async () => (await load()).cancel));
  withJob(jobs.command('give-up'))
    .description('end a job as lost where the shard is lost')
    .option('--yes', 'do not ask')
    .addHelpText('after', GIVE_UP_HELP)
    .action(onDemand(async () => (await load()).giveUp));
  withJob(jobs.command('retry'))
    .description('make the job again on hosts where it did not succeed')
    .addOption(new Option('--failed', 'where it failed; not on those that were offline'))
    .addOption(
      statesOf('--state <state>', 'where it ended so; may be repeated', RUN_STATES).conflicts(
        'failed',
      ),
    )
    .option('--detach', 'do not wait for its end')
    .option('--yes', 'do not ask')
    .addHelpText('after', RETRY_HELP)
    .action(onDemand(async () => (await load()).retry));
}

function withJob(command: Command): Command {
  return command.argument('<job>', 'its id, or enough of its beginning');
}

function statesOf(flags: string, about: string, states: readonly string[]): Option {
  return new Option(flags, about).choices(states).argParser(repeatedOf(states));
}
