// The command line as a value: every command with its options, without running any. docs/cli.md is
// compared with this value by a test.

import { Command } from 'commander';
import { addAbort } from './commands/abort.js';
import { addAdopt } from './commands/adopt.js';
import { addAgent } from './commands/agent.js';
import { addAlerts } from './commands/alerts.js';
import { addApiTokens } from './commands/api-tokens.js';
import { addAudit } from './commands/audit.js';
import { addAuthority } from './commands/authority.js';
import { addBehaviours } from './commands/behaviours.js';
import { addBuckets } from './commands/buckets.js';
import { addBuild } from './commands/build.js';
import { addBus } from './commands/bus.js';
import { addCampaign } from './commands/campaign.js';
import { addCheck } from './commands/check.js';
import { addClusters } from './commands/clusters.js';
import { addContract } from './commands/contract.js';
import { addDiff } from './commands/diff.js';
import { addDoctor } from './commands/doctor.js';
import { addExpand } from './commands/expand.js';
import { addFeatures } from './commands/features.js';
import { addHosts } from './commands/hosts.js';
import { addInit } from './commands/init.js';
import { addInstall } from './commands/install.js';
import { addJobs } from './commands/jobs.js';
import { addLogin, addLogout, addWhoAmI } from './commands/login.js';
import { addMessages } from './commands/messages.js';
import { addPace } from './commands/pace.js';
import { addPackages } from './commands/packages.js';
import { addPause } from './commands/pause.js';
import { addPlan } from './commands/plan.js';
import { addPrepare } from './commands/prepare.js';
import { addQuarantine } from './commands/quarantine.js';
import { addResume } from './commands/resume.js';
import { addServe } from './commands/serve.js';
import { addServices } from './commands/services.js';
import { addStatus } from './commands/status.js';
import { addSupport } from './commands/support.js';
import { addTokens } from './commands/tokens.js';
import { addUpgrade } from './commands/upgrade.js';
import { addUsers } from './commands/users.js';
import { addVerify } from './commands/verify.js';
import { addWait } from './commands/wait.js';

const EXIT_CODES = `\
Exit codes: 0 done, 1 defect of Halflap, 2 wrong command line or file, 3 refused with the reason,
4 a database or a server is unreachable, 5 timed out, 130 ended by a second Ctrl-C.`;

const HELP = `
${EXIT_CODES}

A vendor's developer:     halflap init --from shop.sql       halflap diff 2.0 --write
                          halflap check        halflap plan 2.0        halflap build 2.0
A customer's operator:    halflap doctor
                          halflap status       halflap prepare --shard eu1
                          halflap expand --shard eu1
                          halflap contract --shard eu1
                          halflap upgrade --all --to 3.0 --dry-run
Whoever manages hosts:    halflap login        halflap hosts list --security
`;

/** Makes the program; `version` is what --version prints. */
export function createProgram(version: string): Command {
  const program = new Command('halflap')
    .description('Upgrades a sharded PostgreSQL application one server and one shard at a time.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .option('--config <file>', 'the fleet and the application', 'halflap.yaml')
    .option('--json', 'print JSON, one value a line, errors included, on stdout')
    .showSuggestionAfterError()
    .addHelpText('after', HELP)
    .configureHelp({ showGlobalOptions: true })
    // Errors are printed by main.ts, in one form for all of them.
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  for (const add of DEVELOPERS) add(program.commandsGroup('Commands of the developer:'));
  for (const add of OPERATORS) add(program.commandsGroup('Commands of the operator:'));
  for (const add of ADMINISTRATORS) {
    add(program.commandsGroup('Commands of the system management application:'));
  }
  tellExitCodes(program.commands);
  return program;
}

function tellExitCodes(commands: readonly Command[]): void {
  for (const command of commands) {
    const isGroup = command.commands.length > 0;
    command.addHelpText('after', isGroup ? `\n${EXIT_CODES}` : EXIT_CODES);
    tellExitCodes(command.commands);
  }
}

const DEVELOPERS = [addInit, addDiff, addCheck, addPlan, addBuild] as const;

const OPERATORS = [
  addStatus,
  addDoctor,
  addSupport,
  addUpgrade,
  addPrepare,
  addExpand,
  addVerify,
  addContract,
  addAbort,
  addWait,
  addPause,
  addResume,
  addPace,
  addInstall,
  addAdopt,
  addQuarantine,
  addFeatures,
  addMessages,
  addBehaviours,
] as const;

const ADMINISTRATORS = [
  addServe,
  addBuckets,
  addAgent,
  addLogin,
  addLogout,
  addWhoAmI,
  addHosts,
  addPackages,
  addServices,
  addJobs,
  addAlerts,
  addClusters,
  addCampaign,
  addTokens,
  addUsers,
  addApiTokens,
  addAudit,
  addAuthority,
  addBus,
] as const;
