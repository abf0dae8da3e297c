// The options of `halflap campaign …` and their help; actions/campaign.ts and campaign-acts.ts are
// what they do.

import { type Command, Option } from 'commander';
import { parseDuration, wholeNumber } from '../duration.js';
import { onDemand } from '../on-demand.js';
import { withListOptions, withServerOptions } from '../options.js';
import { repeated, repeatedOf } from '../repeated.js';

/** Those of the API; a test compares. */
export const CAMPAIGN_STATES = [
  ...(['planned', 'running', 'paused', 'stopped', 'finished', 'cancelled'] as const),
] as const;
export const GOALS = ['upgraded', 'expanded', 'back'] as const;

const PLAN_HELP = `
The shortest safe order, unless --step names your own; nothing is done yet. A plan that is not safe
is refused, with what stands against it. A policy file is YAML; docs/campaigns.md has its keys.

Examples:
  halflap campaign plan shop
  halflap campaign plan shop --until expanded --policy weekend.yaml
  halflap campaign plan shop --step shard/eu1/prepare --step server/app1/upgrade
`;

const APPROVE_HELP = `
Shows the plan, and asks. --digest approves that plan alone, --yes whatever the plan is now.

Examples:
  halflap campaign approve 3f0c4a52
  halflap campaign approve 3f0c4a52 --step shard/eu1/contract --yes
`;

const STATUS_HELP = `
Exit code 3 when it is paused, stopped or cancelled, else 0. With --follow it is shown again when it
has changed, until the campaign has ended, is paused or stopped, or waits for somebody. Exit code
then: 0 when it has finished, 5 when the --timeout has passed, else 3.

Examples:
  halflap campaign status 3f0c4a52
  halflap campaign status 3f0c4a52 --follow --timeout 2h
`;

const START_HELP = `
One that runs, or has finished, is left as it is. With --follow it is shown as by status --follow,
and ends with the same exit codes.

Examples:
  halflap campaign start 3f0c4a52
  halflap campaign start 3f0c4a52 --follow --timeout 2h
`;

const DEFAULT_PATIENCE_MS = 60_000;

const EXCLUDE_HELP = `
Nothing is done to it any more; what it runs counts, so that no contract takes a shard from it.

Examples:
  halflap campaign exclude 3f0c4a52 server/app7 --reason "its disk is broken"
`;

const WHAT_IF_HELP = `
Exit code 0 when the step is safe, 3 when it is not.

Examples:
  halflap campaign what-if shop shard/eu1/contract
`;

const BACK_HELP = `
Ends the campaign, and plans the way back: to be approved and started like any other. Past contract
it is refused, with the shards that stand against it.

Examples:
  halflap campaign back 3f0c4a52 --reason "orders are slow"
`;

const HISTORY_HELP = `
Examples:
  halflap campaign history 3f0c4a52 --all
  halflap campaign history 3f0c4a52 --at 4711
`;

const REPORT_HELP = `
One page of HTML without scripts: the plan, its approvals, each step, the signals, the servers and
shards before and after, the history. With --json the same as data; the page then only with --out.

Examples:
  halflap campaign report 3f0c4a52
  halflap campaign report 3f0c4a52 --out upgrade.html
`;

/** As long as they are kept: 90 days. */
const MOST_MINUTES = 90 * 24 * 60;

const example = (line: string) => `\nExamples:\n  halflap campaign ${line}\n`;
const load = () => import('../actions/campaign.js');
const loadSignals = () => import('../actions/campaign-signals.js');
const loadActs = () => import('../actions/campaign-acts.js');

export function addCampaign(program: Command): void {
  const campaign = withServerOptions(program.command('campaign')).description(
    'upgrade a cluster, server by server and shard by shard',
  );
  addPlanning(campaign);
  addSeeing(campaign);
  addReporting(campaign);
  addTelling(campaign);
  addChoices(campaign);
}

function addPlanning(campaign: Command): void {
  campaign
    .command('plan')
    .description('plan a campaign')
    .argument('<cluster>', 'its name, or its id')
    .option(
      '--to <release>',
      'the newer release (default: the one that the newest bundle leads to)',
    )
    .addOption(new Option('--until <goal>', 'where it leads').choices(GOALS).default('upgraded'))
    .option('--policy <file>', 'what holds it back: windows, soak times, how many at once')
    .option('--step <step>', 'your own order, step by step', repeated)
    .option('--exclude <what>', 'leave out server/NAME or shard/NAME; may be repeated', repeated)
    .option('--reason <text>', 'why something is left out')
    .addHelpText('after', PLAN_HELP)
    .action(onDemand(async () => (await load()).plan));
  withCampaign(campaign.command('approve'))
    .description('approve a plan, or a step that nothing leads back from')
    .option('--digest <digest>', 'of the plan that you have read')
    .option('--step <step>', 'this step, which needs an approval of its own')
    .option('--yes', 'do not ask')
    .addHelpText('after', APPROVE_HELP)
    .action(onDemand(async () => (await loadActs()).approve));
  withFollowing(withCampaign(campaign.command('start')).description('start what is approved'))
    .addHelpText('after', START_HELP)
    .action(onDemand(async () => (await loadActs()).start));
}

