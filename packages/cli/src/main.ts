// Starts the command line, and makes one exit code of whatever it ends with.

import { createRequire } from 'node:module';
import { EXIT } from '@halflap/protocol';
import { runCommandLine } from './command-line.js';

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

const code = await runCommandLine(process.argv, version);
// A verb may have said more than "done" by itself, and so may the loss of its results.
if (code !== EXIT.done) process.exitCode = code;
