// One command line from its words to its exit code: whatever it ends with becomes one message.

import { EXIT, HalflapError } from '@halflap/protocol';
import { type Command, CommanderError } from 'commander';
import { printError } from './print.js';
import { createProgram } from './program.js';

/**
 * Returns the exit code; a verb may have set that of the process besides. `argv` is that of the
 * process, `version` what --version prints.
 */
export async function runCommandLine(argv: readonly string[], version: string): Promise<number> {
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
  const command = commandOf(program, argv.slice(2));
  const hint = hintOn(error, command);
  return printError(
    new HalflapError('COMMAND_INVALID', message, { hint }),
    argv.includes('--json'),
  );
}

/** The command that the words name, of several levels the last; undefined when they name none. */
function commandOf(parent: Command, words: readonly string[]): Command | undefined {
  for (const [at, word] of words.entries()) {
    const command = parent.commands.find((one) => one.name() === word);
    if (command !== undefined) return commandOf(command, words.slice(at + 1)) ?? command;
  }
  return undefined;
}

function hintOn({ code }: CommanderError, command: Command | undefined): string {
  if (command === undefined) return 'halflap --help';
  const help = `halflap ${nameOf(command)} --help`;
  if (code === 'commander.unknownCommand') return help;
  const takesShards = command.options.some((option) => option.long === '--shard');
  const isSurplus = code === 'commander.excessArguments' && takesShards;
  return isSurplus ? `name a shard by --shard NAME; ${help}` : help;
}

/** `hosts list`. */
function nameOf(command: Command): string {
  const { parent } = command;
  const isTop = parent?.parent === null || parent === null;
  return isTop ? command.name() : `${nameOf(parent)} ${command.name()}`;
}