function addSeeing(campaign: Command): void {
  withListOptions(campaign.command('list'))
    .description('list campaigns')
    .option('--cluster <cluster>', 'of this cluster: its name, or its id')
    .addOption(
      new Option('--state <state>', 'in this state; may be repeated')
        .choices(CAMPAIGN_STATES)
        .argParser(repeatedOf(CAMPAIGN_STATES)),
    )
    .addHelpText('after', example('list --state running --state stopped'))
    .action(onDemand(async () => (await load()).list));
  withFollowing(withCampaign(campaign.command('status')))
    .description('show how far a campaign is, and what it waits for')
    .addHelpText('after', STATUS_HELP)
    .action(onDemand(async () => (await load()).status));
  campaign
    .command('what-if')
    .description('say what a step would make impossible')
    .argument('<cluster>', 'its name, or its id')
    .argument('<step>', 'server/NAME/upgrade, shard/NAME/expand, …')
    .addHelpText('after', WHAT_IF_HELP)
    .action(onDemand(async () => (await load()).whatIf));
  withListOptions(withCampaign(campaign.command('history')))
    .description('show what was seen, decided and done')
    .option('--at <number>', 'the matrix as it was at this event')
    .addHelpText('after', HISTORY_HELP)
    .action(onDemand(async () => (await load()).history));
}

function addReporting(campaign: Command): void {
  withCampaign(campaign.command('signals'))
    .description('show what the application said while steps went on')
    .option('--minutes <n>', 'of the last so many minutes only', wholeNumber(1, MOST_MINUTES))
    .addHelpText('after', example('signals 3f0c4a52'))
    .action(onDemand(async () => (await loadSignals()).signals));
  withCampaign(campaign.command('report'))
    .description('write all of a campaign into one file')
    .option('--out <file>', 'where to write (default: CLUSTER-FROM-TO-ID.html)')
    .addHelpText('after', REPORT_HELP)
    .action(onDemand(async () => (await loadSignals()).report));
}

function addTelling(campaign: Command): void {
  withReason(withCampaign(campaign.command('pause')))
    .description('let nothing further begin')
    .addHelpText('after', example('pause 3f0c4a52 --reason "until Monday"'))
    .action(onDemand(async () => (await loadActs()).pause));
  withReason(withCampaign(campaign.command('resume')))
    .description('go on with what was paused or stopped')
    .addHelpText('after', example('resume 3f0c4a52'))
    .action(onDemand(async () => (await loadActs()).resume));
  withReason(withCampaign(campaign.command('cancel')))
    .description('end a campaign where it is')
    .addHelpText('after', example('cancel 3f0c4a52 --reason "another release is coming"'))
    .action(onDemand(async () => (await loadActs()).cancel));
}

function addChoices(campaign: Command): void {
  withStep(withCampaign(campaign.command('retry')))
    .description('carry out a step again that failed')
    .addHelpText('after', example('retry 3f0c4a52 server/app1/upgrade'))
    .action(onDemand(async () => (await loadActs()).retry));
  withStep(withCampaign(campaign.command('skip')))
    .description('leave a step out')
    .requiredOption('--reason <text>', 'why')
    .addHelpText('after', example('skip 3f0c4a52 server/app1/upgrade --reason "by hand"'))
    .action(onDemand(async () => (await loadActs()).skip));
  withCampaign(campaign.command('exclude'))
    .description('leave a server or a shard out of what is to come')
    .argument('<what>', 'server/NAME or shard/NAME')
    .requiredOption('--reason <text>', 'why')
    .addHelpText('after', EXCLUDE_HELP)
    .action(onDemand(async () => (await loadActs()).exclude));
  withReason(withCampaign(campaign.command('back')))
    .description('end it, and plan the way back')
    .addHelpText('after', BACK_HELP)
    .action(onDemand(async () => (await loadActs()).back));
}

function withCampaign(command: Command): Command {
  return command.argument('<campaign>', 'its id, or enough of its beginning');
}

function withFollowing(command: Command): Command {
  return command
    .option('--follow', 'show it again whenever it has changed')
    .addOption(
      new Option('--timeout <duration>', 'follow it for this long at most: 90s, 30m, 2h, 1d')
        .argParser(parseDuration)
        .implies({ follow: true }),
    )
    .addOption(
      new Option('--patience <duration>', 'how long something may stand in the way')
        .argParser(parseDuration)
        .default(DEFAULT_PATIENCE_MS, '1m'),
    );
}

function withStep(command: Command): Command {
  return command.argument('<step>', 'as the plan has it: server/NAME/upgrade');
}

function withReason(command: Command): Command {
  return command.option('--reason <text>', 'why, for its history and the audit log');
}
