// The options of `halflap agent` and its help; actions/agent.ts is what it does.

import { type Command, Option } from 'commander';
import { onDemand } from '../on-demand.js';
import { repeated } from '../repeated.js';

const HELP = `
A host enrols once, with a token of halflap tokens create, and knows the cluster by the digest that
is printed with it. From then on it is known by a key of its own in the state directory.

What servers may ask of the host is said by its policy file: docs/agent-policy.md. Without one they
may manage packages and services and look at files, but run no commands.

Examples:
  halflap agent --enrol TOKEN --ca-pin sha256:… --server halflap.example:8441
  halflap agent --server one.example:8441 --server two.example:8441
`;

export function addAgent(program: Command): void {
  program
    .command('agent')
    .description('run the agent of this host')
    .option(
      '--server <address>',
      'where agents come, HOST:PORT; may be given several times',
      repeated,
    )
    .addOption(
      new Option('--enrol <token>', 'enrol this host, if it has not').conflicts('enrolFile'),
    )
    .option('--enrol-file <file>', 'the file with the token; other users can see command lines')
    .addOption(
      new Option('--ca-pin <digest>', 'the authority of the cluster, sha256:…').conflicts('ca'),
    )
    .option('--ca <file>', 'the authority of the cluster, PEM')
    .option('--state <directory>', 'what the agent keeps', '/var/lib/halflap-agent')
    .option('--policy <file>', 'what servers may ask', '/etc/halflap/agent-policy.yaml')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/agent.js')).run));
}
