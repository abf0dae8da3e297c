// A command of the command line under a pseudo terminal, on which somebody answers a question.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../packages/cli/dist/main.js', import.meta.url));

/** Types a line once it is asked yes or no. @returns how it ended, and what was seen. */
export async function onTerminal(
  typed: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
) {
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-q', '-e', '-c', `exec ${command}`, '/dev/null'], {
    env: { PATH: process.env.PATH, TERM: 'xterm', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  let isAsked = false;
  child.stdout.on('data', (chunk) => {
    text += chunk;
    if (!isAsked && text.includes('[y/N]')) child.stdin.write(`${typed}\r`);
    isAsked ||= text.includes('[y/N]');
  });
  const [code] = await once(child, 'close');
  child.stdin.destroy();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with escape.
  return { code, text: text.replace(/\u001b\[\d+m/g, '') };
}
