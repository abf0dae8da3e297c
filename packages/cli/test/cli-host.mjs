// Runs command lines one after another in one process, each as main.ts runs one: its directory, its
// environment, its streams, its exit code. A command is over when nothing keeps the process alive
// any more, so that what it forgets to close keeps it from ending here too.

import { Writable } from 'node:stream';
import { runCommandLine } from '../dist/command-line.js';

process.on('disconnect', () => process.exit());

process.on('message', ({ directory, args, env }) => {
  process.chdir(directory);
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  process.exitCode = undefined;
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    const write = (chunk, _encoding, done) => {
      written[name] += chunk;
      done();
    };
    const value = new Writable({ decodeStrings: false, write });
    Object.defineProperty(process, name, { value, configurable: true });
  }
  process.channel.unref();
  process.once('beforeExit', () => {
    process.channel.ref();
    process.send({ code: process.exitCode ?? 0, ...written });
  });
  void run(args);
});

async function run(args) {
  const code = await runCommandLine([process.execPath, 'halflap', ...args], '0.0.0');
  if (code !== 0) process.exitCode = code;
}
