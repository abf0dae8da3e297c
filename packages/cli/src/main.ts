// Starts the command line, and turns whatever it ends with into one message and one exit code.

import { createRequire } from 'node:module';
import { EXIT, HalflapError } from '@halflap/protocol';
import { type Command, CommanderError } from 'commander';
import { printError } from './print.js';
import { createProgram } from './program.js';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

let isTold = false;
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  // A reader that went away must not end a verb in the middle: what it does is not for the reader.
  // Nor must a disk that is full; but then somebody wanted to keep the results, and is told.
  if (code === 'EPIPE' || isTold) return;
  isTold = true;
  process.exitCode = EXIT.internal;
  process.stderr.write(`cannot write results: ${message}\n`);
});
process.stderr.on('error', () => {});

const code = await run(process.argv);
// A verb may have said more than "done" by itself, and so may the loss of its results.
if (code !== EXIT.done) process.exitCode = code;

async function run(argv: readonly string[]): Promise<number> {
  const program = createProgram(version);
  try {
    await program.parseAsync([...argv]);
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return endOfParsing(error, program, argv);
    return printError(error, argv.includes('--json'));
  }
}

/** Help and version are ends too; all else is a wrong command line. */
function endOfParsing(error: CommanderError, program: Command, argv: readonly string[]): number {
  if (error.exitCode === 0) return EXIT.done;
  // Help for `halflap` without a command: it has been printed, and nothing was done.
  if (error.code === 'commander.help') return EXIT.usage;
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  const command = program.commands.find((one) => argv.slice(2).includes(one.name()));
  const hint = hintOn(error, command);
  return printError(
    new HalflapError('COMMAND_INVALID', message, { hint }),
    argv.includes('--json'),
  );
}

function hintOn({ code }: CommanderError, command: Command | undefined): string {
  if (command === undefined || code === 'commander.unknownCommand') return 'halflap --help';
  const help = `halflap ${command.name()} --help`;
  const takesShards = command.options.some((option) => option.long === '--shard');
  const isSurplus = code === 'commander.excessArguments' && takesShards;
  return isSurplus ? `name a shard by --shard NAME; ${help}` : help;
}
