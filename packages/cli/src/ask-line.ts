// Asks on a terminal for one line, for a secret that is not shown, or for a yes. Prompts go to
// stderr: stdout is for results. Where nobody can answer, the error names the option that does.

import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { HalflapError } from '@halflap/protocol';
import type { Printer } from './print.js';
import { readSecret } from './secrets.js';

/** @throws COMMAND_INVALID where there is no terminal; INTERRUPTED */
export async function askLine(printer: Printer, prompt: string, option: string): Promise<string> {
  assertTerminal(printer, prompt, option);
  return (await ask(prompt, process.stderr)).trim();
}

/** The same for what must not be seen. */
export async function askSecret(printer: Printer, prompt: string, option: string): Promise<string> {
  assertTerminal(printer, prompt, option);
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    const answer = ask('', unseen);
    // After the terminal has been told to show nothing: who types quickly is not seen either.
    process.stderr.write(`${prompt}: `);
    return readSecret({ literal: await answer }, prompt.toLowerCase());
  } finally {
    process.stderr.write('\n');
  }
}

/** A secret of a file, or else of a terminal. @throws as `askSecret`; CONFIG_INVALID */
export async function secretFrom(
  printer: Printer,
  file: string | undefined,
  { prompt, option }: { readonly prompt: string; readonly option: string },
): Promise<string> {
  if (file !== undefined) return readSecret({ file }, prompt.toLowerCase());
  return askSecret(printer, prompt, `${option} FILE`);
}

/** A new password of a file, or twice of a terminal. */
export async function newPassword(printer: Printer, file: string | undefined): Promise<string> {
  const how = { option: '--password-file', prompt: 'New password' };
  const first = await secretFrom(printer, file, how);
  if (file !== undefined) return first;
  const again = await secretFrom(printer, file, { ...how, prompt: 'New password again' });
  if (again === first) return first;
  throw new HalflapError('COMMAND_INVALID', 'the two passwords differ', { hint: 'run it again' });
}

/** @throws COMMAND_INVALID for a no, and where nobody can be asked; INTERRUPTED */
export async function confirm(printer: Printer, question: string, isSure: boolean): Promise<void> {
  if (isSure) return;
  const word = await askLine(printer, `${question} [y/N]`, '--yes');
  if (/^y(?:es)?$/i.test(word)) return;
  throw new HalflapError('COMMAND_INVALID', 'not confirmed; nothing was done', {
    hint: 'answer y, or give --yes',
  });
}

function assertTerminal(printer: Printer, prompt: string, option: string): void {
  if (printer.isInteractive && process.stdin.isTTY === true) return;
  throw new HalflapError('COMMAND_INVALID', `nobody can be asked here: ${prompt}`, {
    hint: `say it with ${option}`,
  });
}

function ask(prompt: string, output: NodeJS.WritableStream): Promise<string> {
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  return new Promise<string>((resolve, reject) => {
    const stopped = () =>
      reject(
        new HalflapError('INTERRUPTED', 'the command was stopped; nothing was done', {
          hint: 'run it again',
        }),
      );
    lines.once('SIGINT', stopped);
    lines.once('close', stopped);
    lines.question(prompt === '' ? '' : `${prompt}: `, resolve);
  }).finally(() => lines.close());
}
