import { describe, expect, it } from 'vitest';
import { commandLine } from '../../state/words';
import { lastWords, type Work, wordsOf, workOf, workWords } from './work';

const line = (work: Work) => commandLine('jobs', 'run', ...workWords(work), ...lastWords(work));

function fieldsOf(values: Readonly<Record<string, string>>): FormData {
  const fields = new FormData();
  for (const [name, value] of Object.entries(values)) fields.set(name, value);
  return fields;
}

describe('wordsOf', () => {
  it('keeps together what is in quotes, and takes nothing else for special', () => {
    expect(wordsOf(`sh -c 'a  "b"' --x="1 2" $HOME *`)).toEqual([
      ...['sh', '-c', 'a  "b"', '--x=1 2', '$HOME', '*'],
    ]);
  });
});

describe('the work of a form', () => {
  it('is the same as the line that is shown', () => {
    const fields = fieldsOf({ action: 'install', packages: 'a b=1.0-2', simulate: 'on' });
    const packages = workOf('packages', fields);
    expect(packages).toMatchObject({
      packages: [{ version: null }, { name: 'b', version: '1.0-2' }],
    });
    expect(line(packages)).toBe('halflap jobs run packages install a b=1.0-2 --simulate');
    const command = workOf('command', fieldsOf({ command: `sh -c 'a b'`, user: 'www' }));
    expect(line(command)).toBe("halflap jobs run command --user www -- sh -c 'a b'");
    const file = workOf('file', fieldsOf({ path: '/etc/hosts', mode: '0644' }));
    expect(line(file)).toBe('halflap jobs run file /etc/hosts --mode 0644');
  });
});
