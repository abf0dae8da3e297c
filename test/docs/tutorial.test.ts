// docs/tutorial.md: every command is run, in order, and answers what the page says.

import { afterAll, describe, expect, it } from 'vitest';
import { commandsOf, missingLine, Terminal } from './console-script.js';
import { blocksOf, readPage } from './page.js';

const commands = commandsOf(blocksOf(readPage('docs/tutorial.md')));
const terminal = new Terminal();

afterAll(() => terminal.close());

describe('docs/tutorial.md', { timeout: 300_000 }, () => {
  it('is about something', () => {
    expect(commands.length).toBeGreaterThan(30);
    expect(commands.filter((one) => one.isBackground)).toHaveLength(1);
  });

  for (const command of commands) {
    it(`line ${command.line}: ${command.text}`, async () => {
      const ended = await terminal.run(command);
      const seen = `${ended.stdout}${ended.stderr}`;
      expect(ended.code, seen).toBe(command.exitCode);
      expect(missingLine(command, ended), seen).toBeNull();
    });
  }
});
